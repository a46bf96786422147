"""Paired comparison of two systems over test speakers or folds, because speakers differ more than systems do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from acrnn import metrics
from acrnn.crossval.results import Results
from acrnn.crossval.run import Run


@dataclass(frozen=True)
class Comparison:
    """Mean difference between two systems over the units (speakers or folds) that both were measured on.

    Attributes:
        difference: first minus second, mean over units, a share from -1 to 1.
        interval: 95 % bootstrap interval, units resampled; None for a single unit.
        p_value: p of the two-sided sign-flip test, exact up to 2^16 arrangements.
        units: number of units.
    """

    difference: float
    interval: tuple[float, float] | None
    p_value: float
    units: int

    @property
    def verdict(self) -> str:
        """The result of the test at the level of 5 %: "better", "worse" or "no difference"."""
        if self.p_value > 0.05:
            return "no difference"
        return "better" if self.difference > 0 else "worse"


def paired(first: Mapping[str, float], second: Mapping[str, float]) -> Comparison | None:
    """Compares UARs by unit; None when the two share no unit.

    Args:
        first, second: UAR by unit, already averaged over seeds, since seeds of one speaker are not independent.
    """
    from scipy.stats import permutation_test

    units = sorted(set(first) & set(second))
    if not units:
        return None
    differences = np.array([first[unit] - second[unit] for unit in units])
    p_value = 1.0
    if len(units) > 1 and differences.any():
        p_value = permutation_test(
            (differences,), lambda x, axis: x.mean(axis), permutation_type="samples", n_resamples=2**16, rng=0
        ).pvalue
    return Comparison(float(differences.mean()), metrics.mean_interval(differences), float(p_value), len(units))


def tested_uar(results: Results) -> dict[str, float]:
    """UAR of each test speaker, averaged over seeds."""
    return {row.speaker: row.uar for row in results.overall.per_speaker}


def validation_uar(results: Results) -> dict[str, float]:
    """Validation UAR of the selected checkpoint of each fold, averaged over seeds."""
    return _by_fold(results, lambda run: run.validation_uar)


def late_validation_uar(results: Results) -> dict[str, float]:
    """Mean validation UAR of the last five epochs of each fold, averaged over seeds.

    The validation UAR of the selected epoch favors recipes that select the best of many epochs on fifty utterances; the last
    five epochs treat all recipes alike.
    """
    return _by_fold(results, lambda run: np.mean([point.validation_uar for point in run.curve[-5:]]))


def _by_fold(results: Results, value: Callable[[Run], float]) -> dict[str, float]:
    by_fold: dict[str, list[float]] = {}
    for run in results.runs:
        by_fold.setdefault(run.fold_name, []).append(value(run))
    return {fold: float(np.mean(values)) for fold, values in by_fold.items()}
