"""Fits and tests one fold with one seed; cross-validation and the hyper-parameter search share it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from acrnn import files
from acrnn.batches.sources import Feeder
from acrnn.batches.speaker_statistics import SpeakerNormalizer
from acrnn.console import import_quietly
from acrnn.crossval import determinism
from acrnn.crossval.environment import peak_memory_mib, versions
from acrnn.crossval.experiment import Prepared
from acrnn.crossval.fine_tuning import FineTuning
from acrnn.crossval.pretraining import Pretraining
from acrnn.crossval.run import Run, UtteranceAttention, ValidationPart
from acrnn.crossval.speaker_prediction import SpeakerPrediction
from acrnn.distribution import devices
from acrnn.folds import Fold
from acrnn.models import MODELS
from acrnn.records import RecordSet, UtteranceRow
from acrnn.segments import POOLINGS
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
        self.prediction = SpeakerPrediction(self.estimator, feeder, prepared.experiment.recipe.batch_size)

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
        test = self._test(parts)
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
            validation=self._validation(parts),
        )

    def _test(self, parts: Fold) -> dict:
        """Fields of `Run` about the test part, without the utterances of an enrolment."""
        normalizer, test = self.feeder.test_normalizer(parts.train, parts.test)
        posteriors_by_pooling, labels = self.prediction.pooled(test, normalizer, POOLINGS)
        posteriors = posteriors_by_pooling[self.prepared.experiment.recipe.pooling]
        rows = [self.prepared.records.utterances[row] for row in sorted(self.feeder.rows[name] for name in test)]
        is_correct = posteriors.argmax(axis=1) == labels
        return {
            "utterances": [row.id for row in rows],
            "speakers": [row.speaker for row in rows],
            "labels": labels.tolist(),
            "probabilities": posteriors.round(6).tolist(),
            "by_pooling": {name: values.argmax(axis=1).tolist() for name, values in posteriors_by_pooling.items()},
            "attention": self._attention(
                [row for row, right in zip(rows, is_correct, strict=True) if right], normalizer
            ),
        }

    def _validation(self, parts: Fold) -> ValidationPart | None:
        """Posteriors of the validation part; None for a fold without one."""
        if not parts.validation:
            return None
        pooling = self.prepared.experiment.recipe.pooling
        pooled, labels = self.prediction.pooled(parts.validation, self.feeder.normalizer, (pooling,))
        names = [
            self.prepared.records.utterances[row].id for row in sorted(self.feeder.rows[n] for n in parts.validation)
        ]
        return ValidationPart(names, labels.tolist(), pooled[pooling].round(6).tolist())

    def _attention(
        self, rows: Sequence[UtteranceRow], normalizer: SpeakerNormalizer | None
    ) -> tuple[UtteranceAttention, ...]:
        """Attention weights of the first row of every class, for the report."""
        examples = []
        for row in {row.label: row for row in reversed(rows)}.values():
            # batches of one segment, since an utterance may have more segments than the recipe's batch
            batches = self.feeder.source([row.id], normalizer).ordered(1)
            parts = [self.estimator.attention(batch.inputs) for batch in batches]
            weighted = [part for part in parts if part is not None]
            if weighted:
                weights = np.concatenate(weighted).astype(float).round(5)
                examples.append(UtteranceAttention(row.id, weights.tolist()))
        return tuple(examples)


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
