"""Several experiments side by side: runs what is missing of each and compares their results. Resumable like each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acrnn import reports
from acrnn.crossval.experiment import Experiment
from acrnn.crossval.results import RESULTS, Results, read_results
from acrnn.crossval.runner import cross_validate
from acrnn.reports.comparison import Comparison, paired


@dataclass(frozen=True)
class Variant:
    """One experiment of a study.

    Attributes:
        name: name of its folder in the study's folder.
        title: title of its table row.
        experiment: the experiment itself.
    """

    name: str
    title: str
    experiment: Experiment


def run(
    variants: Sequence[Variant],
    output_dir: Path,
    folds: Sequence[int] | None,
    seeds: Sequence[int],
    jobs: int,
    after_each: Callable[[], None] = lambda: None,
) -> None:
    """Runs what is missing of every variant, one after the other.

    Args:
        variants: experiments with different names.
        output_dir: folder of the study; each variant has its results and report in a folder of its name.
        folds, seeds, jobs: see `cross_validate`.
        after_each: called after every variant, to write the tables of what is finished.
    """
    for variant in variants:
        print(f"{variant.name}: {variant.title}", flush=True)
        folder = output_dir / variant.name
        cross_validate(variant.experiment, folder, folds, seeds, jobs)
        reports.write_report(folder)
        after_each()


def finished(names: Sequence[str], output_dir: Path) -> dict[str, Results]:
    """Results of the variants that have finished runs, by name.

    Raises:
        FileNotFoundError: no variant has a finished run.
    """
    results = {name: read_results(output_dir / name) for name in names if (output_dir / name / RESULTS).exists()}
    if not results:
        raise FileNotFoundError(f"{output_dir}: nothing is finished yet; run the experiments first")
    return results


def compared(
    results: Mapping[str, Results], first: str, second: str, uar: Callable[[Results], Mapping[str, float]]
) -> Comparison | None:
    """Compares the first variant with the second by the values that `uar` takes from their results.

    None while one of them has no results, or where they share no unit.
    """
    return paired(uar(results[first]), uar(results[second])) if {first, second} <= results.keys() else None


def difference(comparison: Comparison | None) -> str:
    """A comparison as a table cell: difference in points, interval, p."""
    if comparison is None:
        return "–"
    bounds = comparison.interval
    span = "" if bounds is None else f" ({100 * bounds[0]:+.1f} to {100 * bounds[1]:+.1f})"
    return f"{100 * comparison.difference:+.1f}{span}, p = {comparison.p_value:.3f}"
