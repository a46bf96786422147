"""The cross-validated performance of an ensemble: in every fold the mean of the posteriors of the same seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from acrnn.crossval.fusion import fuse
from acrnn.crossval.results import Results
from acrnn.crossval.summary import Overall, summarize
from acrnn.errors import FieldError


def fused(folder: Path, results: Results, seeds: Sequence[int]) -> Overall:
    """Returns the summary of an ensemble over the folds in which all of its seeds are finished.

    Args:
        folder: output folder of the experiment, for messages.
        results: its results.
        seeds: random seeds of the networks, two or more.

    Raises:
        FieldError: no fold has a finished run of every seed, or the experiment leaks on purpose.
    """
    if mistake := results.settings.mistake:
        problem = f"{folder} leaks on purpose ({mistake}), so an ensemble has no estimate; choose another experiment"
        raise FieldError("seeds", seeds, problem)
    _check_seeds(folder, results, seeds)
    chosen = replace(results, runs=tuple(run for run in results.runs if run.seed in seeds))
    fusion = fuse({str(folder): chosen}, across_seeds=True)
    return summarize(fusion.runs, results.settings.labels, results.planned_folds)


def _check_seeds(folder: Path, results: Results, seeds: Sequence[int]) -> None:
    by_fold: dict[int, set[int]] = {}
    for run in results.runs:
        by_fold.setdefault(run.fold, set()).add(run.seed)
    if not any(set(seeds) <= finished for finished in by_fold.values()):
        finished = ", ".join(map(str, sorted(set.union(*by_fold.values()))))
        problem = (
            f"{folder} has no fold in which all of them are finished, so the ensemble has no estimate; run the experiment with "
            f"these seeds, or choose among {finished}"
        )
        raise FieldError("seeds", seeds, problem)
