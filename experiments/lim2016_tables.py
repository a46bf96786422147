"""Reproduces Tables II, III and IV of Lim et al. (2016), and measures the points that the paper's split adds.

    python experiments/lim2016_tables.py --dataset emodb --data-dir emodb --repetitions 1
    python experiments/lim2016_tables.py --dataset emodb --systems lim2016-cnn --frontend lim2016 --jobs 2

Each system is cross-validated twice: on utterances dealt at random into ten folds, five times, as in the paper, so that every
test speaker is in the training set; and on one speaker after the other. Expect with five epochs on Emo-DB, by the paper's split (one
repetition) and by speaker: UAR 78.7 and 63.2 for the CNN, 65.3 and 49.4 for the LSTM (experiments/results/emodb_lim2016/tables.md).
On one core of two: six minutes a fold for the CNN, five for the LSTM, and twelve for two epochs of the time-distributed CNN; 3.7 GiB
at most.

Writes tables.md and split.png into the output folder, where each experiment has its own folder. The same command resumes
after an interruption.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from acrnn import metrics, studies
from acrnn.console import comma_separated, positive
from acrnn.crossval.results import Results
from acrnn.errors import FieldError
from acrnn.folds import PROTOCOLS
from acrnn.models import MODELS
from acrnn.models.lim2016.published import PROTOCOL, TABLES
from acrnn.reports import study_tables
from acrnn.reports.comparison import Comparison, caption, corrected
from acrnn.reports.study_tables import COVERAGE, UAR_BY_FOLD, UAR_POOLED, column
from acrnn.reports.tables import CAPTION, markdown, percent
from acrnn.studies import Variant
from experiments import arguments, from_options, study

SYSTEMS = tuple(f"lim2016-{network}" for network in TABLES)
SPLITS = {"paper": PROTOCOL, "independent": "leave-one-speaker-out"}  # protocol by its name in the tables
_FOLDS = 10  # folds of one repetition
_SCORES = ("precision", "recall", "f1")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    return arguments.run_script(_parser(), run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = study.study_parser(__doc__)
    parser.add_argument(
        "--systems",
        type=comma_separated,
        metavar="NAME,…",
        help=f"only these of {', '.join(SYSTEMS)} (default: all)",
    )
    parser.add_argument(
        "--repetitions", type=positive, metavar="N", default=5, help="repetitions of the paper's ten folds (default: 5)"
    )
    arguments.add_experiment_arguments(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Runs every system by both splits, and writes the tables."""
    options.systems = study.chosen("systems", options.systems, SYSTEMS)
    if options.repetitions > (most := PROTOCOLS[PROTOCOL].repetitions):
        raise FieldError("repetitions", options.repetitions, f"the paper deals {most} times")
    if options.protocol:
        raise FieldError("protocol", options.protocol, "the tables have both of theirs; leave it out")
    frontend = f"_{options.frontend}" if options.frontend else ""
    return study.run_study(options, f"lim2016_{from_options.selection_name(options)}{frontend}", variants, page)


def variants(options: argparse.Namespace, output_dir: Path) -> Iterator[Variant]:
    """Yields two experiments for each system, one for each split."""
    experiments = {system: from_options.experiment(options, system) for system in options.systems}
    for system, experiment in experiments.items():
        for split, protocol in SPLITS.items():
            folds = range(_FOLDS * options.repetitions) if split == "paper" else None
            title = f"{MODELS[system].summary}, {protocol}"
            yield Variant(folder_name(system, split), title, replace(experiment, protocol=protocol), folds)


def folder_name(system: str, split: str) -> str:
    """Returns the name of an experiment's folder."""
    return f"{system.removeprefix('lim2016-')}_{split}"


def page(options: argparse.Namespace, output_dir: Path) -> str:
    """Draws the differences between the splits and returns the page of tables."""
    names = {system: {split: folder_name(system, split) for split in SPLITS} for system in SYSTEMS}
    results = studies.finished([name for pair in names.values() for name in pair.values()], output_dir)
    parts = [
        f"# Lim et al. (2016) on {options.dataset}",
        "*Paper*: utterances at random; every test speaker is in the training set. *Independent*: the test speaker "
        "is in no other part. Precision, recall and F1 are computed over all test utterances of a repetition, then averaged "
        f"over repetitions. {CAPTION}",
    ]
    pairs = {}
    for system, pair in names.items():
        by_split = {split: results[name] for split, name in pair.items() if name in results}
        figures = (
            TABLES[system.removeprefix("lim2016-")] if options.dataset == "emodb" else {}
        )  # the paper's are of Emo-DB
        if by_split:
            parts += [f"## {MODELS[system].summary}", _emotions(by_split, figures), _summary(by_split, figures)]
        if len(by_split) == len(SPLITS):
            pairs[system] = study_tables.compared(results, pair["paper"], pair["independent"])
    gains = corrected(pairs)
    if pairs:
        parts += ["## Points added by the paper's split", caption(gains.values()), _gain_table(pairs, gains)]
    if gains:
        parts.append("![points added](split.png)")
        study_tables.write_differences(gains, "UAR points over the independent split", output_dir / "split.png")
    return study_tables.page(parts)


def _emotions(by_split: Mapping[str, Results], figures: Mapping[str, Sequence[float]]) -> str:
    """Tables II to IV: a row for each emotion and one for their average."""
    scores = [scores_by_emotion(by_split[split]) if split in by_split else {} for split in SPLITS]
    header = ["emotion", *(f"{score}, {origin}" for origin in ("published", *SPLITS) for score in _SCORES)]
    labels = next(iter(by_split.values())).settings.labels
    rows = []
    for name in [*labels, "average"]:
        published = [f"{value:.1f}" for value in figures[name]] if name in figures else ["–"] * 3
        ours = [[percent(value) for value in each[name]] if each else ["–"] * 3 for each in scores]
        rows.append([name, *published, *(cell for cells in ours for cell in cells)])
    return markdown(header, rows)


def _summary(by_split: Mapping[str, Results], figures: Mapping) -> str:
    """A row for each split: F1, UAR by both averages, accuracy by both ways of pooling, coverage."""
    columns = (
        column("F1", f1_cell),
        UAR_BY_FOLD,
        UAR_POOLED,
        column("WA by majority / by sum", _accuracy_by_pooling),
        COVERAGE,
    )
    published = (
        ["published", f"{figures['average'][2]:.1f} ± {figures['deviation']:.1f}", *["–"] * 4] if figures else []
    )
    return study_tables.results_table(by_split, columns, first="split", more_rows=[published] if published else [])


def scores_by_emotion(results: Results) -> dict[str, np.ndarray]:
    """Returns [precision, recall, F1] of each emotion and their "average", as shares, each the mean over repetitions."""
    labels = results.settings.labels
    is_repeated = results.settings.protocol == PROTOCOL
    groups = _confusions(results, _FOLDS if is_repeated else results.planned_folds)
    scores = np.nanmean([_scores(counts, labels) for counts in groups], axis=0)
    return {**dict(zip(labels, scores, strict=True)), "average": np.nanmean(scores, axis=0)}


def _scores(counts: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Scores [emotions, 3] as shares: 0 for a class that is never predicted, NaN for one without test utterances."""
    rows = zip(metrics.per_class(counts, labels), counts.sum(axis=1), strict=True)
    return np.array([[(row[score] or 0.0) if support else np.nan for score in _SCORES] for row, support in rows])


def _confusions(results: Results, num_folds: int) -> list[np.ndarray]:
    """Confusion counts [emotions, emotions] of each group of this many successive folds of a seed."""
    count = len(results.settings.labels)
    groups: dict[tuple[int, int], np.ndarray] = {}
    for run in results.runs:
        key = run.seed, run.fold // num_folds
        groups[key] = groups.get(key, np.zeros((count, count))) + run.confusion(count)
    return [groups[key] for key in sorted(groups)]


def f1_cell(results: Results) -> str:
    """Returns F1, averaged over repetitions, ± its standard deviation between folds, in percent."""
    labels = results.settings.labels
    by_fold = [np.nanmean(_scores(counts, labels)[:, 2]) for counts in _confusions(results, 1)]
    deviation = np.std(by_fold, ddof=1) if len(by_fold) > 1 else None
    return f"{percent(scores_by_emotion(results)['average'][2])} ± {percent(deviation)}"


def _accuracy_by_pooling(results: Results) -> str:
    """Share of correct test utterances by majority vote and by the sum of probabilities, in percent."""
    cells = []
    for pooling in ("majority", "mean"):
        is_correct = [np.array(run.by_pooling[pooling]) == run.labels for run in results.runs]
        cells.append(percent(float(np.mean(np.concatenate(is_correct)))))
    return " / ".join(cells)


def _gain_table(systems: Iterable[str], gains: Mapping[str, Comparison]) -> str:
    header = ["system", "UAR points over the independent split, by test speaker (95 % interval)"]
    return markdown(header, [[system, study_tables.difference(gains.get(system))] for system in systems])


if __name__ == "__main__":
    sys.exit(main())
