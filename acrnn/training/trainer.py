"""Training on one batch after the other: on one device by Keras itself, or on several."""

from __future__ import annotations

from typing import Protocol

import keras
import numpy as np

from acrnn.distribution import choice
from acrnn.training.state import state_variables


class Trainer(Protocol):
    """Trains a network on batches.

    Attributes:
        optimizer: the optimizer.
    """

    optimizer: keras.optimizers.Optimizer

    def begin(self) -> None:
        """Begins a fit from the state of the network."""

    def train_on_batch(
        self, inputs: dict[str, np.ndarray], targets: np.ndarray, sample_weights: np.ndarray | None
    ) -> float:
        """Trains on one batch and returns its loss.

        Args:
            inputs: network inputs by name, each [batch, …].
            targets: one-hot float32 [batch, classes].
            sample_weights: weights in the loss, float [batch]; None where all are equal.
        """

    def get_weights(self) -> list[np.ndarray]:
        """Returns the weights after the last step."""

    def agreed(self, is_last: bool) -> bool:
        """Returns whether an epoch is the last, as all processes of the training decide."""

    def end_epoch(self) -> None:
        """Gives the network the weights after the last step."""


class OneDevice:
    """Trains a compiled network in place, see `Trainer`; a fit begins with the state that the network has."""

    def __init__(self, model: keras.Model):
        self.model = model

    @property
    def optimizer(self) -> keras.optimizers.Optimizer:
        """The optimizer of the network."""
        return self.model.optimizer

    def begin(self) -> None:
        """Does nothing, as the network was reset."""

    def train_on_batch(
        self, inputs: dict[str, np.ndarray], targets: np.ndarray, sample_weights: np.ndarray | None
    ) -> float:
        """See `Trainer`."""
        return float(self.model.train_on_batch(inputs, targets, sample_weights))

    def get_weights(self) -> list[np.ndarray]:
        """See `Trainer`."""
        return self.model.get_weights()

    def agreed(self, is_last: bool) -> bool:
        """See `Trainer`."""
        return is_last

    def end_epoch(self) -> None:
        """Does nothing, as the network was trained itself."""


def make_trainer(model: keras.Model) -> Trainer:
    """Returns the trainer of a compiled network for the devices of this process, see `acrnn.distribution.choice`."""
    if choice.demanded() == choice.NONE:
        return OneDevice(model)
    from acrnn.distribution.replicas import Replicas

    return Replicas(model, state_variables)
