"""TensorFlow operations of the front ends for exported models, on batches of waveforms.

Utterances of different lengths share a batch; samples after the end of an utterance never affect its frames. The operations
keep the precision of the waveform; in float64 they agree with the NumPy path up to rounding.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_BANDS_AT_ONCE = 4


def unit_variance(waveform: tf.Tensor, num_samples: tf.Tensor) -> tf.Tensor:
    """Returns waveforms [batch, samples] with zero mean and unit variance over their num_samples [batch], then zeros."""
    real = tf.cast(tf.sequence_mask(num_samples, tf.shape(waveform)[1]), waveform.dtype)
    count = tf.cast(num_samples, waveform.dtype)[:, None]
    centered = (waveform - tf.reduce_sum(waveform * real, 1, keepdims=True) / count) * real
    return centered / tf.sqrt(tf.reduce_sum(centered**2, 1, keepdims=True) / count)


def preemphasis(waveform: tf.Tensor, num_samples: tf.Tensor, coefficient: float) -> tf.Tensor:
    """Returns x[n] - coefficient · x[n-1] of waveforms [batch, samples], with the first sample unchanged and zeros at the end."""
    emphasized = tf.concat([waveform[:, :1], waveform[:, 1:] - coefficient * waveform[:, :-1]], axis=1)
    return ended(emphasized, num_samples)


def ended(waveform: tf.Tensor, num_samples: tf.Tensor) -> tf.Tensor:
    """Returns waveforms [batch, samples] with zeros after their num_samples [batch], even in place of NaN."""
    real = tf.sequence_mask(num_samples, tf.shape(waveform)[1])
    return tf.where(real, waveform, tf.zeros_like(waveform))


def frames(
    waveform: tf.Tensor, num_samples: tf.Tensor, window_samples: int, hop_samples: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the analysis windows of waveforms; zeros fill up the last one.

    Args:
        waveform: float [batch, samples], zero after the end of each utterance.
        num_samples: int32 [batch], each at least one window.

    Returns:
        windows [batch, frames, window_samples]; number of frames, int32 [batch], 1 + ⌈(num_samples - window) / hop⌉.
    """

    def count(samples):
        return 1 + tf.maximum(0, samples - window_samples + hop_samples - 1) // hop_samples

    total = count(tf.shape(waveform)[1])
    padding = (total - 1) * hop_samples + window_samples - tf.shape(waveform)[1]
    padded = tf.pad(waveform, [[0, 0], [0, padding]])
    return tf.signal.frame(padded, window_samples, hop_samples), count(num_samples)


def power_spectrum(windows: tf.Tensor, fft_size: int, fft: bool) -> tf.Tensor:
    """Returns the power spectrum |FFT|² / fft_size of windows [..., samples]: [..., fft_size / 2 + 1].

    Args:
        fft: compute the fast transform; False multiplies with two matrices, for runtimes without an FFT.
    """
    if fft:
        return tf.abs(tf.signal.rfft(windows, [fft_size])) ** 2 / fft_size
    angles = 2 * np.pi / fft_size * np.outer(np.arange(windows.shape[-1]), np.arange(fft_size // 2 + 1))
    parts = [tf.matmul(windows, constant(wave(angles), windows)) for wave in (np.cos, np.sin)]
    return (parts[0] ** 2 + parts[1] ** 2) / fft_size


def band_energies(power: tf.Tensor, bank: np.ndarray) -> tf.Tensor:
    """Returns the energies [..., bands] of a power spectrum [..., bins] under the filters of a bank [bands, bins].

    Four bands at a time are multiplied with the few bins under their filters. This is less work than the whole matrix, and
    the products are small enough to be exempt from LiteRT's quantization, in which 8 bits would erase the quiet bands.
    """
    energies = []
    for start in range(0, len(bank), _BANDS_AT_ONCE):
        rows = bank[start : start + _BANDS_AT_ONCE]
        bins = np.flatnonzero(rows.any(axis=0))
        low, high = (bins[0], bins[-1] + 1) if len(bins) else (0, 1)
        energies.append(tf.matmul(power[..., low:high], constant(rows[:, low:high].T, power)))
    return tf.concat(energies, axis=-1)


def floored_log(values: tf.Tensor, floor: float) -> tf.Tensor:
    """Returns the natural logarithm of values, or of the floor where they are below it."""
    return tf.math.log(tf.maximum(values, constant(floor, values)))


def decibels(power: tf.Tensor, num_frames: tf.Tensor, floor: float, range_db: float) -> tf.Tensor:
    """Returns the level 10 log₁₀ of power [batch, frames, bands].

    Args:
        num_frames: int32 [batch], number of frames of each utterance; later frames are not considered for the loudest.
        floor: minimum of the power.
        range_db: minimum of the level, in dB below the loudest value of the utterance.
    """
    level = 10 / np.log(10) * floored_log(power, floor)
    real = tf.sequence_mask(num_frames, tf.shape(power)[1])[..., None]
    loudest = tf.reduce_max(tf.where(real, level, level.dtype.min), axis=[1, 2], keepdims=True)
    return tf.maximum(level, loudest - range_db)


def autocorrelation(power: tf.Tensor, lags: np.ndarray, fft: bool) -> tf.Tensor:
    """Returns the autocorrelation Σ x(t)·x(t + lag) [..., lags], the inverse transform of the power spectrum.

    Args:
        power: |FFT|² / size, [..., size / 2 + 1].
        lags: successive lags in samples.
        fft: see `power_spectrum`; the transform of a real and even spectrum is its own inverse.
    """
    bins = power.shape[-1]
    size = 2 * (bins - 1)
    if fft:
        whole = tf.concat([power, tf.reverse(power[..., 1:-1], [-1])], axis=-1)
        return tf.math.real(tf.signal.rfft(whole, [size]))[..., lags[0] : lags[-1] + 1]
    weights = np.where(np.isin(np.arange(bins), (0, bins - 1)), 1.0, 2.0)  # all bins but the first and last occur twice
    cosines = weights[:, None] * np.cos(2 * np.pi / size * np.outer(np.arange(bins), lags))
    return tf.matmul(power, constant(cosines, power))


def regression_slope(tracks: tf.Tensor, num_frames: tf.Tensor, delta_frames: int) -> tf.Tensor:
    """Returns the slope of tracks [batch, frames, tracks] over 2N + 1 frames.

    The first and the last frame of each utterance are repeated at the edges.

    Args:
        num_frames: int32 [batch], number of frames of each utterance.
        delta_frames: N.
    """
    last = num_frames[:, None] - 1
    places = tf.range(tf.shape(tracks)[1])[None]
    slope = tf.zeros_like(tracks)
    for step in range(1, delta_frames + 1):
        after = tf.gather(tracks, tf.minimum(places + step, last), batch_dims=1)
        before = tf.gather(tracks, tf.minimum(tf.maximum(places - step, 0), last), batch_dims=1)
        slope += step * (after - before)
    return slope / (2 * sum(step**2 for step in range(1, delta_frames + 1)))


def with_slopes(tracks: tf.Tensor, num_frames: tf.Tensor, delta_frames: int) -> list[tf.Tensor]:
    """Returns tracks [batch, frames, tracks], their deltas and their delta-deltas; see `regression_slope`."""
    delta = regression_slope(tracks, num_frames, delta_frames)
    return [tracks, delta, regression_slope(delta, num_frames, delta_frames)]


def constant(values: np.ndarray, like: tf.Tensor) -> tf.Tensor:
    """Returns an array as a constant in the precision of a tensor."""
    return tf.constant(values, like.dtype)
