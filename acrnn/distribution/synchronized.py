"""Batch normalization over the parts of a batch on all replicas, with a mask."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops


class SynchronizedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization by mean and variance of the whole batch, of which each replica has a part.

    Keras' own `synchronized=True` leaves masked inputs out. This layer is for the replicas of a training alone; the network
    that is saved keeps the plain layer, whose weights are the same.
    """

    def _moments(self, inputs, mask):
        """Returns mean and variance, each float [units], over the real steps of all replicas, by Keras' own equations."""
        weights = ops.ones_like(inputs) if mask is None else self._weights_of(inputs, mask)
        count = self._sum(weights) + (0.0 if mask is None else keras.config.epsilon())
        mean = self._sum(weights * inputs) / count
        variance = self._sum(weights * ops.square(inputs - mean)) / count
        return ops.reshape(mean, (-1,)), ops.reshape(variance, (-1,))

    def _weights_of(self, inputs, mask):
        return ops.cast(ops.broadcast_to(ops.expand_dims(mask, -1), ops.shape(inputs)), inputs.dtype)

    def _sum(self, values):
        own = ops.sum(values, self._reduction_axes, keepdims=True)
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, own)


def clone(model: keras.Model) -> keras.Model:
    """Returns an untrained copy of a network whose batch normalization is synchronized; call it in the strategy's scope."""
    return keras.models.clone_model(model, clone_function=_cloned, recursive=True)


def _cloned(layer: keras.layers.Layer) -> keras.layers.Layer:
    is_plain = type(layer) is keras.layers.BatchNormalization
    kind: Any = SynchronizedBatchNormalization if is_plain else type(layer)
    return kind.from_config(layer.get_config())
