"""KerasTuner's tuner with trials that fit folds, and its chief process. Imported where used, since KerasTuner is an extra."""

from __future__ import annotations

import contextlib
import io
import math
import time
from collections.abc import Callable, Iterator
from concurrent import futures

import grpc
import keras_tuner
from keras_tuner import errors
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.src import protos
from keras_tuner.src.distribute import utils as distribute
from keras_tuner.src.distribute.oracle_chief import OracleServicer

from acrnn import files
from acrnn.crossval.fold_run import FitError
from acrnn.tuning.oracles import OBJECTIVE, hyperparameters, make_oracle
from acrnn.tuning.search import SearchFolder
from acrnn.tuning.trainer import Report, Trainer, worker_name

_STATE = "oracle"
_ASK_SECONDS = 1.0


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
