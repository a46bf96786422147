"""Fits a network on one split: recipe, seeds, epoch selection by validation UAR. One compiled graph for all folds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from acrnn import metrics
from acrnn.feeding import Source
from acrnn.recipes import Recipe
from acrnn.segments import pool_logits


@dataclass(frozen=True)
class Epoch:
    """One point of a learning curve; the validation figures are of whole utterances."""

    epoch: int
    loss: float
    validation_loss: float
    validation_uar: float
    seconds: float


@dataclass(frozen=True)
class Fit:
    """What a fit leaves behind beside the weights: the learning curve and the epoch whose weights were kept."""

    curve: tuple[Epoch, ...]
    best_epoch: int

    def to_dict(self) -> dict:
        return {"best_epoch": self.best_epoch, "curve": [asdict(epoch) for epoch in self.curve]}


class Network:
    """A network that is built and compiled once and started afresh for every fold and seed.

    Compiling costs seconds, a fold of a small corpus minutes; fifty runs share one graph. A fresh start sets weights,
    optimiser and random states to what a new process with that seed would have, so that a run does not depend on the
    runs before it.

    Args:
        build: makes the untrained keras.Model; called again for every fresh start.
        recipe: how to train it.
    """

    def __init__(self, build: Callable[[], keras.Model], recipe: Recipe):
        self.recipe = recipe
        self._build = build
        self.model = self._fresh(seed=0)
        self.model.compile(_optimizer(recipe), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        self.model.optimizer.build(self.model.trainable_variables)
        self._optimizer_start = [np.array(variable) for variable in self.model.optimizer.variables]

    def _fresh(self, seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.recipe.precision)
        try:
            return self._build()
        finally:
            keras.config.set_dtype_policy(policy)

    def restart(self, seed: int) -> None:
        """Sets everything that training changes back to its start under a seed."""
        fresh = self._fresh(seed)
        for variable, start in zip(_state(self.model), _state(fresh), strict=True):
            variable.assign(start)
        for variable, start in zip(self.model.optimizer.variables, self._optimizer_start, strict=True):
            variable.assign(start)

    def fit(
        self, train: Source, validation: Source, seed: int, on_epoch: Callable[[Epoch], None] = lambda epoch: None
    ) -> Fit:
        """Trains from a fresh start and keeps the weights of the epoch with the best validation UAR.

        Among epochs of equal UAR, the one with the lowest validation loss is kept.

        Args:
            train, validation: segments of disjoint speakers.
            seed: of weights, dropout and order.
            on_epoch: called after every epoch.

        Raises:
            ValueError: the loss is no longer finite.
        """
        self.restart(seed)
        self.model.get_layer("normalization").adapt(
            (batch.inputs["features"], batch.inputs["num_frames"]) for batch in train.ordered(256)
        )
        generator = np.random.default_rng(seed)
        weights = _class_weights(train) if self.recipe.class_weights else None
        curve: list[Epoch] = []
        best, best_weights = None, None
        for number in range(1, self.recipe.epochs + 1):
            epoch = self._run_epoch(number, train, validation, generator, weights)
            curve.append(epoch)
            on_epoch(epoch)
            if best is None or _rank(epoch) > _rank(best):
                best, best_weights = epoch, self.model.get_weights()
            elif self.recipe.patience and number - best.epoch >= self.recipe.patience:
                break
        self.model.set_weights(best_weights)
        return Fit(tuple(curve), best.epoch)

    def _run_epoch(self, number, train, validation, generator, class_weights) -> Epoch:
        started = time.monotonic()
        self.model.reset_metrics()
        loss = float("nan")
        for batch in train.shuffled(self.recipe.batch_size, generator):
            sample_weight = None if class_weights is None else class_weights[batch.labels]
            loss = float(self.model.train_on_batch(batch.inputs, batch.labels, sample_weight))
        if not np.isfinite(loss):
            raise ValueError(
                f"the training loss is {loss} in epoch {number}; lower --learning-rate or set --gradient-clip-norm"
            )
        posteriors, labels = self.posteriors(validation)
        predictions = posteriors.argmax(axis=1)
        return Epoch(
            epoch=number,
            loss=loss,
            validation_loss=float(-np.log(np.maximum(posteriors[np.arange(len(labels)), labels], 1e-12)).mean()),
            validation_uar=float(metrics.uar(metrics.confusion(labels, predictions, posteriors.shape[1]))),
            seconds=round(time.monotonic() - started, 3),
        )

    def posteriors(self, source: Source) -> tuple[np.ndarray, np.ndarray]:
        """Posteriors [utterances, classes] and labels [utterances] of a source, in the order of its utterances' rows."""
        logits, labels, utterances = [], [], []
        for batch in source.ordered(self.recipe.batch_size):
            logits.append(self._logits(batch.inputs))
            labels.append(batch.labels)
            utterances.append(batch.utterances)
        rows, first, index = np.unique(np.concatenate(utterances), return_index=True, return_inverse=True)
        pooled = pool_logits(np.concatenate(logits), index, len(rows), self.recipe.pooling)
        return pooled, np.concatenate(labels)[first]

    def _logits(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Logits of up to a batch of segments; a smaller batch is filled up, so that one shape is compiled."""
        filled, count = _filled(inputs, self.recipe.batch_size)
        return np.asarray(self.model.predict_on_batch(filled))[:count]

    def attention(self, inputs: dict[str, np.ndarray]) -> np.ndarray | None:
        """Attention weights [segments, steps] of up to a batch of segments; None for a network without attention."""
        if self._attention is None:
            return None
        filled, count = _filled(inputs, self.recipe.batch_size)
        return np.asarray(self._attention.predict_on_batch(filled))[:count]

    @cached_property
    def _attention(self) -> keras.Model | None:
        found = [layer for layer in self.model.layers if layer.name == "attention"]
        return keras.Model(self.model.input, found[0].output[1]) if found else None

    def save(self, path: Path) -> None:
        """Writes network and normalisation as a .keras file, without the optimiser, which is three times as large."""
        plain = self._fresh(seed=0)
        plain.set_weights(self.model.get_weights())
        plain.save(path)


def _filled(inputs: dict[str, np.ndarray], batch_size: int) -> tuple[dict[str, np.ndarray], int]:
    """Inputs repeated up to a batch, and how many of them are real."""
    count = len(next(iter(inputs.values())))
    missing = batch_size - count
    return {name: np.concatenate([value, value[:1].repeat(missing, axis=0)]) for name, value in inputs.items()}, count


def _optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    kinds = {"nadam": keras.optimizers.Nadam, "adam": keras.optimizers.Adam}
    return kinds[recipe.optimizer](
        recipe.learning_rate, beta_1=recipe.momentum, global_clipnorm=recipe.gradient_clip_norm
    )


def _state(model: keras.Model) -> list:
    """Weights and random states of a network, in an order that two builds of it share."""
    seeds = [
        generator.state
        for layer in model._flatten_layers(include_self=False)
        for generator in getattr(layer, "_seed_generators", [])
    ]
    return [*model.weights, *seeds]


def _rank(epoch: Epoch) -> tuple[float, float]:
    return epoch.validation_uar, -epoch.validation_loss


def _class_weights(source: Source) -> np.ndarray:
    """Weights [classes] inverse to the number of segments of a class, one on average over the segments."""
    labels = np.concatenate([batch.labels for batch in source.ordered(256)])
    counts = np.bincount(labels)
    return len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
