"""Several experiments side by side: runs what is missing of each and reads their results. Resumable like each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from acrnn import reports
from acrnn.crossval.experiment import Experiment
from acrnn.crossval.results import RESULTS, Results, read_results
from acrnn.crossval.runner import cross_validate
from acrnn.crossval.tracked import publish
from acrnn.distribution import choice, hosts
from acrnn.engines import Engine
from acrnn.errors import FieldError
from acrnn.tracking import NOTHING, Tracking


@dataclass(frozen=True)
class Variant:
    """One experiment of a study.

    Attributes:
        name: name of its folder in the study's folder.
        title: title of its table row.
        experiment: the experiment itself.
        folds: folds to run where the study's call names none; None for all.
    """

    name: str
    title: str
    experiment: Experiment
    folds: Sequence[int] | None = None


def run(
    variants: Iterable[Variant],
    output_dir: Path,
    folds: Sequence[int] | None,
    seeds: Sequence[int],
    jobs: int,
    after_each: Callable[[], None] = lambda: None,
    engine: Engine | None = None,
    tracking: Tracking = NOTHING,
) -> None:
    """Runs what is missing of every variant, one after the other.

    Args:
        variants: experiments with different names; a generator may look at the results of those before it.
        output_dir: folder of the study; each variant has its results and report in a folder of its name.
        folds: folds of every variant; None for the folds of each.
        seeds, jobs: see `cross_validate`.
        after_each: called after every variant, to write the tables of what is finished.
        engine, tracking: see `cross_validate`.

    Raises:
        FieldError: several hosts are to train together, which one experiment can do at a time.
    """
    if hosts.is_over_hosts():
        problem = "several experiments are trained on one host; choose mirrored, or train them one by one"
        raise FieldError(choice.FIELD, choice.MULTI_WORKER, problem)
    for variant in variants:
        print(f"{variant.name}: {variant.title}", flush=True)
        folder = output_dir / variant.name
        chosen = variant.folds if folds is None else folds
        results = cross_validate(variant.experiment, folder, chosen, seeds, jobs, engine=engine, tracking=tracking)
        publish(tracking, folder, results, reports.write_report(folder))
        after_each()


def finished(names: Sequence[str], output_dir: Path) -> dict[str, Results]:
    """Results of the variants that have finished runs, by name.

    Raises:
        FileNotFoundError: no variant has a finished run.
    """
    results = {name: read_results(output_dir / name) for name in names if (output_dir / name / RESULTS).exists()}
    if not results:
        raise FileNotFoundError(f"{output_dir}: no experiment in it is finished; run them first")
    return results
