"""Fits a network on one split: recipe, seeds, epoch selection by validation UAR. One compiled graph for all folds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from acrnn import metrics
from acrnn.batches.sources import Source
from acrnn.recipes import Recipe
from acrnn.segments import pool_logits
from acrnn.text.embedding import copy_state
from acrnn.training.estimator import Epoch, Fit


class Network:
    """A network that is built and compiled once and started afresh for every fold and seed.

    Compiling costs seconds, a fold of a small corpus minutes; fifty runs share one graph. A fresh start sets weights,
    optimizer and random states to what a new process with that seed would have, so that a run does not depend on the
    runs before it.

    Args:
        build: makes the untrained keras.Model; called again for every fresh start.
        recipe: how to train it.
    """

    def __init__(self, build: Callable[[], keras.Model], recipe: Recipe):
        self.recipe = recipe
        self._build = build
        self.model = self._fresh(seed=0)
        self._compile()

    def _compile(self) -> None:
        recipe = self.recipe
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
        self.model.compile(_optimizer(recipe), loss, jit_compile=self._jit_compile)
        self.model.optimizer.build(self.model.trainable_variables)
        self._optimizer_start = [np.array(variable) for variable in self.model.optimizer.variables]

    @property
    def _jit_compile(self) -> bool | str:
        """Whether to compile with XLA, which does so for every shape that it meets."""
        return "auto"

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
        self,
        train: Source,
        validation: Source,
        seed: int,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
        statistics: Source | None = None,
    ) -> Fit:
        """Trains from a fresh start and keeps the weights of the epoch that the recipe chooses.

        That is the one with the best validation UAR, and among equals the lowest validation loss; or simply the last.

        Args:
            train, validation: segments of disjoint speakers.
            seed: of weights, dropout and order.
            on_epoch: called after every epoch.
            statistics: what normalization is taken from; None for the training part, anything else is a leak, measured
                by the audit.

        Raises:
            ValueError: the loss is no longer finite.
        """
        self.restart(seed)
        self._adapt(statistics or train)
        steps = self._steps(train, seed)
        curve: list[Epoch] = []
        best, best_weights = None, None
        for number in range(1, self.recipe.epochs + 1):
            started = time.monotonic()
            loss = steps.epoch(number)
            with steps.averaged_weights():
                epoch = self._validated(number, loss, validation, started)
                curve.append(epoch)
                on_epoch(epoch)
                if best is None or self.recipe.epoch_choice == "last" or _rank(epoch) > _rank(best):
                    best, best_weights = epoch, self.model.get_weights()
                elif self.recipe.patience and number - best.epoch >= self.recipe.patience:
                    break
        self.model.set_weights(best_weights)
        return Fit(tuple(curve), best.epoch)

    def _adapt(self, source: Source) -> None:
        """Takes from a source what is not learnt by steps."""
        self.model.get_layer("normalization").adapt(
            (batch.inputs["features"], batch.inputs["num_frames"]) for batch in source.ordered(256)
        )

    def _steps(self, train: Source, seed: int) -> Steps:
        return Steps(self.model, self.recipe, train, seed)

    def _validated(self, number: int, loss: float, validation: Source, started: float) -> Epoch:
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
        pooled, labels = self.pooled(source, (self.recipe.pooling,))
        return pooled[self.recipe.pooling], labels

    def pooled(self, source: Source, poolings: Sequence[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The same for several ways of pooling segments, from one pass: posteriors by pooling, and labels."""
        logits, labels, utterances = self._scored(source)
        rows, first, index = np.unique(utterances, return_index=True, return_inverse=True)
        return {pooling: pool_logits(logits, index, len(rows), pooling) for pooling in poolings}, labels[first]

    def _scored(self, source: Source) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Logits [segments, classes], labels [segments] and utterances [segments] of a source."""
        logits, labels, utterances = [], [], []
        for batch in source.ordered(self.recipe.batch_size):
            logits.append(self._logits(batch.inputs))
            labels.append(batch.labels)
            utterances.append(batch.utterances)
        return np.concatenate(logits), np.concatenate(labels), np.concatenate(utterances)

    def _logits(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Logits of up to a batch of segments; a smaller batch is filled up, so that one shape is compiled."""
        filled, count = full_batch(inputs, self.recipe.batch_size)
        return np.asarray(self.model.predict_on_batch(filled))[:count]

    def attention(self, inputs: dict[str, np.ndarray]) -> np.ndarray | None:
        """Attention weights [segments, steps] of up to a batch of segments; None for a network without attention."""
        if self._attention is None:
            return None
        filled, count = full_batch(inputs, self.recipe.batch_size)
        return np.asarray(self._attention.predict_on_batch(filled))[:count]

    @cached_property
    def _attention(self) -> keras.Model | None:
        found = [layer for layer in self.model.layers if layer.name == "attention"]
        return keras.Model(self.model.input, found[0].output[1]) if found else None

    def save(self, path: Path) -> None:
        """Writes network and normalization as a .keras file, without the optimizer, which is three times as large."""
        plain = self._fresh(seed=0)
        copy_state(self.model, plain)
        plain.save(path)


class Steps:
    """Training steps of one fit: order, augmentation, learning rate, and the moving average of the weights."""

    def __init__(self, model: keras.Model, recipe: Recipe, train: Source, seed: int):
        self.model, self.recipe = model, recipe
        self.generator = np.random.default_rng(seed)
        self.train = train.oversampled(self.generator) if recipe.oversampling else train
        self.weights = _class_weights(self.train) if recipe.class_weights else None
        self.per_epoch = -(-len(self.train) // recipe.batch_size)
        self.done, self.average = 0, None

    def epoch(self, number: int) -> float:
        """Mean training loss of one pass.

        Raises:
            ValueError: it is not finite.
        """
        self.model.reset_metrics()
        loss = float("nan")
        for batch in self.train.shuffled(self.recipe.batch_size, self.generator):
            self.model.optimizer.learning_rate = self.recipe.rate(self.done / self.per_epoch, self.done)
            loss = self._step(batch)
            self.done += 1
        if not np.isfinite(loss):
            raise ValueError(
                f"the training loss is {loss} in epoch {number}; lower --learning-rate or set --gradient-clip-norm"
            )
        return loss

    def _step(self, batch) -> float:
        inputs = batch.inputs
        if self.recipe.augmentation:
            changed = self.recipe.augmentation(inputs["features"], inputs["num_frames"], self.generator)
            inputs = {**inputs, **dict(zip(("features", "num_frames"), changed, strict=True))}
        targets = np.eye(self.model.output_shape[-1], dtype=np.float32)[batch.labels]
        sample_weight = None if self.weights is None else self.weights[batch.labels]
        loss = float(self.model.train_on_batch(inputs, targets, sample_weight))
        if self.recipe.averaging:
            self._average()
        return loss

    def _average(self) -> None:
        """Moves the average; a young one forgets faster, so that the start does not linger."""
        weights = self.model.get_weights()
        decay = min(self.recipe.averaging, (1 + self.done) / (10 + self.done))
        self.average = [np.array(weight) for weight in weights] if self.average is None else self.average
        for mean, weight in zip(self.average, weights, strict=True):
            mean += (1 - decay) * (weight - mean)

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """The network with its averaged weights, if the recipe averages, until the block ends."""
        if self.average is None:
            yield
            return
        current = self.model.get_weights()
        self.model.set_weights(self.average)
        yield
        self.model.set_weights(current)


def full_batch(inputs: dict[str, np.ndarray], batch_size: int) -> tuple[dict[str, np.ndarray], int]:
    """Inputs repeated up to a batch, and how many of them are real."""
    count = len(next(iter(inputs.values())))
    missing = batch_size - count
    return {name: np.concatenate([value, value[:1].repeat(missing, axis=0)]) for name, value in inputs.items()}, count


def _optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    kinds = {"nadam": keras.optimizers.Nadam, "adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}
    momentum = {"momentum" if recipe.optimizer == "sgd" else "beta_1": recipe.momentum}
    return kinds[recipe.optimizer](
        recipe.learning_rate,
        **momentum,
        weight_decay=recipe.weight_decay or None,
        global_clipnorm=recipe.gradient_clip_norm,
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
