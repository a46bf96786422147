"""The fits of a search: training of a configuration on a fold, with a file for each. It needs Keras, and no KerasTuner."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from functools import cached_property, partial

import keras

from acrnn.batches.sources import MEMORY_BYTES, Feeder
from acrnn.crossval.environment import versions
from acrnn.crossval.fold_run import FitError, FoldRunner
from acrnn.tuning.results import FitResult, Values
from acrnn.tuning.search import SearchFolder, title

Report = Callable[..., None]


class Trainer:
    """Runs the missing fits of a configuration; reads training and validation parts, and no test part.

    Args:
        folder: folder of the search.
        report: takes the events ("epoch", title, fold, seed, Epoch) and ("fit", title, fold, seed, text).
        memory_bytes: a corpus larger than this is streamed from disk.
        worker: name of this process in the files of the fits; None for `worker_name`.
    """

    def __init__(
        self, folder: SearchFolder, report: Report, memory_bytes: int = MEMORY_BYTES, worker: str | None = None
    ):
        self.folder, self.report = folder, report
        logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns that every trial compiles another network
        self.memory_bytes, self.worker = memory_bytes, worker or worker_name()

    @cached_property
    def feeder(self) -> Feeder:
        """Makes the sources of the training and validation parts; read when the first fit is missing."""
        parts = [self.folder.prepared.folds[fold] for fold in self.folder.folds]
        used = {utterance for part in parts for utterance in (*part.train, *part.validation)}
        choice = self.folder.prepared.experiment.speaker_statistics
        return Feeder(self.folder.prepared.records, self.memory_bytes, used, choice)

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
            self.fit(values, missing)
        trial = self.folder.trial(name, values, "complete")
        if trial.errors:
            raise FitError(trial.errors[0])
        return trial.validation_uar

    def fit(self, values: Values, tasks: Sequence[tuple[int, int]]) -> None:
        """Fits a configuration, and writes the files of the fits, up to the first one that fails.

        Args:
            values: hyper-parameters.
            tasks: pairs (fold, seed).
        """
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
            worker=self.worker,
            settings_sha256=self.folder.settings_sha256(values),
        )


def worker_name() -> str:
    """Name of this process in the search: KERASTUNER_TUNER_ID, or "tuner0"."""
    return os.environ.get("KERASTUNER_TUNER_ID", "tuner0")
