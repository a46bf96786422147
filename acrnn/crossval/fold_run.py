"""Fits and tests one fold with one seed; cross-validation and the hyper-parameter search share it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from acrnn import files
from acrnn.batches.sources import Feeder
from acrnn.console import import_quietly
from acrnn.crossval import determinism
from acrnn.crossval.environment import peak_memory_mib, versions
from acrnn.crossval.experiment import Prepared
from acrnn.crossval.fine_tuning import FineTuning
from acrnn.crossval.prediction.parts import PartPrediction
from acrnn.crossval.pretraining import Pretraining
from acrnn.crossval.run import Run
from acrnn.distribution import devices
from acrnn.folds import Fold
from acrnn.models import MODELS
from acrnn.records import RecordSet
from acrnn.training.estimator import Epoch, Estimator, Fit

PRETRAINING = "pretraining"  # folder of pre-trained weights, in that of an experiment


class FitError(ValueError):
    """A fit that ended early: the training loss is not finite."""


class FoldRunner:
    """Runs the folds of an experiment one after the other, with one compiled network for all.

    Args:
        prepared: the experiment.
        feeder: source of its segments.
        folder: folder of the experiment, which keeps pre-trained weights; None keeps them in memory only.
    """

    def __init__(self, prepared: Prepared, feeder: Feeder, folder: Path | None = None):
        import_quietly("keras")
        mistake = prepared.mistake
        self.prepared, self.feeder = prepared, feeder
        self.estimator, self.pretraining = make_estimator(prepared, folder)
        self.joint = prepared.joint_corpus()
        leaks = mistake is not None and mistake.normalized_on_everything
        self._statistics = feeder.source(list(feeder.rows)) if leaks else None
        self.prediction = PartPrediction(self.estimator, feeder, prepared.experiment.recipe)

    def fit(self, fold: int, seed: int, on_epoch: Callable[[Epoch], None]) -> Fit:
        """Trains on the training part of a fold and selects the checkpoint; does not read the test part.

        Args:
            fold: number of the fold.
            seed: random seed.
            on_epoch: called after every epoch.

        Raises:
            FitError: the training loss is not finite; the message names the fold.
        """
        if self.pretraining:
            self.pretraining.start(seed)
        parts = self.prepared.folds[fold]
        train = self.feeder.source(parts.train)
        if self.joint:
            train = self.joint.joined(train, self.prepared.experiment.speaker_statistics)
        validation = self.feeder.source(parts.validation) if parts.validation else None
        try:
            return self.estimator.fit(train, validation, seed, on_epoch, self._statistics)
        except ValueError as error:
            raise FitError(f"fold {fold} ({parts.name}), seed {seed}: {error}") from error

    def run(
        self, fold: int, seed: int, on_epoch: Callable[[Epoch], None], settings_sha256: str, network_path: Path | None
    ) -> Run:
        """Trains on a fold, then predicts its test part once.

        Args:
            fold, seed, on_epoch: see `fit`.
            settings_sha256: hash of the experiment's settings.
            network_path: path of the .keras file to write; None writes no network.

        Raises:
            FitError: see `fit`.
        """
        started = time.monotonic()
        parts = self.prepared.folds[fold]
        fit = self.fit(fold, seed, on_epoch)
        test = self.prediction.test(parts.train, parts.test)
        if network_path is not None:
            with files.atomic_path(network_path) as temporary:
                self.estimator.save(temporary)
        return Run(
            fold=fold,
            fold_name=parts.name,
            seed=seed,
            **_speakers(self.prepared.records, parts),
            best_epoch=fit.best_epoch,
            curve=fit.curve,
            **test,
            seconds=round(time.monotonic() - started, 1),
            settings_sha256=settings_sha256,
            versions=versions(),
            peak_memory_mib=peak_memory_mib(),
            validation=self.prediction.validation(parts.validation),
        )


def make_estimator(prepared: Prepared, folder: Path | None) -> tuple[Estimator, Pretraining | FineTuning | None]:
    """Returns the untrained estimator of an experiment, and the source of its initial weights: another corpus, or a trained model.

    Args:
        prepared: the experiment.
        folder: folder of the experiment, which keeps pre-trained weights; None keeps them in memory only.

    Raises:
        UsageError: the system cannot start from such weights, or has no layer of the kind to freeze; or its batches are smaller
            than the number of replicas.
    """
    experiment, system = prepared.experiment, MODELS[prepared.experiment.model]
    recipe, weights = experiment.recipe, experiment.initial_weights
    determinism.apply()
    devices.check_batch_size(min(stage.batch_size for stage in recipe.stages))
    estimator = system.estimator(prepared.config, recipe, weights)
    labels = prepared.records.manifest.labels
    if weights.kind == "model":
        return estimator, FineTuning(estimator, system, prepared.config, weights, labels)
    if weights.kind != "corpus":
        return estimator, None
    folder = folder and folder / PRETRAINING
    choice = experiment.speaker_statistics
    return estimator, Pretraining(estimator, system, prepared.config, recipe, weights, labels, folder, choice)


def _speakers(record_set: RecordSet, fold: Fold) -> dict[str, Any]:
    speaker = {row.id: row.speaker for row in record_set.utterances}
    parts = {"train": fold.train, "validation": fold.validation, "test": fold.test}
    return {f"{part}_speakers": sorted({speaker[utterance] for utterance in ids}) for part, ids in parts.items()}
