"""Training steps: order, augmentation, learning rate, class weights and the exponential moving average of the weights."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy

import keras
import numpy as np

from acrnn.batches import random_enrolment
from acrnn.batches.sources import Batch, Source
from acrnn.errors import FieldError
from acrnn.recipes import Recipe
from acrnn.training.trainer import OneDevice, Trainer


def make_optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    """Returns the optimizer of a recipe."""
    kinds = {"nadam": keras.optimizers.Nadam, "adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}
    momentum = {"momentum" if recipe.optimizer == "sgd" else "beta_1": recipe.momentum}
    return kinds[recipe.optimizer](
        recipe.learning_rate,
        **momentum,
        weight_decay=recipe.weight_decay or None,
        global_clipnorm=recipe.gradient_clip_norm,
    )


def class_weights(source: Source) -> np.ndarray:
    """Returns weights float [classes], inverse to the number of segments of a class; their mean over segments is 1.

    The source is the training part. Zhang et al. (2021), Section 3.2, use the proportions of the whole database, which would
    tell the training about the labels of the test speakers.
    """
    counts = np.bincount(source.used_labels)
    return counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))


def mean_new_share(source: Source) -> float:
    """Returns the mean share of new frames in the segments of a source; see `SegmentRule.new_shares`."""
    return float(np.concatenate([batch.new_shares for batch in source.ordered(256)]).mean())


class Steps:
    """Training steps of one fit.

    Args:
        model: compiled network.
        recipe: learning rate, number of steps, augmentation, class weights, averaging, and how segments are selected.
        train: training segments.
        seed: random seed of the selection, order and augmentation.
        trainer: trains the network on batches; None for one device.

    Attributes:
        steps_done: number of steps so far.
        average: exponential moving average of the weights; None before the first step or without averaging.
        waiting_share: share of the time of the steps of the last epoch in which they waited for batches.
    """

    def __init__(self, model: keras.Model, recipe: Recipe, train: Source, seed: int, trainer: Trainer | None = None):
        self.model, self.recipe = model, recipe
        self.trainer = trainer or OneDevice(model)
        self.trainer.begin()
        self.generator = np.random.default_rng(seed)
        self.train = self._selected(train)
        self.class_weights = class_weights(self.train) if recipe.class_weights else None
        weighs_segments = recipe.segment_weights == "new-frames"
        self.mean_share = mean_new_share(self.train) if weighs_segments else None
        self.steps_per_epoch = -(-len(self.train) // recipe.batch_size)
        self.steps_done = 0
        self.average: list[np.ndarray] | None = None
        self.waiting_share = 0.0

    def _selected(self, train: Source) -> Source:
        """Returns the segments to train on: all, oversampled, or a balanced draw."""
        if self.recipe.balanced_draw:
            return train.balanced(self.recipe.balanced_draw, self.generator)
        return train.oversampled(self.generator) if self.recipe.oversampling else train

    @property
    def are_done(self) -> bool:
        """True after the recipe's maximum number of steps."""
        return self.steps_done == self.recipe.max_steps

    def epoch(self, number: int) -> float:
        """Trains for one epoch, or up to the maximum number of steps, and returns the mean loss of its batches.

        Args:
            number: number of the epoch, for the message.

        Raises:
            ValueError: the loss is not finite.
        """
        total, count = 0.0, 0
        for batch in self._timed(self._train_of_epoch().shuffled(self.recipe.batch_size, self.generator)):
            self.trainer.optimizer.learning_rate = self.recipe.rate(
                self.steps_done / self.steps_per_epoch, self.steps_done
            )
            total += self.step(batch) * len(
                batch.labels
            )  # Keras returns the loss of a batch, not that of the epoch so far
            count += len(batch.labels)
            self.steps_done += 1
            if self.are_done:
                break
        loss = total / count if count else float("nan")
        if not np.isfinite(loss):
            raise ValueError(
                f"the training loss is {loss} in epoch {number}; lower learning_rate or set gradient_clip_norm"
            )
        self.trainer.end_epoch()
        return loss

    def _timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Yields batches, and notes which share of the time until their end was spent on waiting for the next one."""
        waiting, started = 0.0, time.perf_counter()
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            now = time.perf_counter()
            waiting += now - asked
            self.waiting_share = waiting / (now - started)
            if batch is None:
                return
            yield batch

    def _train_of_epoch(self) -> Source:
        """Returns the training segments, normalized by new random enrolments if the recipe has them."""
        if not self.recipe.random_enrolment:
            return self.train
        statistics = self.train.normalizer and self.train.normalizer.statistics
        if statistics is None:
            problem = (
                "the features are not normalized by the statistics of their speaker; choose speaker_statistics speaker"
            )
            raise FieldError("random_enrolment", True, problem)
        source = copy(self.train)
        source.normalizer = random_enrolment.drawn(statistics, self.train.used_rows, self.generator)
        return source

    def step(self, batch: Batch) -> float:
        """Trains on one batch and returns its mean loss, with the weights of its segments."""
        inputs = batch.inputs
        if self.recipe.augmentation:
            augmented = self.recipe.augmentation(inputs["features"], inputs["num_frames"], self.generator)
            inputs = {**inputs, **dict(zip(("features", "num_frames"), augmented, strict=True))}
        targets = np.eye(self.model.output_shape[-1], dtype=np.float32)[batch.labels]
        loss = self.trainer.train_on_batch(inputs, targets, self._sample_weights(batch))
        if self.recipe.averaging:
            self._update_average()
        return loss

    def _sample_weights(self, batch: Batch) -> np.ndarray | None:
        """Weights of the segments in the loss, float [batch]; None where all are equal."""
        weights = None if self.class_weights is None else self.class_weights[batch.labels]
        if self.mean_share is None:
            return weights
        shares = batch.new_shares / self.mean_share
        return shares if weights is None else shares * weights

    def _update_average(self) -> None:
        """Updates the exponential moving average; the decay is warmed up, so that initial weights are soon forgotten."""
        weights = self.trainer.get_weights()
        decay = min(self.recipe.averaging, (1 + self.steps_done) / (10 + self.steps_done))
        self.average = [np.array(weight) for weight in weights] if self.average is None else self.average
        for mean, weight in zip(self.average, weights, strict=True):
            mean += (1 - decay) * (weight - mean)

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """Gives the network its averaged weights, if the recipe averages, until the block ends."""
        if self.average is None:
            yield
            return
        current = self.model.get_weights()
        self.model.set_weights(self.average)
        yield
        self.model.set_weights(current)
