"""Several experiments side by side: run what is missing of each, and say how they differ. Resumable like each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acrnn import reports
from acrnn.crossval import RESULTS, Experiment, cross_validate
from acrnn.reports.comparison import Comparison, paired


@dataclass(frozen=True)
class Variant:
    """One experiment of a study.

    Attributes:
        name: of its folder in the study's.
        title: of its row in a table.
        experiment: what is run.
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
        variants: with different names.
        output_dir: the study's folder; a variant's results and report are in a folder of its name.
        folds, seeds, jobs: see `cross_validate`.
        after_each: called whenever a variant is done, to write tables of what there is.
    """
    for variant in variants:
        print(f"{variant.name}: {variant.title}", flush=True)
        folder = output_dir / variant.name
        cross_validate(variant.experiment, folder, folds, seeds, jobs)
        reports.write_report(folder)
        after_each()


def finished(names: Sequence[str], output_dir: Path) -> dict[str, dict]:
    """Results of the variants that have any, complete or not, by name.

    Raises:
        FileNotFoundError: none has.
    """
    found = {name: reports.read_results(output_dir / name) for name in names if (output_dir / name / RESULTS).exists()}
    if not found:
        raise FileNotFoundError(f"{output_dir}: nothing is finished yet; run the experiments, without --tables-only")
    return found


def compared(
    found: Mapping[str, dict], first: str, second: str, uar: Callable[[dict], Mapping[str, float]]
) -> Comparison | None:
    """First against second by the values that `uar` takes from their results; None while one of them has none."""
    return paired(uar(found[first]), uar(found[second])) if {first, second} <= found.keys() else None


def difference(comparison: Comparison | None) -> str:
    """A comparison in a table's cell: points, interval, p."""
    if comparison is None:
        return "–"
    bounds = comparison.interval
    span = "" if bounds is None else f" ({100 * bounds[0]:+.1f} to {100 * bounds[1]:+.1f})"
    return f"{100 * comparison.difference:+.1f}{span}, p = {comparison.p_value:.3f}"
