"""The readers of files that are fuzzed, each with a sound file to begin with."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from support.iemocap_tree import build_iemocap_tree, sample_turns
from support.sounds import encoded, speech_like
from support.tiny_corpus import write_tiny_corpus

from acrnn import Recognizer, vector_tables
from acrnn.audio import load_waveform
from acrnn.crossval.results import collect_results, read_experiment, read_results
from acrnn.inference.speaker_profile import SpeakerProfile
from acrnn.model_card import CARD, Card
from acrnn.models.zhang2021 import weight_files
from acrnn.records import RecordSet
from acrnn.text import transcripts
from acrnn.tuning.results import FitResult, read_tuning
from data_prep import word_vectors
from data_prep.corpora import CORPORA
from data_prep.corpora.base import ReadOptions, read_corpus

ROOT = Path(__file__).parent.parent.parent
INCLUDED = ROOT / "saved_models" / "acrnn_emodb" / "1"
RESULTS = ROOT / "experiments" / "results"
TEXT, BINARY, SEALED, ZIPPED, OGG = "text", "binary", "sealed", "zipped", "ogg"
# Sounds: format of soundfile, its subtype, rate.
_SOUNDS = {
    "wav": ("WAV", "PCM_16", 16000),
    "flac": ("FLAC", "PCM_16", 16000),
    "ogg": ("OGG", "VORBIS", 16000),
    "opus": ("OGG", "OPUS", 48000),
    "mp3": ("MP3", "MPEG_LAYER_III", 48000),
}


@dataclass(frozen=True)
class Target:
    """A reader of files.

    Attributes:
        name: name in tables.
        path: the file that is changed, sound so far.
        read: reads it; takes the path.
        kinds: kinds of change: TEXT, BINARY, or with checksums that fit: SEALED (JSON), ZIPPED, OGG.
        share: share of the inputs, compared with other targets.
    """

    name: str
    path: Path
    read: Callable[[Path], object]
    kinds: Sequence[str]
    share: float = 1.0


def targets(folder: Path) -> list[Target]:
    """Writes sound files into a folder and returns the readers."""
    from data_prep.__main__ import main

    corpus, records = write_tiny_corpus(folder / "small", 1), folder / "records"
    if main(["manifest", "--data-dir", str(corpus), "--out", str(records), "--jobs", "1"]):
        raise RuntimeError("the records cannot be made")
    return [*light_targets(folder), *record_targets(records), *_loaded(folder)]


def light_targets(folder: Path) -> list[Target]:
    """Those that need neither TensorFlow nor another runtime."""
    return [*_sounds(folder), *_corpora(folder), *_tables(folder), *_experiments(folder), *_models(folder)]


def _written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _sounds(folder: Path) -> list[Target]:
    found = []
    for suffix, (container, subtype, rate) in _SOUNDS.items():
        kinds = (BINARY, OGG) if container == "OGG" else (BINARY,)
        path = _written(folder / f"sound.{suffix}", encoded(speech_like(0.3), rate, container, subtype))
        found.append(Target(f"sound: {suffix}", path, lambda path: load_waveform(path, 16000), kinds, 2.0))
    return found


def _corpora(folder: Path) -> list[Target]:
    table = write_tiny_corpus(folder / "corpus", 1) / "manifest.csv"
    workbook = _workbook(table)
    release = build_iemocap_tree(folder / "iemocap", sample_turns()[:14])
    dialog = release / "Session1" / "dialog"

    def iemocap(path: Path) -> object:
        return read_corpus(CORPORA["iemocap"], release, ReadOptions(allow_partial=True))

    labels, texts = (sorted((dialog / name).glob("*.txt"))[0] for name in ("EmoEvaluation", "transcriptions"))
    return [
        Target("table of a corpus", table, lambda path: read_corpus(CORPORA["manifest"], path), (TEXT,)),
        Target("workbook of a corpus", workbook, lambda path: read_corpus(CORPORA["manifest"], path), (BINARY, ZIPPED)),
        Target("labels of IEMOCAP", labels, iemocap, (TEXT,)),
        Target("transcript of IEMOCAP", texts, iemocap, (TEXT,)),
    ]


def _workbook(table: Path) -> Path:
    import openpyxl

    workbook = openpyxl.Workbook()
    for line in table.read_text().splitlines():
        workbook.active.append(line.split(","))
    path = table.with_suffix(".xlsx")
    workbook.save(path)
    return path


def _tables(folder: Path) -> list[Target]:
    rows = [("a1", "oh no"), ("a2", "yes"), ("b1", "")]
    contents = {
        "csv": "id,text\n" + "".join(f'{name},"{text}"\n' for name, text in rows),
        "tsv": "id\ttext\n" + "".join(f"{name}\t{text}\n" for name, text in rows),
        "json": json.dumps(dict(rows)),
        "jsonl": "".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in rows),
        "ctm": ";; comment\na1 1 0.00 0.30 oh 0.9\na1 1 0.30 0.20 no\na2 1 0.1 0.2 yes\n",
    }
    found = []
    for suffix, text in contents.items():
        path = _written(folder / f"texts.{suffix}", text.encode())
        found.append(Target(f"transcripts: {suffix}", path, transcripts.read, (TEXT,)))
    vectors = {name: np.arange(4, dtype=np.float32) for name in ("a1", "a2", "b1")}
    archive = b"".join(
        name.encode() + b" \0BFV \x04" + len(values).to_bytes(4, "little") + values.tobytes()
        for name, values in vectors.items()
    )
    ark = _written(folder / "vectors.ark", archive)
    text_ark = _written(folder / "text.ark", b"a1  [ 1.0 2.0 3.0 ]\na2  [ 4 5 6 ]\n")
    scp = _written(folder / "vectors.scp", f"a1 {ark}:3\na2 {ark}:32\n".encode())
    npz = _written(folder / "vectors.npz", vector_tables.to_npz(vectors))
    words = _written(folder / "words.txt", b"2 3\noh 0.1 0.2 0.3\nno 1 2 3\n")
    return [
        *found,
        Target("Kaldi archive", ark, vector_tables.read, (BINARY,)),
        Target("Kaldi archive as text", text_ark, vector_tables.read, (TEXT,)),
        Target("Kaldi script", scp, vector_tables.read, (TEXT,)),
        Target("vectors: npz", npz, vector_tables.read, (BINARY, ZIPPED)),
        Target("word vectors", words, lambda path: word_vectors.read(path, ["oh", "no"]), (TEXT,)),
    ]


def record_targets(out: Path) -> list[Target]:
    """Returns the readers of a record set."""

    def check(path: Path) -> object:
        found = RecordSet(path.parent)
        return found.utterances, found.sounds, found.auxiliary_inputs, found.load()

    shard = sorted(out.glob("*.tfrecord"))[0]
    return [
        Target("records: manifest", out / "manifest.json", check, (TEXT, SEALED)),
        Target("records: table", out / "utterances.csv", check, (TEXT,), 0.5),
        Target("records: sounds", out / "sounds.npz", check, (BINARY,), 0.5),
        Target("records: shard", shard, check, (BINARY,), 0.5),
    ]


def _experiments(folder: Path) -> list[Target]:
    experiment, search = folder / "experiment", folder / "search"
    shutil.copytree(RESULTS / "ablation" / "chen2018", experiment)
    shutil.copytree(RESULTS / "tuning_emodb_chen2018-3d", search)
    found = [
        Target("results", experiment / "results.json", lambda path: read_results(path.parent), (TEXT, SEALED)),
        Target("search: results", search / "tuning.json", lambda path: read_tuning(path.parent), (TEXT, SEALED)),
        Target("search: fit", sorted((search / "fits").glob("*.json"))[0], FitResult.read, (TEXT, SEALED)),
    ]
    if (path := experiment / "experiment.json").exists():
        found.append(Target("experiment", path, lambda path: read_experiment(path.parent), (TEXT, SEALED)))
    if runs := sorted((experiment / "runs").glob("*.json")):
        found.append(Target("run", runs[0], lambda path: collect_results(path.parent.parent), (TEXT, SEALED)))
    return found


def _models(folder: Path) -> list[Target]:
    card = _written(folder / "card" / CARD, (INCLUDED / CARD).read_bytes())
    profile = folder / "speaker.json"
    SpeakerProfile("model", 3, 12.5).save(profile)
    values = np.arange(6, dtype=np.float32)
    header = json.dumps({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    safetensors = _written(folder / "w.safetensors", len(header).to_bytes(8, "little") + header + values.tobytes())
    buffer = io.BytesIO()
    np.save(buffer, {"w": values}, allow_pickle=True)  # written here; the reader unpickles nothing
    numpy = _written(folder / "w.npy", buffer.getvalue())
    return [
        Target("card", card, lambda path: Card.read(folder / "card"), (TEXT, SEALED)),
        Target("speaker profile", profile, SpeakerProfile.load, (TEXT, SEALED)),
        Target("weights: safetensors", safetensors, weight_files.read, (BINARY, TEXT)),
        Target("weights: npy", numpy, weight_files.read, (BINARY,)),
    ]


def _loaded(folder: Path) -> list[Target]:
    """Models, as a runtime loads them."""
    from support.networks import small_network

    from acrnn.models import load_network

    model, network = folder / "model" / "1", folder / "network.keras"
    shutil.copytree(INCLUDED, model)
    small_network("chen2018-3d").model.save(network)

    def load(path: Path) -> object:
        return Recognizer.load(model, check_speech=False)

    return [
        Target("model: card", model / CARD, load, (SEALED,), 0.2),
        Target("model: ONNX", model / "model.onnx", load, (BINARY,), 0.1),
        Target("model: LiteRT", model / "model.tflite", lambda path: Recognizer.load(model, "litert"), (BINARY,), 0.1),
        Target("weights: keras", network, load_network, (BINARY, ZIPPED, ZIPPED), 0.5),
    ]
