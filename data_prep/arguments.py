"""Command-line options that choose the recordings to prepare, shared by `python -m data_prep` and the experiments."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from acrnn.console import comma_separated
from acrnn.frontends.silence import THRESHOLD_DB
from acrnn.progress import ProgressLine
from acrnn.records.manifest import Manifest
from data_prep import auxiliary_inputs
from data_prep.corpora import Corpus, ReadOptions, read_corpus
from data_prep.corpora.base import locate_data
from data_prep.extract import Settings
from data_prep.prepare import PreparationError, prepare
from data_prep.transcripts.engines import ENGINES

RECORDING_OPTIONS = ("data_dir", "subset", "labels", "map_labels", "speaker_pattern", "file_pattern")


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
        "--data-dir", type=Path, help="folder of the corpus (or set EMODB_ROOT, RAVDESS_ROOT, CREMAD_ROOT and so on)"
    )
    group.add_argument("--download", action="store_true", help="fetch and verify the corpus, where that is allowed")
    group.add_argument("--subset", help="named selection of the corpus (default: its first)")
    group.add_argument("--labels", type=comma_separated, help="emotions in class order, separated by commas")
    group.add_argument(
        "--map-labels", type=label_map, metavar="OLD=NEW,…", help="emotions to rename; two can become one"
    )
    group.add_argument(
        "--speaker-pattern", help="regular expression; its first group, searched in the path, is the speaker"
    )
    group.add_argument(
        "--file-pattern",
        help="pattern of the file names with the speaker and the emotion: '{speaker}_{emotion}_{take}.wav'",
    )
    group.add_argument(
        "--allow-partial", action="store_true", help="go on when the counts differ from the published ones"
    )
    return group


def read_options(options: argparse.Namespace) -> ReadOptions:
    """Returns how the options of `add_recording_arguments` read a corpus."""
    return ReadOptions(
        **{name: getattr(options, name) for name in RECORDING_OPTIONS if name != "data_dir"},
        allow_partial=options.allow_partial,
        skip_bad=getattr(options, "skip_bad", False),
    )


def label_map(text: str) -> dict[str, str]:
    """Parses names to replace: "joy=happiness,calm=neutral"."""
    pairs = [[name.strip() for name in part.split("=")] for part in text.split(",")]
    names = dict(pair for pair in pairs if len(pair) == 2 and all(pair))
    if len(names) < len(pairs):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of different names such as joy=happiness,calm=neutral"
        )
    return names


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


def prepare_corpus(corpus: Corpus, options: argparse.Namespace, out: Path, settings: Settings, jobs: int) -> Manifest:
    """Locates, reads and prepares a corpus.

    Args:
        corpus: the corpus.
        options: options of `add_corpus_arguments`.
        out: folder of the record set.
        settings: settings of the record set.
        jobs: number of worker processes.

    Returns:
        The manifest of the record set.
    """
    data_dir = locate_data(corpus, options.data_dir, options.download)
    selection = read_corpus(corpus, data_dir, read_options(options))
    names = [item.name for item in fields(auxiliary_inputs.Sources)]
    sources = auxiliary_inputs.Sources(**{name: getattr(options, name) for name in names})
    recordings = auxiliary_inputs.gather(selection, sources, out, jobs)
    try:
        with ProgressLine(f"preparing {corpus.name}", "utterances") as line:
            return prepare(
                corpus, recordings, data_dir, out, settings, options.subset, jobs, options.skip_bad, line.update
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
