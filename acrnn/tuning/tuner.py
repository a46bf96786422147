"""KerasTuner's tuner, whose trials are fits over folds, and its chief. Imported where used: KerasTuner is an extra."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from functools import partial

import grpc
import keras
import keras_tuner
from keras_tuner import errors
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.src import protos
from keras_tuner.src.distribute import utils as distribute
from keras_tuner.src.distribute.oracle_chief import OracleServicer

from acrnn import files
from acrnn.batches.sources import MEMORY_BYTES, Feeder
from acrnn.crossval.environment import versions
from acrnn.crossval.fold_run import FitError, FoldRunner
from acrnn.tuning.oracles import OBJECTIVE, hyperparameters, make_oracle
from acrnn.tuning.search import SearchFolder, Values, title

_STATE = "oracle"
_ASK_SECONDS = 1.0
Report = Callable[..., None]


class Trainer:
    """Runs the missing fits of a configuration; reads training and validation parts, and no test part.

    Args:
        folder: folder of the search.
        report: takes the events ("epoch", title, fold, seed, Epoch) and ("fit", title, fold, seed, text).
        memory_bytes: a corpus larger than this is streamed from disk.
    """

    def __init__(self, folder: SearchFolder, report: Report, memory_bytes: int = MEMORY_BYTES):
        self.folder, self.report = folder, report
        logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns that every trial compiles another network
        parts = [folder.prepared.folds[fold] for fold in folder.folds]
        used = {utterance for part in parts for utterance in (*part.train, *part.validation)}
        self.feeder = Feeder(folder.prepared.records, memory_bytes, used)

    def validation_uar(self, name: str, values: Values) -> float:
        """Mean validation UAR over folds and seeds.

        Raises:
            FitError: a fit failed, now or before.
        """
        missing = [task for task in self.folder.tasks if not self.folder.read_fit(values, *task)]
        if missing:
            self._fit(values, missing)
        row = self.folder.row(name, values, "complete")
        if row["errors"]:
            raise FitError(row["errors"][0])
        return row["validation_uar"]

    def _fit(self, values: Values, tasks: list) -> None:
        keras.utils.clear_session()  # frees the graphs of earlier trials
        runner = FoldRunner(self.folder.experiment(values), self.feeder)
        for fold, seed in tasks:
            started = time.monotonic()
            result = self._fit_fold(runner, values, fold, seed)
            seconds = round(time.monotonic() - started, 1)
            self.folder.write_fit(
                values, fold, seed, {**result, "seconds": seconds, "versions": versions(), "worker": worker_name()}
            )
            if result["error"]:
                return
            text = (
                f"validation UAR {100 * result['validation_uar']:.1f} (epoch {result['best_epoch']}, {seconds:.0f} s)"
            )
            self.report("fit", title(values), fold, seed, text)

    def _fit_fold(self, runner: FoldRunner, values: Values, fold: int, seed: int) -> dict:
        """The content of a fit's file about the fit itself."""
        try:
            fit = runner.fit(fold, seed, partial(self.report, "epoch", title(values), fold, seed))
        except FitError as error:
            return {"error": f"{title(values)}, {error}", "validation_uar": None, "best_epoch": None, "curve": []}
        return {"error": None, "validation_uar": fit.validation_uar, **fit.to_dict()}


class FoldTuner(BaseTuner):
    """KerasTuner's tuner whose trial is a configuration's fits over all folds and seeds.

    A worker of another process or machine asks its chief for trials, as KerasTuner's environment variables say. In
    Hyperband's later rounds a trial is trained from its start with the larger budget of epochs: no weights are kept.

    Args:
        oracle: what chooses.
        folder: the search's.
        trainer: makes the Trainer when the first trial comes.
        report: takes ("trial",) after every trial.
    """

    def __init__(
        self, oracle: keras_tuner.Oracle, folder: SearchFolder, trainer: Callable[[], Trainer], report: Report, **how
    ):
        self.folder, self.report = folder, report
        self._make_trainer, self._trainer, self._asked_at = trainer, None, -math.inf
        super().__init__(oracle, directory=str(folder.folder), project_name=_STATE, **how)

    def on_search_begin(self) -> None:
        """Before a worker takes a trial, it makes sure that its chief searches the same.

        Raises:
            ValueError: it does not.
        """
        if role() == "worker":
            self.oracle.get_space()  # answered once the chief is there, and tuning.json with it
            self.folder.check_plan()

    def pre_create_trial(self) -> None:
        """Waits between two questions: a worker for which there is nothing yet would ask without end."""
        time.sleep(max(0.0, self._asked_at + _ASK_SECONDS - time.monotonic()))
        self._asked_at = time.monotonic()

    def run_trial(self, trial) -> dict[str, float]:
        try:
            self._trainer = self._trainer or self._make_trainer()
            values = hyperparameters(self.folder.search, trial.hyperparameters.values)
            return {OBJECTIVE: self._trainer.validation_uar(trial.trial_id, values)}
        except FitError as error:
            raise errors.FailedTrialError(str(error)) from error
        except Exception as error:  # KerasTuner would take it for a bad choice of hyperparameters, and go on
            raise errors.FatalError(str(error)) from error

    def on_trial_end(self, trial) -> None:
        super().on_trial_end(trial)
        self._asked_at = -math.inf
        self.report("trial")


def role() -> str | None:
    """ "chief" or "worker" where KerasTuner's environment variables say so, else None.

    Raises:
        RuntimeError: some of them are missing.
    """
    if not distribute.has_chief_oracle():
        return None
    return "chief" if distribute.is_chief_oracle() else "worker"


def open_tuner(folder: SearchFolder, trainer: Callable[[], Trainer], report: Report, is_new: bool = False) -> FoldTuner:
    """The tuner with its oracle's state as it was left, or a new state where there is none, or a damaged one.

    A killed process may leave half of a state; nothing is lost with it but KerasTuner's order of trials. A worker's
    tuner has no state: its oracle is the chief's.
    """
    if role() == "worker":
        return FoldTuner(make_oracle(folder.search), folder, trainer, report)
    for overwrite in (is_new, True):
        try:
            if not overwrite and (state := folder.folder / _STATE / "oracle.json").exists():
                files.write_json(state.with_name(f"{worker_name()}.json"), {})  # what KerasTuner looks for
            with contextlib.redirect_stdout(io.StringIO()):
                return FoldTuner(make_oracle(folder.search), folder, trainer, report, overwrite=overwrite)
        except (ValueError, KeyError, RuntimeError):
            if overwrite:
                raise
    raise AssertionError("unreachable")


def search_trials(tuner: FoldTuner) -> None:
    """Runs trials until the oracle has no more.

    Raises:
        RuntimeError: the chief does not answer.
        Exception: what ended a trial and is not its hyperparameters' fault.
    """
    try:
        tuner.search()
    except errors.FatalError as error:
        raise (error.__cause__ or error) from None
    except grpc.RpcError as error:
        raise RuntimeError(
            f"the chief does not answer ({error.code().name}); start it again with the same command and "
            "KERASTUNER_TUNER_ID=chief, then this worker"
        ) from error


@contextlib.contextmanager
def serving(oracle: keras_tuner.Oracle, address: str) -> Iterator[Callable[[], bool]]:
    """Serves an oracle to workers until the block ends; gives a function that says whether all of them were sent home.

    KerasTuner's own chief blocks, looks only every 20 s whether it may end, and cannot be ended by its caller.

    Raises:
        RuntimeError: the address is taken.
    """
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1), options=[("grpc.so_reuseport", 0)])
    servicer = OracleServicer(oracle)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise RuntimeError(f"{address}: cannot be served on ({error}); is it taken by another chief?") from error
    server.start()
    try:
        yield lambda: servicer.stop_triggered and not oracle.ongoing_trials and not oracle.tuner_ids
    finally:
        server.stop(grace=5).wait()


def worker_name() -> str:
    """What this process is called in the search: "tuner0" alone, else as KERASTUNER_TUNER_ID says."""
    return os.environ.get("KERASTUNER_TUNER_ID", "tuner0")
