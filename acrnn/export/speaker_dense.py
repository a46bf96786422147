"""Adaptation of the last batch normalization to a speaker, in an exported model; see `acrnn.training.speaker_batch_norm`."""

from __future__ import annotations

import keras
import tensorflow as tf

from acrnn.batches.speaker_statistics import BATCH_NORM_LAYER

INPUT = "speaker_dense"


def has_layer(model: keras.Model) -> bool:
    """Returns whether a network has a layer `BATCH_NORM_LAYER`."""
    return any(layer.name == BATCH_NORM_LAYER for layer in model.layers)


def input_spec(units: int) -> tf.TensorSpec:
    """Returns the input that takes speaker profiles: float32 [batch, 2, units], zero for an utterance without one."""
    return tf.TensorSpec([None, 2, units], tf.float32, INPUT)


class SpeakerDense:
    """The part of a network from its last batch normalization to the logits.

    Args:
        model: network with a layer `BATCH_NORM_LAYER`.
    """

    def __init__(self, model: keras.Model):
        self.layer = model.get_layer(BATCH_NORM_LAYER)
        self.inputs = self.layer.input
        x = entry = keras.Input(self.inputs.shape[1:])
        for layer in model.layers[model.layers.index(self.layer) :]:
            x = layer(x)
        self._rest = keras.Model(entry, x)

    def logits(self, embeddings: tf.Tensor, given: tf.Tensor) -> tf.Tensor:
        """Returns the logits of segments, float32 [segments, classes].

        Values that the given mean and variance standardize are moved to where those of the training part give the same.

        Args:
            embeddings: float32 [segments, units], inputs of the batch normalization.
            given: float32 [segments, 2, units], mean and variance of the speaker's recordings; variances of zero leave a
                segment as it is.
        """
        layer = self.layer
        scale = tf.sqrt((layer.moving_variance + layer.epsilon) / (given[:, 1] + layer.epsilon))
        moved = layer.moving_mean + (embeddings - given[:, 0]) * scale
        is_given = tf.reduce_max(given[:, 1], axis=1, keepdims=True) > 0
        return self._rest(tf.where(is_given, moved, embeddings), training=False)
