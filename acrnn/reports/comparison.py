"""Paired comparison of two systems over test speakers or folds, because speakers differ more than systems do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from acrnn import metrics
from acrnn.crossval.results import Results
from acrnn.crossval.run import Run

SIGNIFICANCE = 0.05  # level of the test
_ARRANGEMENTS = 2**16  # the test is exact up to this number of sign flips


@dataclass(frozen=True)
class Comparison:
    """Mean difference between two systems over the units (speakers or folds) that both were measured on.

    Attributes:
        difference: first minus second, mean over units, a share from -1 to 1.
        interval: Student's t interval of the difference over units, at `metrics.LEVEL`.
        p_value: p of the two-sided sign-flip permutation test, corrected for `tests` comparisons (Holm).
        units: number of units.
        tests: number of comparisons in the table.
    """

    difference: float
    interval: metrics.Interval
    p_value: float
    units: int
    tests: int = 1

    @property
    def verdict(self) -> str:
        """Result of the sign-flip test at the level SIGNIFICANCE, after correction: "better", "worse" or "no difference"."""
        if self.p_value > SIGNIFICANCE:
            return "no difference"
        return "better" if self.difference > 0 else "worse"

    @property
    def is_exact(self) -> bool:
        """True when the test tried all sign flips instead of a random sample of them."""
        return 2**self.units <= _ARRANGEMENTS


def paired(first: Mapping[str, float], second: Mapping[str, float]) -> Comparison | None:
    """Compares UARs by unit; None when the two share fewer than `metrics.MIN_UNITS` units.

    The interval is Student's t, like that of a mean UAR. The p is from the sign-flip permutation test (Fisher 1935: The Design
    of Experiments, section 21): the share of sign flips of the differences whose mean is at least as far from zero.

    Args:
        first, second: UAR by unit, already averaged over seeds, since seeds of one speaker are not independent.
    """
    from scipy.stats import permutation_test

    units = sorted(set(first) & set(second))
    if len(units) < metrics.MIN_UNITS:
        return None
    differences = np.array([first[unit] - second[unit] for unit in units])
    p_value = 1.0
    if differences.any():
        p_value = permutation_test(
            (differences,), lambda x, axis: x.mean(axis), permutation_type="samples", n_resamples=_ARRANGEMENTS, rng=0
        ).pvalue
    return Comparison(float(differences.mean()), metrics.mean_interval(differences), float(p_value), len(units))


def corrected(comparisons: Mapping[Hashable, Comparison | None]) -> dict[Hashable, Comparison]:
    """Returns the comparisons of a table with p corrected for their number, in the same order; leaves out None.

    Holm (1979): A Simple Sequentially Rejective Multiple Test Procedure. The smallest of m values of p is multiplied by m, the
    next by m - 1 and so on; none becomes smaller than the one before it, or greater than 1.

    Args:
        comparisons: all comparisons of the table by name, not yet corrected.
    """
    tested = {name: comparison for name, comparison in comparisons.items() if comparison is not None}
    adjusted, least = {}, 0.0
    for rank, name in enumerate(sorted(tested, key=lambda name: tested[name].p_value)):
        least = max(least, min((len(tested) - rank) * tested[name].p_value, 1.0))
        adjusted[name] = least
    return {name: replace(each, p_value=adjusted[name], tests=len(tested)) for name, each in tested.items()}


def caption(comparisons: Collection[Comparison], units: str = "test speakers", is_judged: bool = False) -> str:
    """Returns a sentence about the comparisons of a table: interval, test, correction, number and, if judged, the level.

    Args:
        comparisons: the comparisons of the table, corrected.
        units: name of the units.
        is_judged: whether the table has a verdict.
    """
    paired_over = f"Differences are paired over at least {metrics.MIN_UNITS} shared {units}"
    if not comparisons:
        return f"{paired_over}."
    (tests,) = {each.tests for each in comparisons}
    kind = "exact " if all(each.is_exact for each in comparisons) else ""
    correction = f", corrected for {tests} comparisons (Holm)" if tests > 1 else ""
    level = f"; verdict at p ≤ {SIGNIFICANCE:g}" if is_judged else ""
    test = f"p: {kind}two-sided sign-flip test{correction}{level}"
    return f"{paired_over}; {100 * metrics.LEVEL:g} % intervals: Student's t over them; {test}."


def tested_uar(results: Results) -> dict[str, float]:
    """Returns the UAR of each test speaker, averaged over seeds."""
    return {row.speaker: row.uar for row in results.overall.per_speaker}


def validation_uar(results: Results) -> dict[str, float]:
    """Returns the validation UAR of the selected checkpoint of each fold, averaged over seeds.

    Raises:
        ValueError: the folds have no validation part.
    """
    _check_validation(results)
    return _by_fold(results, lambda run: run.validation_uar)


def late_validation_uar(results: Results) -> dict[str, float]:
    """Returns the mean validation UAR of the last five epochs of each fold, averaged over seeds.

    The validation UAR of the selected epoch favors recipes that select the best of many epochs on fifty utterances; the last
    five epochs treat all recipes alike.

    Raises:
        ValueError: the folds have no validation part.
    """
    _check_validation(results)
    return _by_fold(results, lambda run: np.mean([point.validation_uar for point in run.curve[-5:]]))


def _check_validation(results: Results) -> None:
    if results.settings.train_on_validation:
        raise ValueError(
            "train_on_validation: the validation speakers were trained on, so there is no validation UAR; take results with a "
            "validation part"
        )


def _by_fold(results: Results, value: Callable[[Run], float]) -> dict[str, float]:
    by_fold: dict[str, list[float]] = {}
    for run in results.runs:
        by_fold.setdefault(run.fold_name, []).append(value(run))
    return {fold: float(np.mean(values)) for fold, values in by_fold.items()}
