"""Removal of silence at both ends of a waveform, in NumPy and as TensorFlow operations.

Recordings differ in the silence before and after speech; RAVDESS has about a second at either end, Emo-DB nearly none. Silence
changes the scale of a waveform with unit variance, the statistics of its features and the position of the segments.

The power is compared in blocks of 10 ms. The reference is the loudest 200 ms, which neither a click nor the amount of silence
changes. Speech begins and ends with the first and last 50 ms whose power lies within `threshold_db` of it; a margin of 50 ms
is kept on either side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

THRESHOLD_DB = (
    30.0  # default of commands: leaves Emo-DB as it is but for hundredths of a second, and speech of RAVDESS whole
)
_BLOCK_SECONDS = 0.01
_LOUD_BLOCKS, _SHORT_BLOCKS, _MARGIN_BLOCKS = 20, 5, 5


def bounds(waveform: np.ndarray, rate_hz: int, threshold_db: float, hop: int, shortest: int) -> tuple[int, int]:
    """Returns the first sample of the speech in a waveform, and the sample after its end.

    Args:
        waveform: float [samples].
        rate_hz: its sample rate.
        threshold_db: quieter ends, by more than this below the loudest 200 ms, are silence.
        hop: the first sample is a multiple of it.
        shortest: minimum number of samples to keep; at most the length of the waveform.
    """
    block = round(_BLOCK_SECONDS * rate_hz)
    centered = waveform - waveform.mean()
    blocks = np.append(centered, np.zeros(-len(centered) % block)).reshape(-1, block)
    power = np.append((blocks**2).mean(axis=1), np.zeros(_LOUD_BLOCKS))
    short, loud = (
        np.convolve(power, np.full(width, 1 / width))[width - 1 :][: len(blocks)]
        for width in (_SHORT_BLOCKS, _LOUD_BLOCKS)
    )
    speech = np.flatnonzero(short >= loud.max() * 10 ** (-threshold_db / 10))
    first = max(0, int(speech[0]) - _MARGIN_BLOCKS) * block
    end = min(len(waveform), (int(speech[-1]) + _SHORT_BLOCKS + _MARGIN_BLOCKS) * block)
    first = min(first, max(0, end - shortest)) // hop * hop
    return first, min(len(waveform), max(end, first + shortest))


def trimmed_in_graph(
    waveform: tf.Tensor, num_samples: tf.Tensor, rate_hz: int, threshold_db: float, hop: int, shortest: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Moves the speech in waveforms to their beginning; the counterpart of `bounds`.

    Args:
        waveform: float [batch, samples]; samples beyond the end of an utterance are ignored.
        num_samples: int32 [batch].
        rate_hz, threshold_db, hop, shortest: see `bounds`.

    Returns:
        waveform of the same shape, zero beyond the end of the speech; number of its samples, int32 [batch]; its first sample in
        the given waveform, int32 [batch].
    """
    import tensorflow as tf

    from acrnn.frontends import in_graph

    block = round(_BLOCK_SECONDS * rate_hz)
    waveform = in_graph.ended(waveform, num_samples)
    mean = tf.reduce_sum(waveform, 1, keepdims=True) / tf.cast(num_samples, waveform.dtype)[:, None]
    centered = in_graph.ended(waveform - mean, num_samples)
    count = (tf.shape(waveform)[1] + block - 1) // block
    padded = tf.pad(centered, [[0, 0], [0, (count + _LOUD_BLOCKS) * block - tf.shape(waveform)[1]]])
    blocks = tf.reshape(padded, [tf.shape(padded)[0], count + _LOUD_BLOCKS, block])
    power = tf.reduce_mean(blocks**2, axis=2)
    short, loud = (
        tf.add_n([power[:, start : start + count] for start in range(width)]) / width
        for width in (_SHORT_BLOCKS, _LOUD_BLOCKS)
    )
    limit = tf.reduce_max(loud, axis=1, keepdims=True) * in_graph.constant(10 ** (-threshold_db / 10), loud)
    places = tf.range(count)[None]
    is_real = places * block < num_samples[:, None]
    is_speech = (short >= limit) & is_real
    earliest = tf.reduce_min(tf.where(is_speech, places, count), axis=1)
    latest = tf.reduce_max(tf.where(is_speech, places, 0), axis=1)
    first = tf.maximum(0, earliest - _MARGIN_BLOCKS) * block
    end = tf.minimum(num_samples, (latest + _SHORT_BLOCKS + _MARGIN_BLOCKS) * block)
    first = tf.minimum(first, tf.maximum(0, end - shortest)) // hop * hop
    end = tf.minimum(num_samples, tf.maximum(end, first + shortest))
    positions = tf.minimum(first[:, None] + tf.range(tf.shape(waveform)[1])[None], tf.shape(waveform)[1] - 1)
    moved = tf.gather(waveform, positions, batch_dims=1)
    return in_graph.ended(moved, end - first), end - first, first
