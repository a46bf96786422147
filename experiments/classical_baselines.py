"""Cross-validates classical baselines, support vector machines on statistics of utterances, beside a network.

    python experiments/classical_baselines.py --dataset emodb --data-dir emodb --speaker-statistics corpus,speaker \\
        --output-dir experiments/results/emodb_baselines

Features: functionals of openSMILE (ComParE, eGeMAPS; extra [opensmile], research licence of audEERING), and mean, deviation
and percentiles of the frames of record sets. C and gamma are chosen by each fold's validation part, the test part is scored
once. --speaker-statistics speaker normalizes the features by the recordings of each speaker, without labels (transductive).

Expect on Emo-DB a UAR of about 75 for ComParE (experiments/results/emodb_baselines/tables.md): ten minutes on two cores, most
of them openSMILE. Needs no GPU. Each baseline has a folder of its own; the same command resumes after an interruption.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn import files, frontends, segments, studies
from acrnn.baselines import BASELINES, Baseline, evaluation, opensmile_features, statistics
from acrnn.baselines.evaluation import BaselineExperiment, Features
from acrnn.baselines.opensmile_features import Sound
from acrnn.console import comma_separated, numbers, positive
from acrnn.crossval.results import RESULTS, Results, read_results
from acrnn.crossval.settings import CorpusInfo
from acrnn.folds import PROTOCOLS
from acrnn.progress import ProgressLine
from acrnn.records import RecordSet, UtteranceRow
from acrnn.reports import baseline_tables, study_tables
from acrnn.reports.tables import recipe_title, system_title
from data_prep.arguments import add_corpus_arguments, read_recordings
from data_prep.corpora import CORPORA
from experiments import arguments, from_options, study

STATISTICS = ("corpus", "speaker")
TABLE_SYSTEM = "chen2018-3d"  # its records list the utterances of the baselines that need no records
EMODB_REFERENCE = Path(__file__).parent / "results" / "emodb_tuned_reduced" / "3d_conv1"
_COMMON = (
    "--dataset",
    "--data-dir",
    "--protocol",
    "--folds",
    "--jobs",
    "--output-dir",
    "--speaker-statistics",
    "--only",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    return arguments.run_script(_parser(), run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = study.study_parser(__doc__)
    parser.common = set(_COMMON)
    group = parser.add_argument_group("experiment")
    names = ", ".join(CORPORA)
    group.add_argument("--dataset", choices=CORPORA, required=True, metavar="CORPUS", help=f"one of {names}")
    group.add_argument("--protocol", choices=PROTOCOLS, metavar="SPLIT", help="split (default: leave-one-speaker-out)")
    group.add_argument("--folds", type=numbers, metavar="N,N-M", help="only these folds, from 0 (default: all)")
    cores = os.cpu_count() or 1
    group.add_argument("--jobs", type=positive, metavar="N", default=cores, help="processes (default: all cores)")
    group.add_argument("--output-dir", type=Path, metavar="DIR", help="folder of the results (default: under runs)")
    group.add_argument(
        "--speaker-statistics",
        type=comma_separated,
        metavar="NAME,…",
        default=STATISTICS[:1],
        help="corpus, speaker or both: whose recordings normalize the features (default: corpus)",
    )
    group.add_argument(
        "--reference",
        type=Path,
        metavar="DIR",
        help="network to compare with (default on Emo-DB: the reduced 3-D ACRNN, recipe tuned)",
    )
    study.add_only(group)
    add_corpus_arguments(parser)
    parser.set_defaults(
        speeds=None, trim_db=None, learning_rate=None, batch_size=None, epochs=None
    )  # of networks alone
    return parser


def run(options: argparse.Namespace) -> int:
    """Runs what is missing of the chosen baselines and writes the page of tables."""
    output_dir = options.output_dir or Path("runs", f"baselines_{from_options.selection_name(options)}")
    chosen = study.chosen("speaker_statistics", options.speaker_statistics, STATISTICS)
    names = study.chosen("only", options.only, list(BASELINES))
    if not options.tables_only:
        if any(BASELINES[name].feature_set for name in names):
            opensmile_features.version()  # a missing extra is reported before the records are prepared
        for name in names:
            features = features_of(BASELINES[name], options, output_dir)
            for kind in chosen:
                experiment = BaselineExperiment(
                    name, BASELINES[name].grid, features, options.protocol or from_options.DEFAULT_PROTOCOL, kind
                )
                print(f"{folder_name(name, kind)}: {BASELINES[name].title}", flush=True)
                evaluation.cross_validate(experiment, output_dir / folder_name(name, kind), options.folds)
                files.write_text(output_dir / "tables.md", page(options, output_dir))
    text = page(options, output_dir)
    files.write_text(output_dir / "tables.md", text)
    print(text)
    return 0


def folder_name(name: str, speaker_statistics: str) -> str:
    """Returns the name of the folder of a baseline."""
    return name if speaker_statistics == "corpus" else f"{name}_{speaker_statistics}"


def features_of(baseline: Baseline, options: argparse.Namespace, output_dir: Path) -> Features:
    """Returns the features of a baseline; records are prepared and functionals computed where they are missing."""
    records = RecordSet(from_options.records_of(options, baseline.system or TABLE_SYSTEM, None, None))
    manifest = records.manifest
    rows = tuple(row for row in records.utterances if not row.copy_of)
    common = {"rows": rows, "labels": tuple(manifest.labels), "corpus": CorpusInfo(**manifest.corpus)}
    if baseline.feature_set is None:
        values = statistics.record_statistics(records)
        kept = [position for position, row in enumerate(records.utterances) if not row.copy_of]
        return Features(
            values=values[kept],
            sha256=manifest.content_sha256,
            frontend_fields=frontends.to_dict(manifest.frontend),
            segment_fields=segments.to_dict(manifest.rule),
            functionals=statistics.FUNCTIONALS,
            **common,
        )
    sounds = sounds_of(rows, options)
    path = output_dir / "features" / f"{baseline.feature_set}.npz"
    with ProgressLine(f"openSMILE {baseline.feature_set}", "utterances") as line:
        values = opensmile_features.cached_features(path, sounds, baseline.feature_set, options.jobs, line.update)
    return Features(
        values=values,
        sha256=opensmile_features.content_sha256(sounds, baseline.feature_set),
        frontend_fields=opensmile_features.settings(baseline.feature_set),
        segment_fields={},
        **common,
    )


def sounds_of(rows: Sequence[UtteranceRow], options: argparse.Namespace) -> list[Sound]:
    """Returns the sounds of the utterances in a record set, from the folder of the corpus.

    Raises:
        FileNotFoundError, ValueError: the corpus is not there, or lacks an utterance or has another file for it.
    """
    _, data_dir, selection = read_recordings(CORPORA[options.dataset], options)
    by_id = {utterance.id: utterance for utterance in selection.utterances}
    sounds = []
    for row in rows:
        utterance = by_id.get(row.id)
        if utterance is None or files.sha256_of_file(utterance.path) != row.sha256:
            place = utterance.path if utterance else data_dir
            raise ValueError(f"{place}: not the recording {row.id!r} of the records; prepare the records again")
        sounds.append(Sound(utterance.path, row.sha256, utterance.start_seconds, utterance.end_seconds))
    return sounds


def page(options: argparse.Namespace, output_dir: Path) -> str:
    """Returns the page of tables of the finished baselines."""
    names = [folder_name(name, kind) for kind in STATISTICS for name in BASELINES]
    results = studies.finished(names, output_dir)
    reference = reference_of(options)
    parts = [
        f"# Classical baselines on {options.dataset}",
        baseline_tables.baselines_table(results, reference),
    ]
    pairs = [
        (name, network)
        for network, theirs in reference.items()
        for name, mine in results.items()
        if mine.settings.speaker_statistics == theirs.settings.speaker_statistics  # the others know more, or less
    ]
    if pairs:
        parts.append(study_tables.comparison_table({**results, **reference}, pairs, has_verdict=True))
    return study_tables.page(parts)


def reference_of(options: argparse.Namespace) -> dict[str, Results]:
    """Returns the network to compare with, by its name; empty if there is none."""
    folder = options.reference
    if folder is None and options.dataset == "emodb" and (EMODB_REFERENCE / RESULTS).exists():
        folder = EMODB_REFERENCE
    if folder is None:
        return {}
    results = read_results(folder)
    return {f"{system_title(results.settings)}, {recipe_title(results.settings)}": results}


if __name__ == "__main__":
    sys.exit(main())
