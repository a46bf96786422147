"""Random changes to files: a reader returns a value or raises an error of the project, which names the file."""

import json

import pytest
from support.pages import ROOT
from support.sounds import encoded, speech_like

from acrnn import files
from acrnn.audio import load_waveform
from acrnn.crossval.results import RESULTS, read_results
from acrnn.errors import FileError
from acrnn.model_card import CARD, Card
from acrnn.records import RecordSet

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given, settings, strategies  # noqa: E402

CARD_VALUES = json.loads((ROOT / "saved_models" / "acrnn_emodb" / "1" / CARD).read_text(encoding="utf-8"))
RUN = ROOT / "experiments" / "results" / "ablation" / "chen2018"
SOUNDS = {
    ".wav": encoded(speech_like(0.1), 16000, "WAV", "PCM_16"),
    ".flac": encoded(speech_like(0.1), 16000, "FLAC", "PCM_16"),
    ".ogg": encoded(speech_like(0.1), 16000, "OGG", "VORBIS"),
    ".opus": encoded(speech_like(0.1), 48000, "OGG", "OPUS"),
    ".mp3": encoded(speech_like(0.1), 48000, "MP3", "MPEG_LAYER_III"),
}
VALUES = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | strategies.text("aä01", max_size=3),
    lambda inner: (
        strategies.lists(inner, max_size=2)
        | strategies.dictionaries(strategies.text("aä01", max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
FEW = settings(max_examples=40, deadline=None, derandomize=True, database=None)


def places(value, path=()):
    """Paths to all values in a JSON value; of long lists, to the first two entries."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, entry in entries:
        yield from places(entry, (*path, key))


def changed(value, path, new):
    """A copy of a JSON value with one value replaced."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


def refusal(read) -> str | None:
    """The message with which a reader refuses a file; None if it reads it. Errors of other kinds are failures."""
    try:
        read()
    except (FileError, FileNotFoundError) as error:
        return str(error)
    return None


RESULT_VALUES = json.loads((RUN / RESULTS).read_text(encoding="utf-8"))
RESULT_VALUES = {**RESULT_VALUES, "runs": [{**RESULT_VALUES["runs"][0], "attention": []}]}
RESULT_VALUES.pop("sha256")
CARD_PLACES, RESULT_PLACES = list(places(CARD_VALUES)), list(places(RESULT_VALUES))[1:]
MANIFEST = {
    **{key: CARD_VALUES[key] for key in ("labels", "frontend", "segments", "versions")},
    **dict.fromkeys(("utterances_sha256", "source_sha256"), ""),
    "corpus": {**CARD_VALUES["corpus"], "subset": "all"},
    "format_version": 1,
    "dtype": "float32",
    "shards": [],
    "counts": {},
    "skipped": [],
}


@FEW
@given(
    suffix=strategies.sampled_from(sorted(SOUNDS)),
    position=strategies.integers(0, 400),
    replacement=strategies.binary(max_size=8),
    is_cut=strategies.booleans(),
)
def test_changed_sounds(tmp_path_factory, suffix, position, replacement, is_cut):
    path = tmp_path_factory.getbasetemp() / f"sound{suffix}"
    content = SOUNDS[suffix][: len(SOUNDS[suffix]) // (1 + is_cut)]
    path.write_bytes(content[:position] + replacement + content[position + len(replacement) :])
    message = refusal(lambda: load_waveform(path, 16000))
    assert message is None or message.startswith(f"{path}: ")


@FEW
@given(number=strategies.integers(0, len(CARD_PLACES) - 1), new=VALUES)
def test_changed_cards(tmp_path_factory, number, new):
    folder = tmp_path_factory.getbasetemp() / "model"
    (folder / CARD).parent.mkdir(parents=True, exist_ok=True)
    (folder / CARD).write_text(json.dumps(changed(CARD_VALUES, CARD_PLACES[number], new)))
    message = refusal(lambda: Card.read(folder))
    assert message is None or message.startswith(f"{folder / CARD}: ")


@FEW
@given(number=strategies.integers(0, len(RESULT_PLACES) - 1), new=VALUES)
def test_changed_results(tmp_path_factory, number, new):
    path = tmp_path_factory.getbasetemp() / RESULTS
    files.write_sealed_json(path, changed(RESULT_VALUES, RESULT_PLACES[number], new))
    message = refusal(lambda: read_results(path.parent))
    assert message is None or message.startswith(f"{path}: ")


@FEW
@given(name=strategies.sampled_from(sorted(MANIFEST)), new=VALUES)
def test_changed_manifests(tmp_path_factory, name, new):
    path = tmp_path_factory.getbasetemp() / "manifest.json"
    files.write_sealed_json(path, {**MANIFEST, name: new})
    message = refusal(lambda: RecordSet(path.parent))
    assert message is not None and message.startswith(str(path.parent))  # there is no table of utterances
