"""Tables II, III and IV of Lim et al. (2016) beside the published figures, and what the paper's split is worth in points.

    python experiments/lim2016_tables.py --dataset emodb --data-dir emodb --repetitions 1
    python experiments/lim2016_tables.py --dataset emodb --systems lim2016-cnn --frontend lim2016 --jobs 2

Each system is cross-validated twice: on utterances dealt at random into ten folds, five times, as in the paper, where every
test speaker is known from training; and on one speaker after the other. Writes tables.md and split.png into the output
folder, where each experiment has a folder of its own. The same command goes on where a killed one stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from acrnn import files, metrics, reports, studies
from acrnn.console import comma_separated, positive, run_job
from acrnn.crossval.results import Results
from acrnn.errors import UsageError
from acrnn.folds import PROTOCOLS
from acrnn.models import MODELS
from acrnn.models.lim2016.published import PROTOCOL, TABLES
from acrnn.reports import comparison
from acrnn.studies import Variant
from experiments import arguments

SYSTEMS = tuple(f"lim2016-{network}" for network in TABLES)
INDEPENDENT = "leave-one-speaker-out"
_FOLDS = 10
_KEYS = ("precision", "recall", "f1")


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage."""
    options = arguments.parsed(_parser(), given)
    return run_job(lambda: run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--systems", type=comma_separated, default=SYSTEMS, help=f"of {','.join(SYSTEMS)} (default: all)"
    )
    parser.add_argument("--repetitions", type=positive, default=5, help="of the paper's ten folds (default: 5)")
    arguments.add_study_arguments(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Runs every system by both protocols, and writes the tables."""
    for name in options.systems:
        if name not in SYSTEMS:
            raise UsageError(f"--systems {name}: it is unknown; choose from {', '.join(SYSTEMS)}")
    if options.repetitions > PROTOCOLS[PROTOCOL].repetitions:
        raise UsageError(
            f"--repetitions {options.repetitions}: the paper deals {PROTOCOLS[PROTOCOL].repetitions} times"
        )
    frontend = f"_{options.frontend}" if options.frontend else ""
    if options.protocol:
        raise UsageError(f"--protocol {options.protocol}: the tables have both of theirs; leave it out")
    output_dir = options.output_dir or Path("runs", f"lim2016_{arguments.selection_name(options)}{frontend}")
    if not options.tables_only:
        train(options, output_dir)
    write(options, output_dir)
    print((output_dir / "tables.md").read_text(encoding="utf-8"))
    return 0


def name_of(system: str, protocol: str) -> str:
    """Folder of an experiment."""
    return f"{system.removeprefix('lim2016-')}_{'paper' if protocol == PROTOCOL else 'independent'}"


def train(options: argparse.Namespace, output_dir: Path) -> None:
    """Runs what is missing; the tables are written anew after each experiment."""
    for system in options.systems:
        experiment = arguments.experiment(options, system)
        for protocol, folds in ((PROTOCOL, range(_FOLDS * options.repetitions)), (INDEPENDENT, None)):
            title = f"{MODELS[system].summary}, {protocol}"
            variant = Variant(name_of(system, protocol), title, replace(experiment, protocol=protocol))
            chosen = options.folds if options.folds is not None else folds
            studies.run([variant], output_dir, chosen, options.seeds, options.jobs, lambda: write(options, output_dir))


def write(options: argparse.Namespace, output_dir: Path) -> None:
    """Writes tables.md and split.png from what is finished."""
    protocols = (PROTOCOL, INDEPENDENT)
    found = studies.finished([name_of(system, each) for system in SYSTEMS for each in protocols], output_dir)
    parts = [
        f"# Lim et al. (2016) on {options.dataset}",
        "Percent. *Paper*: utterances at random, every test speaker known from training. *Independent*: a speaker nobody "
        "has heard tests. Precision, recall and F1 are of all test utterances of a repetition together, then averaged "
        "over repetitions; ± is the deviation between folds.",
    ]
    gains = {}
    for system in SYSTEMS:
        pair = [found.get(name_of(system, each)) for each in protocols]
        if any(pair):
            parts += [
                f"## {MODELS[system].summary}",
                _emotions(system, options.dataset, *pair),
                _summary(system, options.dataset, *pair),
            ]
        if all(pair):
            gains[system] = comparison.paired(*(comparison.tested_uar(each) for each in pair))
    if gains:
        parts += ["## What the paper's split is worth", _worth(gains), "![points bought](split.png)"]
        _draw(gains, output_dir)
    files.write_text(output_dir / "tables.md", "\n\n".join(parts) + "\n")


def _known(system: str, dataset: str) -> Mapping:
    """The paper's figures of a system, which are of Emo-DB."""
    return TABLES[system.removeprefix("lim2016-")] if dataset == "emodb" else {}


def _emotions(system: str, dataset: str, paper: Results | None, independent: Results | None) -> str:
    """Tables II to IV: a row an emotion, and their average."""
    known, labels = _known(system, dataset), (paper or independent).settings.labels
    header = ["emotion", *(f"{key}, {where}" for where in ("published", "paper", "independent") for key in _KEYS)]
    ours = [_by_emotion(one) for one in (paper, independent)]
    rows = [
        [name, *_published(known.get(name)), *(cell for one in ours for cell in _figures(one, name))]
        for name in [*labels, "average"]
    ]
    return reports.markdown(header, rows)


def _published(figures: Sequence[float] | None) -> list[str]:
    return ["–"] * 3 if figures is None else [f"{value:.1f}" for value in figures]


def _figures(by_emotion: Mapping[str, Sequence[float]] | None, name: str) -> list[str]:
    return ["–"] * 3 if by_emotion is None else [reports.percent(value) for value in by_emotion[name]]


def _by_emotion(found: Results | None) -> dict[str, np.ndarray] | None:
    """Precision, recall and F1 by emotion, and their average, each the mean over repetitions."""
    if found is None:
        return None
    labels = found.settings.labels
    repeated = found.settings.protocol == PROTOCOL
    groups = _confusions(found, _FOLDS if repeated else found.planned_folds)
    every = np.nanmean([_shares(counts, labels) for counts in groups], axis=0)
    return {**dict(zip(labels, every, strict=True)), "average": np.nanmean(every, axis=0)}


def _shares(counts: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """[emotions, 3]; nothing for a class that is never predicted, NaN for one that no test utterance has."""
    rows = zip(metrics.per_class(counts, labels), counts.sum(axis=1), strict=True)
    return np.array([[(row[key] or 0.0) if there else np.nan for key in _KEYS] for row, there in rows])


def _confusions(found: Results, folds: int) -> list[np.ndarray]:
    """Confusion counts, one for so many successive folds."""
    count = len(found.settings.labels)
    groups: dict[tuple[int, int], np.ndarray] = {}
    for run in found.runs:
        of_group = groups.setdefault((run.seed, run.fold // folds), np.zeros((count, count)))
        of_group += run.confusion(count)
    return [groups[key] for key in sorted(groups)]


def _summary(system: str, dataset: str, paper: Results | None, independent: Results | None) -> str:
    """A row a protocol: F1 with its deviation, UAR by both averages, both ways of pooling, coverage."""
    header = [
        "split",
        "F1",
        "UAR, mean over folds",
        "UAR, pooled (95 % interval)",
        "WA by majority / by sum",
        "coverage",
    ]
    rows = [
        [name, _f1(found), *reports.uar_cells(found), _by_pooling(found), reports.coverage(found)]
        for name, found in (("paper", paper), ("independent", independent))
        if found
    ]
    if known := _known(system, dataset):
        rows.append(["published", f"{known['average'][2]:.1f} ± {known['deviation']:.1f}", *["–"] * 4])
    return reports.markdown(header, rows)


def _f1(found: Results) -> str:
    by_fold = [np.nanmean(_shares(counts, found.settings.labels)[:, 2]) for counts in _confusions(found, 1)]
    mean = _by_emotion(found)["average"][2]
    return f"{reports.percent(mean)} ± {reports.percent(np.std(by_fold, ddof=1) if len(by_fold) > 1 else None)}"


def _by_pooling(found: Results) -> str:
    """Share of test utterances that are right by majority vote and by the sum of probabilities."""
    right = {"majority": [], "mean": []}
    for run in found.runs:
        for pooling in right:
            right[pooling] += (np.array(run.by_pooling[pooling]) == run.labels).tolist()
    return " / ".join(reports.percent(float(np.mean(values))) for values in right.values())


def _worth(gains: Mapping[str, comparison.Comparison]) -> str:
    header = ["system", "UAR points over the independent split, by test speaker (95 % interval)"]
    return reports.markdown(header, [[name, studies.difference(gain)] for name, gain in gains.items()])


def _draw(gains: Mapping[str, comparison.Comparison], output_dir: Path) -> None:
    from acrnn import figures

    figures.write_png(figures.differences(gains, "UAR points over the independent split"), output_dir / "split.png")


if __name__ == "__main__":
    sys.exit(main())
