"""Training steps of a network on several devices: each has a copy of the network and a part of every batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from acrnn.distribution import hosts
from acrnn.distribution.strategy import strategy
from acrnn.distribution.synchronized import clone

SUM = tf.distribute.ReduceOp.SUM


class Replicas:
    """A trainer, see `acrnn.training.trainer.Trainer`, that divides every batch among replicas of a network.

    A step is that of one device with the whole batch, up to rounding errors: the loss of each replica is divided by the size of
    the whole batch, gradients are added up before the optimizer clips and applies them, and batch normalization has the mean
    and variance of the whole batch. Dropout draws other masks than on one device, and others on each replica.

    The network itself stays outside the strategy. It gets the weights of the replicas at the end of every epoch, so that
    validation, tests and files are independent of them.

    Args:
        model: compiled network.
        state_of: returns the variables of a network that a training changes, weights first.
    """

    def __init__(self, model: keras.Model, state_of: Callable[[keras.Model], list]):
        self.model, self._state_of, self.strategy = model, state_of, strategy()
        with self.strategy.scope():
            self.replica = clone(model)
            self.optimizer = keras.optimizers.deserialize(keras.optimizers.serialize(model.optimizer))
            self.optimizer.build(self.replica.trainable_variables)
        self._initial_optimizer_state = [np.array(variable) for variable in self.optimizer.variables]
        self._step = tf.function(self._step_on, input_signature=self._signature())

    def _signature(self) -> tuple:
        """Types of the arguments of a step, for batches of any size, so that it is traced once."""
        inputs = {name: tf.TensorSpec(value.shape, value.dtype) for name, value in self.model.input.items()}
        targets, weights = self.model.output_shape, (None,)
        return inputs, tf.TensorSpec(targets), tf.TensorSpec(weights), tf.TensorSpec((None, 2), tf.int32)

    def begin(self) -> None:
        """Takes over the state of the network, and resets the optimizer."""
        weights = [hosts.of_first(weight) for weight in self.model.get_weights()]
        generators = [np.array(state) for state in self._state_of(self.model)[len(weights) :]]
        for variable, value in zip(self._state_of(self.replica), [*weights, *generators], strict=True):
            variable.assign(value)
        for variable, value in zip(self.optimizer.variables, self._initial_optimizer_state, strict=True):
            variable.assign(value)
        self.strategy.run(tf.function(self._separate_draws))

    def _separate_draws(self) -> None:
        """Gives the random generators of each replica a seed of their own."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        for state in self._state_of(self.replica)[len(self.replica.weights) :]:
            state.assign(state.value + tf.cast(tf.stack([replica, 0]), state.dtype))

    def train_on_batch(
        self, inputs: dict[str, np.ndarray], targets: np.ndarray, sample_weights: np.ndarray | None
    ) -> float:
        """Trains on one batch and returns its loss."""
        weights = np.ones(len(targets)) if sample_weights is None else sample_weights
        parts = row_parts(len(targets), self.strategy.num_replicas_in_sync)
        with hosts.lost_workers_named():
            return float(self._step(inputs, targets, weights.astype(np.float32), parts))

    def _step_on(self, inputs: Any, targets: tf.Tensor, weights: tf.Tensor, parts: tf.Tensor) -> tf.Tensor:
        batch_size = tf.cast(tf.reduce_sum(parts[:, 1] - parts[:, 0]), tf.float32)
        arguments = (inputs, targets, weights, parts, batch_size)
        losses, gradients = self.strategy.run(self._gradients, args=arguments)
        whole = [self.strategy.reduce(SUM, gradient, axis=None) for gradient in gradients]
        self.optimizer.apply(whole, self.replica.trainable_variables)
        return self.strategy.reduce(SUM, losses, axis=None)

    def _gradients(self, *arguments: Any) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Returns the share of a replica in the loss and in its gradients."""
        *batch, parts, batch_size = arguments
        start, stop = tf.unstack(parts[tf.distribute.get_replica_context().replica_id_in_sync_group])
        inputs, targets, weights = tf.nest.map_structure(lambda rows: rows[start:stop], batch)
        trained = [variable.value for variable in self.replica.trainable_variables]
        with tf.GradientTape() as tape:
            losses = self.model.loss.call(targets, self.replica(inputs, training=True)) * weights
            regularization = sum(self.replica.losses) * tf.cast(stop - start, tf.float32)
            loss = (tf.reduce_sum(losses) + regularization) / batch_size
        return loss, [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, trained)]

    def get_weights(self) -> list[np.ndarray]:
        """Returns the weights, which are the same on all replicas."""
        return self.replica.get_weights()

    def agreed(self, is_last: bool) -> bool:
        """Returns the decision of worker 0, since rounding errors may differ between hosts."""
        return bool(hosts.of_first(np.array(is_last, np.int64)))

    def end_epoch(self) -> None:
        """Gives the network the weights of the replicas."""
        self.model.set_weights(self.get_weights())


def row_parts(rows: int, replicas: int) -> np.ndarray:
    """Returns the first row of each replica and the row after its last, int32 [replicas, 2]: parts of about equal size.

    Every replica gets the whole of a batch that has too few rows; loss, gradients and the statistics of batch normalization
    are then the same as for the batch once.
    """
    if rows < replicas:
        return np.array([(0, rows)] * replicas, np.int32)
    bounds = np.arange(replicas + 1) * rows // replicas
    return np.stack([bounds[:-1], bounds[1:]], axis=1).astype(np.int32)
