"""Checks of the rows of a batch inside a graph. A row that cannot be used has a code, and a stand-in takes its place.

A server with batching merges requests of several clients, so an assertion would fail all of them for one bad waveform. The
codes are in `acrnn.model_card.row_errors`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from acrnn.frontends import Spec
from acrnn.model_card import MAX_SECONDS

Rules = Sequence[tuple[int, tf.Tensor]]  # a code, and the rows that it applies to: bool [batch]


def first_code(rules: Rules) -> tf.Tensor:
    """Returns the code of the first rule that applies to each row, int32 [batch]; 0 for a row without a fault."""
    codes = tf.zeros_like(rules[0][1], tf.int32)
    for code, is_broken in reversed(rules):
        codes = tf.where(is_broken, code, codes)
    return codes


def waveform_rules(waveform: tf.Tensor, num_samples: tf.Tensor, frontend: Spec) -> Rules:
    """Returns the rules for waveforms float32 [batch, samples] and num_samples int32 [batch]."""
    real = tf.sequence_mask(num_samples, tf.shape(waveform)[1])
    finite = _is_finite(waveform)
    highest = tf.reduce_max(tf.where(real & finite, waveform, waveform.dtype.min), axis=1)
    lowest = tf.reduce_min(tf.where(real & finite, waveform, waveform.dtype.max), axis=1)
    return [
        (1, num_samples > tf.shape(waveform)[1]),
        (2, num_samples < frontend.window_samples),
        (3, num_samples > round(MAX_SECONDS * frontend.sample_rate_hz)),
        (4, tf.reduce_any(real & ~finite, axis=1)),
        (5, highest <= lowest),
    ]


def feature_rules(features: tf.Tensor, num_frames: tf.Tensor) -> Rules:
    """Returns the rules for features float32 [batch, frames, bands, channels] and num_frames int32 [batch]."""
    most = tf.shape(features)[1]
    not_finite = tf.sequence_mask(num_frames, most) & ~tf.reduce_all(_is_finite(features), axis=[2, 3])
    return [(6, (num_frames < 1) | (num_frames > most)), (7, tf.reduce_any(not_finite, axis=1))]


def speaker_rules(statistics: tf.Tensor) -> Rules:
    """Returns the rules for an input for speaker profiles, [batch, 2, …]: a mean, and a deviation or variance."""
    values = tf.reshape(statistics, [tf.shape(statistics)[0], 2, -1])
    return [
        (8, ~tf.reduce_all(_is_finite(values), axis=[1, 2])),
        (9, tf.reduce_any(values[:, 1] < 0, axis=1)),
    ]


def usable_waveforms(
    waveform: tf.Tensor, num_samples: tf.Tensor, codes: tf.Tensor, frontend: Spec
) -> tuple[tf.Tensor, tf.Tensor]:
    """Puts one window of a tone in the place of each row that has an error.

    Args:
        waveform: float32 [batch, samples].
        num_samples: int32 [batch].
        codes: int32 [batch], see `first_code`.
        frontend: front end of the model.

    Returns:
        waveform float32 [batch, samples of the longest row], zero beyond the end of each row, and num_samples int32 [batch].
    """
    window, is_bad = frontend.window_samples, codes > 0
    num_samples = tf.where(is_bad, window, num_samples)
    width = tf.reduce_max(num_samples)
    waveform = _finite(_of_width(waveform, width))
    tone = _of_width(tf.constant(np.sin(np.arange(window))[None], waveform.dtype), width)
    real = tf.sequence_mask(num_samples, width)
    return tf.where(real, tf.where(is_bad[:, None], tone, waveform), tf.zeros_like(waveform)), num_samples


def without_bad_rows(values: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
    """Returns float or integer values [batch, …] with zeros in the rows that have an error."""
    values = _finite(values) if values.dtype.is_floating else values
    is_bad = tf.reshape(codes > 0, tf.concat([tf.shape(codes), tf.ones(len(values.shape) - 1, tf.int32)], 0))
    return tf.where(is_bad, tf.zeros_like(values), values)


def with_outputs(codes: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
    """Returns the codes int32 [batch] with that of rows whose probabilities [batch, classes] are not finite."""
    is_broken = ~tf.reduce_all(_is_finite(probabilities), axis=1)
    return tf.where((codes == 0) & is_broken, tf.fill(tf.shape(codes), 14), codes)


def _is_finite(values: tf.Tensor) -> tf.Tensor:
    return ~(tf.math.is_nan(values) | tf.math.is_inf(values))


def _finite(values: tf.Tensor) -> tf.Tensor:
    """Returns values with zeros in the place of NaN and infinite ones.

    The conversion to ONNX makes a product with a mask of every `tf.where` whose condition is neither of these two, and a product
    keeps NaN.
    """
    zeros = tf.zeros_like(values)
    return tf.where(tf.math.is_inf(values), zeros, tf.where(tf.math.is_nan(values), zeros, values))


def _of_width(waveform: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Returns waveforms [batch, samples], cut or filled up with zeros to a number of samples."""
    missing = tf.maximum(0, width - tf.shape(waveform)[1])
    return tf.pad(waveform, [[0, 0], [0, missing]])[:, :width]
