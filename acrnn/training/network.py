"""Trains a network end to end by gradient descent on one split; one compiled graph serves all folds and seeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from acrnn import metrics
from acrnn.batches.sources import Source
from acrnn.errors import FieldError
from acrnn.recipes import Recipe
from acrnn.segments import pool_logits
from acrnn.training.estimator import Epoch, Estimator, Fit
from acrnn.training.prediction import predict_batch
from acrnn.training.state import copy_state, state_variables
from acrnn.training.steps import Steps, make_optimizer
from acrnn.training.trainer import Trainer, make_trainer


class SegmentLogits(NamedTuple):
    """Logits float [segments, classes], labels int [segments] and utterance rows int [segments]."""

    logits: np.ndarray
    labels: np.ndarray
    utterances: np.ndarray


def check_selection(recipe: Recipe, validation: Source | None) -> None:
    """Refuses a recipe that selects a checkpoint where there is no validation part to select it with.

    Raises:
        FieldError: the recipe selects a checkpoint, and `validation` is None.
    """
    if validation is None and recipe.epoch_choice != "last":
        problem = "checkpoint selection needs a validation part; choose the last epoch"
        raise FieldError("epoch_choice", recipe.epoch_choice, problem)


def network_of(estimator: Estimator, summary: str, field: str) -> Network:
    """Returns an estimator that is trained by gradient descent, whose initial weights can be set.

    Args:
        estimator: the estimator.
        summary: its system, for the message.
        field: argument that needs initial weights, for the message.

    Raises:
        FieldError: it is another one.
    """
    if not isinstance(estimator, Network):
        problem = f"{summary} is not trained by gradient descent, so it has no initial weights; leave it out"
        raise FieldError(field, "", problem)
    return estimator


class Network:
    """An `Estimator` that is built and compiled once and reset for every fold and seed.

    Compiling takes seconds and a fold of a small corpus minutes, so all folds share one graph.

    Subclasses override the public hooks `adapt`, `training_steps`, `segment_logits`, `batch_logits`, `compile` and
    `jit_compile`.

    Args:
        build: returns the untrained keras.Model; called again for every reset.
        recipe: training recipe.

    Attributes:
        model: the network, from network inputs to logits.
        initial_weights: values of the weights at the start of a fit, in the order of `model.weights`, with None for each
            that starts at random; None for a random start.
    """

    initial_weights: Sequence[np.ndarray | None] | None = None

    def __init__(self, build: Callable[[], keras.Model], recipe: Recipe):
        self.recipe = recipe
        self._build = build
        self.model = self.build(seed=0)
        self.compile()

    def build(self, seed: int) -> keras.Model:
        """Returns an untrained network with weights initialized by a random seed, in the recipe's precision."""
        keras.utils.set_random_seed(seed)
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.recipe.precision)
        try:
            return self._build()
        finally:
            keras.config.set_dtype_policy(policy)

    def compile(self) -> None:
        """Compiles the network with the recipe's optimizer and loss, and keeps the optimizer's initial state."""
        recipe = self.recipe
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
        self.model.compile(make_optimizer(recipe), loss, jit_compile=self.jit_compile)
        self.model.optimizer.build(self.model.trainable_variables)
        self._initial_optimizer_state = [np.array(variable) for variable in self.model.optimizer.variables]

    @property
    def jit_compile(self) -> bool | str:
        """Argument `jit_compile` of `keras.Model.compile`: True or "auto" lets XLA compile, once for every shape."""
        return "auto"

    def freeze(self, names: Collection[str]) -> None:
        """Keeps the weights of some layers, by name, as they are at the start of every fit; batch normalization there too.

        Raises:
            ValueError: the network has no layer of a name.
        """
        if names:
            for name in names:
                self.model.get_layer(name).trainable = False
            self.compile()

    def reset(self, seed: int) -> None:
        """Resets weights, optimizer state and random generators, so that a result does not depend on earlier fits.

        The weights are random, or `initial_weights` where it has values.
        """
        untrained = self.build(seed)
        for variable, value in zip(state_variables(self.model), state_variables(untrained), strict=True):
            variable.assign(value)
        for variable, value in zip(self.model.optimizer.variables, self._initial_optimizer_state, strict=True):
            variable.assign(value)
        if self.initial_weights is not None:
            self._assign(self.initial_weights)

    def _assign(self, values: Sequence[np.ndarray | None]) -> None:
        for variable, value in zip(self.model.weights, values, strict=True):
            if value is not None:
                variable.assign(value)

    def fit(
        self,
        train: Source,
        validation: Source | None,
        seed: int,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
        statistics: Source | None = None,
    ) -> Fit:
        """See `Estimator.fit`."""
        check_selection(self.recipe, validation)
        self.reset(seed)
        self.adapt(statistics or train)
        steps = self.training_steps(train, seed)
        curve: list[Epoch] = []
        best, best_weights = None, None
        for number in range(1, self.recipe.epochs + 1):
            started = time.monotonic()
            loss = steps.epoch(number)
            with steps.averaged_weights():
                epoch = self._validate(number, loss, validation, started)
                epoch = replace(epoch, waiting_share=round(steps.waiting_share, 4))
                curve.append(epoch)
                on_epoch(epoch)
                if best is None or self._is_better(epoch, best):
                    best, best_weights = epoch, self.model.get_weights()
            waited = number - best.epoch
            if self.recipe.patience and steps.trainer.agreed(waited >= self.recipe.patience):
                break
            if steps.are_done:
                break
        self.model.set_weights(best_weights)
        return Fit(tuple(curve), best.epoch)

    def _is_better(self, epoch: Epoch, best: Epoch) -> bool:
        return self.recipe.epoch_choice == "last" or epoch.selection_key > best.selection_key

    def adapt(self, source: Source) -> None:
        """Sets everything that is estimated from data before the first step: here, the normalization statistics.

        Args:
            source: training segments; their padding is left out.
        """
        self.model.get_layer("normalization").adapt(
            (batch.inputs["features"], batch.inputs["num_frames"]) for batch in source.ordered(256)
        )

    def training_steps(self, train: Source, seed: int) -> Steps:
        """Returns the training steps of one fit."""
        return Steps(self.model, self.recipe, train, seed, self.trainer)

    @cached_property
    def trainer(self) -> Trainer:
        """The trainer of all fits; it is made at the first one, after layers are frozen."""
        return make_trainer(self.model)

    def _validate(self, number: int, loss: float, validation: Source | None, started: float) -> Epoch:
        if validation is None:
            return Epoch(number, loss, None, None, round(time.monotonic() - started, 3))
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
        """See `Estimator.posteriors`."""
        pooled, labels = self.pooled(source, (self.recipe.pooling,))
        return pooled[self.recipe.pooling], labels

    def pooled(self, source: Source, poolings: Sequence[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """See `Estimator.pooled`."""
        logits, labels, utterances = self.segment_logits(source)
        rows, first, index = np.unique(utterances, return_index=True, return_inverse=True)
        return {pooling: pool_logits(logits, index, len(rows), pooling) for pooling in poolings}, labels[first]

    def segment_logits(self, source: Source) -> SegmentLogits:
        """Returns the logits of all segments of a source."""
        batches = [
            (self.batch_logits(batch.inputs), batch.labels, batch.utterances)
            for batch in source.ordered(self.recipe.batch_size)
        ]
        return SegmentLogits(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))

    def batch_logits(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Returns logits float [segments, classes] for at most one batch of network inputs [segments, …]."""
        return predict_batch(self.model, inputs, self.recipe.batch_size)

    def attention(self, inputs: dict[str, np.ndarray]) -> np.ndarray | None:
        """See `Estimator.attention`."""
        if self._attention_model is None:
            return None
        return predict_batch(self._attention_model, inputs, self.recipe.batch_size)

    @cached_property
    def _attention_model(self) -> keras.Model | None:
        layers = [layer for layer in self.model.layers if layer.name == "attention"]
        return keras.Model(self.model.input, layers[0].output[1]) if layers else None

    def save(self, path: Path) -> None:
        """See `Estimator.save`; the optimizer state would make the file three times as large."""
        uncompiled = self.build(seed=0)
        copy_state(self.model, uncompiled)
        uncompiled.save(path)
