"""Command-line options that choose the recordings to prepare, shared by `python -m data_prep` and the experiments."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from acrnn.console import comma_separated
from acrnn.engines.arguments import engine_from
from acrnn.errors import FieldError
from acrnn.frontends.silence import THRESHOLD_DB
from acrnn.progress import ProgressLine
from acrnn.records.manifest import Manifest
from data_prep import auxiliary_inputs
from data_prep.corpora import CORPORA, Corpus, ReadOptions, Selection, read_corpus
from data_prep.corpora.base import locate_data
from data_prep.corpora.own import named, own_name
from data_prep.extract import Settings
from data_prep.prepare import PreparationError, prepare
from data_prep.shard_plans import SHARD_BYTES
from data_prep.transcripts.engines import ENGINES

# Options that choose recordings and their emotions.
RECORDING_OPTIONS = (
    "data_dir",
    "subset",
    "labels",
    "map_labels",
    "drop_labels",
    "speaker_pattern",
    "file_pattern",
    "columns",
)


def add_corpus_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the recordings of a corpus and their auxiliary inputs."""
    add_recording_arguments(parser).add_argument(
        "--skip-bad", action="store_true", help="leave out recordings that cannot be used, and list them"
    )
    _add_auxiliary_arguments(parser)


def add_recording_arguments(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Adds the options for the recordings of a corpus, and returns their group; see `read_options`."""
    group = parser.add_argument_group("recordings")
    group.add_argument(
        "--data-dir",
        type=Path,
        action="append",
        help="folder of the corpus (or set EMODB_ROOT, RAVDESS_ROOT, CREMAD_ROOT and so on); file of a table; repeat it for more tables",
    )
    group.add_argument("--download", action="store_true", help="fetch and verify the corpus, where that is allowed")
    group.add_argument("--subset", help="named selection of the corpus (default: its first)")
    group.add_argument("--labels", type=comma_separated, help="emotions in class order, separated by commas")
    group.add_argument("--map-labels", type=label_map, metavar="THEIRS=OURS,…", help="emotions to rename or merge")
    group.add_argument("--drop-labels", type=comma_separated, metavar="NAME,…", help="emotions to leave out")
    group.add_argument(
        "--column",
        dest="columns",
        type=column,
        action="append",
        metavar="NAME=THEIRS",
        help="column of a table with another name, such as label=emotion; may be repeated",
    )
    group.add_argument(
        "--speaker-pattern", help="regular expression; its first group, searched in the path, is the speaker"
    )
    group.add_argument(
        "--file-pattern",
        help="pattern of the file names with the speaker and the emotion: '{speaker}_{emotion}_{take}.wav'",
    )
    group.add_argument("--name", help="name of own data (default: that of the table or folder)")
    group.add_argument("--licence", help="licence of own data, for results and cards")
    group.add_argument("--cite", dest="citation", help="publication of own data, for results and cards")
    group.add_argument(
        "--allow-partial", action="store_true", help="go on when the counts differ from the published ones"
    )
    return group


def label_map(text: str) -> dict[str, str]:
    """Parses emotions to rename: "joy=happiness,calm=neutral"."""
    pairs = [[name.strip() for name in part.split("=")] for part in text.split(",")]
    names = dict(pair for pair in pairs if len(pair) == 2 and all(pair))
    if len(names) < len(pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list such as joy=happiness,calm=neutral, each name once")
    return names


def column(text: str) -> tuple[str, str]:
    """Parses the name of a column in a table: "label=emotion"."""
    ours, equals, theirs = text.partition("=")
    if not (ours and equals and theirs):
        raise argparse.ArgumentTypeError(f"{text!r} is not a pair such as label=emotion")
    return ours, theirs


def megabytes(text: str) -> int:
    """Parses a size in megabytes, such as 200 or 0.5; returns bytes."""
    try:
        size = float(text)
    except ValueError:
        size = math.nan
    if not 1 <= size * 1e6 < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size in megabytes such as 200")
    return round(size * 1e6)


def read_options(options: argparse.Namespace) -> ReadOptions:
    """Returns how the options of `add_recording_arguments` read a corpus."""
    values = {item.name: getattr(options, item.name, item.default) for item in fields(ReadOptions)}
    return ReadOptions(**{**values, "columns": dict(values["columns"]) if values["columns"] else None})


def corpus_name(corpus: Corpus, options: argparse.Namespace) -> str | None:
    """Returns the name of own data; None for other corpora, and where the options name no data."""
    if not corpus.is_own or not (options.data_dir or options.name):
        return None
    return own_name(corpus, options.data_dir or (), options.name, CORPORA)


def read_recordings(corpus: Corpus, options: argparse.Namespace) -> tuple[Corpus, Path, Selection]:
    """Locates and reads a corpus.

    Args:
        corpus: the corpus.
        options: options of `add_recording_arguments`.

    Returns:
        The corpus, own data by their name; the folder or table that the paths in records are relative to; the utterances.

    Raises:
        FieldError: a corpus that has one place has several folders.
    """
    data_dirs, reading = options.data_dir or [], read_options(options)
    if len(data_dirs) < 2:
        data_dir = locate_data(corpus, data_dirs[0] if data_dirs else None, options.download)
        return named(corpus, [data_dir], reading, CORPORA), data_dir, read_corpus(corpus, data_dir, reading)
    if not corpus.is_own:
        raise FieldError("data_dir", data_dirs, f"the corpus {corpus.name!r} is one folder; give one")
    places = [path.absolute() for path in data_dirs]
    selection = read_corpus(corpus, places, reading)
    return named(corpus, places, reading, CORPORA), Path(os.path.commonpath(places)), selection


def _add_auxiliary_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("auxiliary inputs (for systems that take more than sound)")
    text = group.add_mutually_exclusive_group()
    text.add_argument("--transcripts", type=Path, help="texts instead of those of the corpus: CSV, TSV, JSON or CTM")
    text.add_argument("--asr", choices=ENGINES, help="speech recognizer that makes the texts; they are cached")
    group.add_argument("--asr-model", type=Path, help="folder of the recognizer's model (pocketsphinx includes one)")
    group.add_argument("--asr-language", default="en", help="language of the recordings (default: %(default)s)")
    speaker = group.add_mutually_exclusive_group()
    speaker.add_argument("--speaker-embeddings", type=Path, help="x-vectors by utterance: Kaldi .scp or .ark, or .npz")
    speaker.add_argument("--speaker-model", type=Path, help="ONNX model that computes them from waveforms at 16 kHz")
    group.add_argument("--word-vectors", type=Path, help="pretrained word vectors as text, such as glove.6B.300d.txt")


def prepare_corpus(
    corpus: Corpus,
    options: argparse.Namespace,
    out: Path,
    settings: Settings,
    jobs: int,
    check: Callable[[Selection], None] = lambda selection: None,
    shard_bytes: int = SHARD_BYTES,
) -> Manifest:
    """Locates, reads and prepares a corpus.

    Args:
        corpus: the corpus.
        options: options of `add_corpus_arguments`, and of `add_engine_options`.
        out: folder of the record set.
        settings: settings of the record set.
        jobs: number of worker processes.
        check: called with the utterances before records are made; raises an error to refuse them.
        shard_bytes: see `prepare`.

    Returns:
        The manifest of the record set.
    """
    engine = engine_from(options, jobs)  # a missing extra is told before the corpus is read
    corpus, data_dir, selection = read_recordings(corpus, options)
    names = [item.name for item in fields(auxiliary_inputs.Sources)]
    sources = auxiliary_inputs.Sources(**{name: getattr(options, name) for name in names})
    recordings = auxiliary_inputs.gather(selection, sources, out, jobs)
    check(recordings.selection)
    try:
        with ProgressLine(f"preparing {corpus.name}", "utterances") as line:
            return prepare(
                corpus,
                recordings,
                data_dir,
                out,
                settings,
                options.subset,
                jobs,
                options.skip_bad,
                line.update,
                engine,
                shard_bytes,
            )
    except PreparationError as error:
        raise PreparationError(error.failures, "pass --skip-bad to leave them out") from None


def add_trim_option(group) -> None:
    """Adds --trim-db to a parser or group."""
    group.add_argument(
        "--trim-db",
        type=float,
        nargs="?",
        const=THRESHOLD_DB,
        metavar="DB",
        help=f"remove both ends that are this far below the loudest part (without a value: {THRESHOLD_DB:g})",
    )
