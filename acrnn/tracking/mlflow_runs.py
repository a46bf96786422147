"""Runs in an MLflow store: a parent for each experiment, and below it a run for each fold and seed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from acrnn.errors import missing_extra
from acrnn.reading.foreign_errors import reason
from acrnn.tracking.tracker import Subject

# MLflow reads these variables when it is imported. It reports its use over the network unless told not to; it writes a store of
# files, the only one that `mlflow-skinny` has, where this is allowed; and it repeats a request to a server for minutes.
_VARIABLES = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
}
_EXPERIMENT = "acrnn"  # name in MLflow, unless its variable MLFLOW_EXPERIMENT_NAME has another
_KEY, _FOLD, _SEED, _PARENT = "acrnn.key", "acrnn.fold", "acrnn.seed", "mlflow.parentRunId"  # tags
_ONE_BATCH = 100  # the most parameters that MLflow takes at once
_LONGEST = 500  # characters of a parameter that every version of MLflow takes
_MOST_RUNS = 10_000
_RUNNING, _FINISHED, _FAILED, _KILLED = "RUNNING", "FINISHED", "FAILED", "KILLED"  # of `mlflow.entities.RunStatus`


def library():
    """Returns the module `mlflow`, imported so that nothing is sent anywhere but to the store.

    Raises:
        ImportError: it is not installed; the message names the extra.
    """
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    try:
        import mlflow
    except ImportError as error:
        raise missing_extra("mlflow", "tracking with MLflow", error) from error
    return mlflow


class MlflowRuns:
    """Writes runs into an MLflow store, see `Tracker`.

    Args:
        place: folder of a store of files, or a URI of MLflow such as http://localhost:5000.
        subject: the experiment.

    Attributes:
        parent: id of the run of the experiment.

    Raises:
        ImportError: the extra is not installed.
        OSError: the store cannot be opened.
    """

    name = "MLflow"

    def __init__(self, place: str, subject: Subject):
        self._place = place
        self._client = self._called(library().MlflowClient, _uri(place))
        self._experiment = self._experiment_id(os.environ.get("MLFLOW_EXPERIMENT_NAME") or _EXPERIMENT)
        self.parent = self._parent_of(subject)
        self._runs: dict[tuple[int, int], str] = {}  # those that have begun here
        self._earlier: dict[tuple[str, int, int], str] = {}  # id by status, fold and seed
        for run in self._found(_PARENT, self.parent):
            fold, seed = int(run.data.tags[_FOLD]), int(run.data.tags[_SEED])
            self._earlier[run.info.status, fold, seed] = run.info.run_id

    def has(self, fold: int, seed: int) -> bool:
        """See `Tracker.has`."""
        return (_FINISHED, fold, seed) in self._earlier

    def begin(self, fold: int, seed: int) -> None:
        """See `Tracker.begin`."""
        self._end(fold, seed, _KILLED)
        if left := self._earlier.pop((_RUNNING, fold, seed), None):  # its command was killed
            self._called(self._client.set_terminated, left, _KILLED)
        tags = {_PARENT: self.parent, _FOLD: str(fold), _SEED: str(seed)}
        self._runs[fold, seed] = self._created(
            f"fold {fold}, seed {seed}", tags, {"fold": str(fold), "seed": str(seed)}
        )

    def epoch(self, fold: int, seed: int, number: int, values: Mapping[str, float]) -> None:
        """See `Tracker.epoch`."""
        self._log(self._runs[fold, seed], number, values)

    def finish(self, fold: int, seed: int, number: int, values: Mapping[str, float]) -> None:
        """See `Tracker.finish`."""
        self.epoch(fold, seed, number, values)
        self._end(fold, seed, _FINISHED)

    def fail(self, fold: int, seed: int) -> None:
        """See `Tracker.fail`."""
        self._end(fold, seed, _FAILED)

    def publish(self, values: Mapping[str, float], results: Sequence[Path]) -> None:
        """See `Tracker.publish`; the files become artifacts of the parent."""
        self._log(self.parent, 0, values)
        for path in results:
            self._called(self._client.log_artifact, self.parent, str(path))

    def close(self, is_complete: bool) -> None:
        """See `Tracker.close`."""
        for task in list(self._runs):
            self._end(*task, _KILLED)
        self._called(self._client.set_terminated, self.parent, _FINISHED if is_complete else _KILLED)

    def _experiment_id(self, name: str) -> str:
        found = self._called(self._client.get_experiment_by_name, name)
        return found.experiment_id if found else self._called(self._client.create_experiment, name)

    def _parent_of(self, subject: Subject) -> str:
        """Id of the parent run, an earlier one for the same experiment."""
        if found := self._found(_KEY, subject.key):
            self._called(self._client.update_run, found[0].info.run_id, _RUNNING)
            return found[0].info.run_id
        return self._created(subject.name, {_KEY: subject.key}, subject.flat_settings)

    def _found(self, tag: str, value: str) -> list:
        """Runs with a tag, the latest first."""
        query = f"tags.`{tag}` = '{value}'"
        return list(self._called(self._client.search_runs, [self._experiment], query, max_results=_MOST_RUNS))

    def _created(self, name: str, tags: dict[str, str], settings: Mapping[str, str]) -> str:
        """Id of a new run with its parameters."""
        from mlflow.entities import Param

        run = self._called(self._client.create_run, self._experiment, tags=tags, run_name=name).info.run_id
        parameters = (Param(name, value[:_LONGEST]) for name, value in settings.items())
        while batch := list(islice(parameters, _ONE_BATCH)):
            self._called(self._client.log_batch, run, params=batch)
        return run

    def _log(self, run: str, step: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = time.time_ns() // 1_000_000
        metrics = [Metric(name, float(value), now, step) for name, value in values.items()]
        self._called(self._client.log_batch, run, metrics=metrics)

    def _end(self, fold: int, seed: int, status: str) -> None:
        if run := self._runs.pop((fold, seed), None):
            self._called(self._client.set_terminated, run, status)

    def _called(self, function: Callable, *arguments, **keywords) -> Any:
        """Returns what a function of MLflow returns; its errors name the store."""
        try:
            return function(*arguments, **keywords)
        except library().MlflowException as error:
            problem = f"the MLflow store does not do this ({reason(error)})"
            raise OSError(f"{self._place}: {problem}; choose a folder, or the address of a server that runs") from error


def _uri(place: str) -> str:
    """URI of a store; a place without a scheme is a folder."""
    return place if "://" in place or place.startswith("databricks") else Path(place).resolve().as_uri()
