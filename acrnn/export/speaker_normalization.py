"""Normalization of the features of an utterance by its speaker, in an exported model: in NumPy and as TensorFlow operations.

The network was trained on features normalized by the statistics of all recordings of their speaker. An exported model takes those of
a speaker profile where it is given one. Otherwise it takes those of the utterance itself, shrunk towards the average training
speaker, as if that one had the duration in the card.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from acrnn.frontends.statistics import TINY, Moments, Prior, Statistics

INPUT = "speaker_statistics"


def normalized(features: np.ndarray, prior: Prior, given: np.ndarray | None = None) -> np.ndarray:
    """Returns the features of an utterance, normalized.

    Args:
        features: float [frames, bands, channels].
        prior: the average training speaker.
        given: mean and deviation of a speaker profile, float [2, bands, channels]; None or deviations of zero without one.
    """
    if given is None or not given[1].any():
        moments = Moments()
        moments.add(features)
        statistics = prior.shrunk(moments)
    else:
        mean, deviation = given.astype(np.float64)
        statistics = Statistics(mean, deviation, 1)
    offset, scale = statistics.offset_and_scale()
    return ((features - offset) * scale).astype(np.float32)


def input_spec(prior: Prior) -> tf.TensorSpec:
    """Returns the input that takes speaker profiles: float32 [batch, 2, bands, channels], zero for an utterance without one."""
    return tf.TensorSpec([None, 2, *prior.statistics.mean.shape], tf.float32, INPUT)


def normalized_in_graph(
    features: tf.Tensor, num_frames: tf.Tensor, prior: Prior, given: tf.Tensor | None = None
) -> tf.Tensor:
    """Returns a batch of normalized features; the counterpart of `normalized`.

    Args:
        features: float32 [batch, frames, bands, channels].
        num_frames: int32 [batch]; later frames are ignored.
        prior: the average training speaker.
        given: float32 [batch, 2, bands, channels], see `input_spec`; None for a batch without profiles.

    Returns:
        float32 of the same shape, zero beyond the frames of an utterance.
    """
    real = tf.cast(tf.sequence_mask(num_frames, tf.shape(features)[1]), features.dtype)[..., None, None]
    features = tf.where(real > 0, features, tf.zeros_like(features))
    count = tf.cast(num_frames, features.dtype)[:, None, None]
    mean = tf.reduce_sum(features, axis=1) / count
    variance = tf.reduce_sum((features - mean[:, None]) ** 2 * real, axis=1) / count
    share = count / (count + prior.num_frames)
    own = prior.statistics
    mean = share * mean + (1 - share) * tf.constant(own.mean, features.dtype)
    deviation = tf.sqrt(share * variance + (1 - share) * tf.constant(own.deviation**2, features.dtype))
    if given is not None:
        is_given = tf.reduce_max(given[:, 1], axis=[1, 2], keepdims=True) > 0
        mean, deviation = tf.where(is_given, given[:, 0], mean), tf.where(is_given, given[:, 1], deviation)
    deviation = tf.maximum(deviation, TINY * tf.reduce_mean(deviation, axis=[1, 2], keepdims=True))[..., :1]
    deviation = tf.where(deviation > 0, deviation, tf.ones_like(deviation))
    is_static = tf.constant(np.eye(1, own.mean.shape[1]), features.dtype)  # derivatives have no offset
    return (features - (mean * is_static)[:, None]) / deviation[:, None] * real
