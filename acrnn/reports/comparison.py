"""Is one system better than another? Paired over test speakers, because speakers differ more than systems do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from acrnn import metrics


@dataclass(frozen=True)
class Comparison:
    """The mean difference between two systems over the units that both were measured on.

    Attributes:
        difference: first minus second, mean over units, as a share.
        interval: 95 % bootstrap interval over units; None for a single unit.
        p_value: two-sided sign-flip test, exact up to 2^16 arrangements: how often chance alone gives such a difference.
        units: how many.
    """

    difference: float
    interval: tuple[float, float] | None
    p_value: float
    units: int

    @property
    def verdict(self) -> str:
        """ "better", "worse" or "no difference", at 5 %."""
        if self.p_value > 0.05:
            return "no difference"
        return "better" if self.difference > 0 else "worse"


def paired(first: Mapping[str, float], second: Mapping[str, float]) -> Comparison | None:
    """Compares values by unit (speaker, fold); None when the two share no unit.

    Args:
        first, second: UAR by unit, each already averaged over seeds: seeds of one speaker are no independent evidence.
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


def tested_uar(found: dict) -> dict[str, float]:
    """UAR by test speaker, averaged over seeds, of an experiment's results."""
    return {row["speaker"]: row["uar"] for row in found["overall"]["per_speaker"]}


def validation_uar(found: dict) -> dict[str, float]:
    """UAR that the kept weights have on the validation speakers, by fold, averaged over seeds."""
    return _by_fold(found, lambda run: run["curve"][run["best_epoch"] - 1]["validation_uar"])


def late_validation_uar(found: dict) -> dict[str, float]:
    """Mean validation UAR of the last five epochs, by fold, averaged over seeds.

    The kept epoch flatters a recipe that keeps the best of many on fifty utterances; this compares all recipes alike.
    """
    return _by_fold(found, lambda run: np.mean([point["validation_uar"] for point in run["curve"][-5:]]))


def _by_fold(found: dict, value: Callable[[dict], float]) -> dict[str, float]:
    by_fold: dict[str, list[float]] = {}
    for run in found["runs"]:
        by_fold.setdefault(run["fold_name"], []).append(value(run))
    return {fold: float(np.mean(values)) for fold, values in by_fold.items()}
