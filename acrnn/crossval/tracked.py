"""The runs of an experiment as trackers show them, from the events of the runs and from finished runs in its folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from acrnn.crossval.experiment import Prepared
from acrnn.crossval.results import RESULTS, Results
from acrnn.crossval.run import RUNS, Run, read_run, run_path
from acrnn.output import lock
from acrnn.recipes import Recipe
from acrnn.tracking import Subject, Tracker, Trackers, Tracking
from acrnn.training.estimator import Epoch

_PATIENCE_SECONDS = 600.0  # adding many runs to a server takes minutes


class TrackedRuns:
    """Hands the runs of an experiment to its trackers, each run once.

    Args:
        trackers: the trackers.
        folder: folder of the experiment.
        recipe: its recipe.
    """

    def __init__(self, trackers: Trackers, folder: Path, recipe: Recipe):
        self.trackers, self.folder, self.recipe = trackers, folder, recipe
        self.epochs: dict[tuple[int, int], int] = {}  # the latest epoch of runs that have begun
        self.finished: set[tuple[int, int]] = set()

    def add_finished(self, tasks: Sequence[tuple[int, int]]) -> None:
        """Adds runs that were finished before, with their learning curves, where a tracker does not have them."""
        if self.trackers:
            for task in tasks:
                if (path := run_path(self.folder, *task)).exists():
                    self._add(read_run(path))

    def _add(self, run: Run) -> None:
        self.finished.add((run.fold, run.seed))
        self.trackers.each(lambda tracker: None if tracker.has(run.fold, run.seed) else _add(tracker, run, self.recipe))

    def take(self, kind: str, fold: int, seed: int, value) -> None:
        """Takes an event of `run_tasks`; those of a run that was done again after the loss of its worker have no effect."""
        task = fold, seed
        if not self.trackers or task in self.finished:
            return
        if kind == "epoch":
            if value.epoch <= self.epochs.get(task, value.epoch):  # a new run, or one whose worker was lost
                self.trackers.each(lambda tracker: tracker.begin(*task))
            self.epochs[task] = value.epoch
            values = curve_values(value, self.recipe)
            self.trackers.each(lambda tracker: tracker.epoch(*task, value.epoch, values))
        elif kind == "done":
            run = read_run(run_path(self.folder, *task))
            if task in self.epochs:
                self.trackers.each(lambda tracker: tracker.finish(*task, run.best_epoch, run_values(run)))
            else:
                self._add(run)
            self.finished.add(task)
        elif kind == "failed":
            self.epochs.pop(task, None)
            self.trackers.each(lambda tracker: tracker.fail(*task))


@contextmanager
def tracked_runs(
    tracking: Tracking, prepared: Prepared, folder: Path, tasks: Sequence[tuple[int, int]]
) -> Iterator[TrackedRuns]:
    """Yields what hands the runs of an experiment to its trackers, which are closed when the block ends.

    Commands that share the folder add its finished runs one after the other, so that each sees those of the others. The lock is
    that of the subfolder, which no other part of a command waits for.

    Args:
        tracking, prepared, folder: where the curves go, the experiment and its folder.
        tasks: folds and seeds of the command; the finished ones are added.

    Raises:
        OSError: a place of the trackers cannot be written or reached, see `Tracking.opened`.
    """
    runs = TrackedRuns(Trackers([]), folder, prepared.experiment.recipe)
    with ExitStack() as stack:
        if tracking:
            with lock.exclusive(folder / RUNS, _PATIENCE_SECONDS):
                runs.trackers = stack.enter_context(tracking.opened(Subject(folder, prepared.settings())))
                runs.add_finished(tasks)
        yield runs


def publish(tracking: Tracking, folder: Path, results: Results, report: Path) -> None:
    """Hands the results of an experiment and its report to the trackers."""
    if tracking:
        overall = results.overall
        values = {"test_uar": overall.uar_fold_mean, "test_uar_pooled": overall.uar_pooled, "test_wa": overall.wa}
        tracking.publish(Subject(folder, results.settings.to_dict()), values, [folder / RESULTS, report])


def _add(tracker: Tracker, run: Run, recipe: Recipe) -> None:
    tracker.begin(run.fold, run.seed)
    for epoch in run.curve:
        tracker.epoch(run.fold, run.seed, epoch.epoch, curve_values(epoch, recipe))
    tracker.finish(run.fold, run.seed, run.best_epoch, run_values(run))


def curve_values(epoch: Epoch, recipe: Recipe) -> dict[str, float]:
    """Returns the values of one point of the learning curves, by the name of the curve.

    The learning rate is that at the start of the epoch. It is left out where the number of the epoch does not tell it: for a
    recipe of two stages, and with `decay`, which counts steps.
    """
    values = {name: getattr(epoch, name) for name in ("loss", "validation_loss", "validation_uar", "seconds")}
    if len(recipe.stages) == 1 and not recipe.decay:
        values["learning_rate"] = recipe.rate(epoch.epoch - 1)
    return {name: value for name, value in values.items() if value is not None}


def run_values(run: Run) -> dict[str, float]:
    """Returns the results of a run by name."""
    return {"test_uar": run.uar}
