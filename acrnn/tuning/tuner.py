"""KerasTuner's tuner with trials that fit folds, and its chief process. Imported where used, since KerasTuner is an extra."""

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
from acrnn.tuning.results import FitResult, Values
from acrnn.tuning.search import SearchFolder, title

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
        choice = folder.prepared.experiment.speaker_statistics
        self.feeder = Feeder(folder.prepared.records, memory_bytes, used, choice)

    def validation_uar(self, name: str, values: Values) -> float:
        """Mean validation UAR over folds and seeds.

        Args:
            name: KerasTuner's name of the trial.
            values: hyper-parameters.

        Raises:
            FitError: a fit failed, now or in an earlier call.
        """
        missing = [task for task in self.folder.tasks if not self.folder.read_fit(values, *task)]
        if missing:
            self._fit(values, missing)
        trial = self.folder.trial(name, values, "complete")
        if trial.errors:
            raise FitError(trial.errors[0])
        return trial.validation_uar

    def _fit(self, values: Values, tasks: list) -> None:
        keras.utils.clear_session()  # frees the graphs of earlier trials
        runner = FoldRunner(self.folder.experiment(values), self.feeder)
        for fold, seed in tasks:
            result = self._fit_fold(runner, values, fold, seed)
            self.folder.write_fit(result)
            if result.error:
                return
            score = f"validation UAR {100 * result.validation_uar:.1f}"
            self.report(
                "fit", title(values), fold, seed, f"{score} (epoch {result.best_epoch}, {result.seconds:.0f} s)"
            )

    def _fit_fold(self, runner: FoldRunner, values: Values, fold: int, seed: int) -> FitResult:
        started, fit, failure = time.monotonic(), None, None
        try:
            fit = runner.fit(fold, seed, partial(self.report, "epoch", title(values), fold, seed))
        except FitError as error:
            failure = f"{title(values)}, {error}"
        return FitResult(
            hyperparameters=dict(values),
            fold=fold,
            seed=seed,
            error=failure,
            validation_uar=fit and fit.validation_uar,
            best_epoch=fit and fit.best_epoch,
            curve=fit.curve if fit else (),
            seconds=round(time.monotonic() - started, 1),
            versions=versions(),
            worker=worker_name(),
            settings_sha256=self.folder.settings_sha256(values),
        )


class FoldTuner(BaseTuner):
    """KerasTuner's tuner; a trial fits one configuration on all folds with all seeds.

    A worker in another process or on another machine gets its trials from the chief, by KerasTuner's environment variables.
    In later rounds of Hyperband a trial is trained from the beginning with the larger number of epochs: no weights are kept.

    Args:
        oracle: selects the configurations.
        folder: folder of the search.
        trainer: makes the Trainer at the first trial.
        report: takes the event ("trial",) after every trial.
    """

    def __init__(
        self, oracle: keras_tuner.Oracle, folder: SearchFolder, trainer: Callable[[], Trainer], report: Report, **how
    ):
        self.folder, self.report = folder, report
        self._make_trainer, self._trainer, self._asked_at = trainer, None, -math.inf
        super().__init__(oracle, directory=str(folder.folder), project_name=_STATE, **how)

    def on_search_begin(self) -> None:
        """Checks, in a worker, that the chief does the same search.

        Raises:
            ValueError: the chief does another search.
        """
        if role() == "worker":
            self.oracle.get_space()  # returns once the chief has started and written tuning.json
            self.folder.check_plan()

    def pre_create_trial(self) -> None:
        """Waits between two requests, so that a worker without a trial does not ask continuously."""
        time.sleep(max(0.0, self._asked_at + _ASK_SECONDS - time.monotonic()))
        self._asked_at = time.monotonic()

    def run_trial(self, trial) -> dict[str, float]:
        """Validation UAR of a trial's configuration, by the name of the objective."""
        try:
            self._trainer = self._trainer or self._make_trainer()
            values = hyperparameters(self.folder.search, trial.hyperparameters.values)
            return {OBJECTIVE: self._trainer.validation_uar(trial.trial_id, values)}
        except FitError as error:
            raise errors.FailedTrialError(str(error)) from error
        except Exception as error:  # KerasTuner would count it as a failed configuration and go on
            raise errors.FatalError(str(error)) from error

    def on_trial_end(self, trial) -> None:
        """Reports the end of a trial."""
        super().on_trial_end(trial)
        self._asked_at = -math.inf
        self.report("trial")


def role() -> str | None:
    """Role of this process by KerasTuner's environment variables: "chief" or "worker"; None where they are not set.

    Raises:
        RuntimeError: some of them are missing.
    """
    if not distribute.has_chief_oracle():
        return None
    return "chief" if distribute.is_chief_oracle() else "worker"


def open_tuner(folder: SearchFolder, trainer: Callable[[], Trainer], report: Report, is_new: bool = False) -> FoldTuner:
    """The tuner with the saved state of its oracle; a new state where there is none, or a damaged one.

    A killed process may leave an incomplete state; only KerasTuner's order of trials is lost with it. A worker's tuner has no
    state, since the chief has the oracle.

    Args:
        folder: folder of the search.
        trainer, report: see `FoldTuner`.
        is_new: whether to discard the saved state.
    """
    if role() == "worker":
        return FoldTuner(make_oracle(folder.search), folder, trainer, report)
    for overwrite in (is_new, True):
        try:
            if not overwrite and (state := folder.folder / _STATE / "oracle.json").exists():
                files.write_json(state.with_name(f"{worker_name()}.json"), {})  # KerasTuner expects this file
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
        Exception: a trial ended for another reason than its hyper-parameters.
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
    """Serves an oracle to workers until the block ends; yields a function that is True when all workers have been dismissed.

    KerasTuner's own chief blocks, checks only every 20 s for the end, and cannot be ended by its caller.

    Raises:
        RuntimeError: the address is in use.
    """
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1), options=[("grpc.so_reuseport", 0)])
    servicer = OracleServicer(oracle)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise RuntimeError(f"{address}: cannot be served on ({error}); check that no other chief uses it") from error
    server.start()
    try:
        yield lambda: servicer.stop_triggered and not oracle.ongoing_trials and not oracle.tuner_ids
    finally:
        server.stop(grace=5).wait()


def worker_name() -> str:
    """Name of this process in the search: KERASTUNER_TUNER_ID, or "tuner0"."""
    return os.environ.get("KERASTUNER_TUNER_ID", "tuner0")
