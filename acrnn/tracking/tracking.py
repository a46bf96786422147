"""Destinations of the learning curves of a command, and the trackers that take them there."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from acrnn.tracking.tracker import Subject, Tracker


@dataclass(frozen=True)
class Tracking:
    """Destinations of learning curves; by default none.

    A place that cannot be used is an error until it has been opened once, as at the start of a command. After that it is left
    out with a warning: results do not depend on it.

    Attributes:
        tensorboard: folder for the event files of TensorBoard; None for none.
        mlflow: folder of an MLflow store or the URI of one; None for none.

    Raises:
        ImportError: the extra [mlflow] is needed and not installed.
    """

    tensorboard: Path | None = None
    mlflow: str | None = None
    _reached: set[str] = field(default_factory=set, init=False, repr=False, compare=False)  # trackers opened before

    def __post_init__(self) -> None:
        if self.mlflow is not None:
            from acrnn.tracking import mlflow_runs

            mlflow_runs.library()  # a missing extra is told before hours of work

    def __bool__(self) -> bool:
        return self.tensorboard is not None or self.mlflow is not None

    def opened(self, subject: Subject) -> Trackers:
        """Returns the trackers of an experiment, as a context manager that closes them.

        Raises:
            OSError: a place cannot be written or reached, and has not been opened before.
        """
        return self._opened(subject, is_optional=False)

    def _opened(self, subject: Subject, is_optional: bool) -> Trackers:
        """Opens the trackers; an optional one, or one that was opened before, is left out with a warning if that fails."""
        trackers = []
        for name, tracker in self._openers():
            try:
                trackers.append(tracker(subject))
                self._reached.add(name)
            except OSError as error:
                if not (is_optional or name in self._reached):
                    raise
                _warn(name, error)
        return Trackers(trackers)

    def _openers(self) -> Iterator[tuple[str, Callable[[Subject], Tracker]]]:
        """Functions that open a tracker, with its name."""
        if self.tensorboard is not None:
            from acrnn.tracking.event_files import EventFiles

            yield EventFiles.name, partial(EventFiles, self.tensorboard)
        if self.mlflow is not None:
            from acrnn.tracking.mlflow_runs import MlflowRuns

            yield MlflowRuns.name, partial(MlflowRuns, self.mlflow)

    def publish(self, subject: Subject, values: Mapping[str, float], results: Sequence[Path]) -> None:
        """Adds results of a whole experiment, see `Tracker.publish`; a place that cannot be used is left out with a warning."""
        if self:
            with self._opened(subject, is_optional=True) as trackers:
                trackers.each(lambda tracker: tracker.publish(values, results))


NOTHING = Tracking()


class Trackers:
    """Several trackers of the same experiment, which are closed when the block ends.

    A tracker that fails, such as on a full disk or without a connection, is left out from then on with a warning: the
    training and its results do not depend on it.
    """

    def __init__(self, trackers: list[Tracker]):
        self._trackers = trackers

    def __bool__(self) -> bool:
        return bool(self._trackers)

    def __enter__(self) -> Trackers:
        return self

    def __exit__(self, kind, *exception) -> None:
        self.each(lambda tracker: tracker.close(is_complete=kind is None))

    def each(self, call: Callable[[Tracker], None]) -> None:
        """Calls a function with every tracker."""
        for tracker in list(self._trackers):
            try:
                call(tracker)
            except OSError as error:
                self._trackers.remove(tracker)
                _warn(tracker.name, error)


def _warn(name: str, error: OSError) -> None:
    warnings.warn(f"{name} gets no more of this experiment: {error}", stacklevel=3)
