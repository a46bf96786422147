"""The command-line options that say which recordings are meant, for `python -m data_prep` and the experiments alike."""

from __future__ import annotations

import argparse
from pathlib import Path

from acrnn.console import comma_separated
from acrnn.progress import ProgressLine
from acrnn.records import Manifest
from data_prep import auxiliary_inputs
from data_prep.corpora import Corpus, ReadOptions, read_corpus
from data_prep.corpora.base import locate_data
from data_prep.prepare import Settings, prepare


def add_corpus_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options about a corpus; `read_corpus` refuses those that the chosen one does not understand."""
    group = parser.add_argument_group("recordings")
    group.add_argument("--data-dir", type=Path, help="where they are (or set EMODB_ROOT, IEMOCAP_ROOT)")
    group.add_argument("--download", action="store_true", help="fetch them and verify them, where that is allowed")
    group.add_argument("--subset", help="named selection of the corpus (default: its first)")
    group.add_argument("--labels", type=comma_separated, help="emotions in class order, separated by commas")
    group.add_argument(
        "--speaker-pattern", help="regular expression; its first group, found in the path, is the speaker"
    )
    group.add_argument("--allow-partial", action="store_true", help="go on when counts differ from the published ones")
    group.add_argument(
        "--skip-bad", action="store_true", help="leave out recordings that cannot be used, and list them"
    )
    auxiliary_inputs.add_arguments(parser)


def prepare_corpus(corpus: Corpus, options: argparse.Namespace, out: Path, settings: Settings, jobs: int) -> Manifest:
    """Finds, reads and prepares a corpus as the options of `add_corpus_arguments` say; returns the records' manifest."""
    wanted = ReadOptions(options.subset, options.labels, options.speaker_pattern, options.allow_partial)
    data_dir = locate_data(corpus, options.data_dir, options.download)
    found = auxiliary_inputs.accompany(read_corpus(corpus, data_dir, wanted), options, out, jobs)
    with ProgressLine(f"preparing {corpus.name}", "utterances") as line:
        return prepare(corpus, found, data_dir, out, settings, wanted.subset, jobs, options.skip_bad, line.update)
