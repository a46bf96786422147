"""What front ends do to a batch of waveforms as TensorFlow operations: the twins of `waveform.py`, for exported models.

Utterances of different lengths share a batch: nothing here lets the samples after an utterance's end, whatever they
hold, reach its frames. All works in the precision of the waveform; float64 agrees with the offline path to rounding.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_BANDS_AT_ONCE = 4


def unit_variance(waveform: tf.Tensor, num_samples: tf.Tensor) -> tf.Tensor:
    """Each waveform [batch, samples] with zero mean and unit variance over its num_samples [batch], zero after them."""
    real = tf.cast(tf.sequence_mask(num_samples, tf.shape(waveform)[1]), waveform.dtype)
    count = tf.cast(num_samples, waveform.dtype)[:, None]
    centered = (waveform - tf.reduce_sum(waveform * real, 1, keepdims=True) / count) * real
    return centered / tf.sqrt(tf.reduce_sum(centered**2, 1, keepdims=True) / count)


def preemphasis(waveform: tf.Tensor, num_samples: tf.Tensor, coefficient: float) -> tf.Tensor:
    """x[n] - coefficient · x[n-1] of waveforms [batch, samples], whose first sample stays; zero after their ends."""
    emphasized = tf.concat([waveform[:, :1], waveform[:, 1:] - coefficient * waveform[:, :-1]], axis=1)
    return ended(emphasized, num_samples)


def ended(waveform: tf.Tensor, num_samples: tf.Tensor) -> tf.Tensor:
    """Waveforms [batch, samples] with zeros after their num_samples [batch], whatever was there, NaN included."""
    real = tf.sequence_mask(num_samples, tf.shape(waveform)[1])
    return tf.where(real, waveform, tf.zeros_like(waveform))


def frames(
    waveform: tf.Tensor, num_samples: tf.Tensor, window_samples: int, hop_samples: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Windows of waveforms that are zero after their ends, the last one filled up with zeros.

    Args:
        waveform: [batch, samples].
        num_samples: int32 [batch], each at least a window.

    Returns:
        windows [batch, frames, window_samples]; num_frames int32 [batch], 1 + ⌈(num_samples - window) / hop⌉.
    """

    def count(samples):
        return 1 + tf.maximum(0, samples - window_samples + hop_samples - 1) // hop_samples  # see FrameMask

    total = count(tf.shape(waveform)[1])
    padding = (total - 1) * hop_samples + window_samples - tf.shape(waveform)[1]
    padded = tf.pad(waveform, [[0, 0], [0, padding]])
    return tf.signal.frame(padded, window_samples, hop_samples), count(num_samples)


def power_spectrum(windows: tf.Tensor, fft_size: int, fft: bool) -> tf.Tensor:
    """|FFT|² / fft_size of windows [..., samples], [..., fft_size / 2 + 1].

    Args:
        fft: by the fast transform; False writes it as a product with two matrices, for runtimes that lack the other.
    """
    if fft:
        return tf.abs(tf.signal.rfft(windows, [fft_size])) ** 2 / fft_size
    angles = 2 * np.pi / fft_size * np.outer(np.arange(windows.shape[-1]), np.arange(fft_size // 2 + 1))
    parts = [tf.matmul(windows, constant(wave(angles), windows)) for wave in (np.cos, np.sin)]
    return (parts[0] ** 2 + parts[1] ** 2) / fft_size


def band_energies(power: tf.Tensor, bank: np.ndarray) -> tf.Tensor:
    """Power [..., bins] under the filters of a bank [bands, bins]: [..., bands].

    A band reaches few bins, so four bands at a time are multiplied with those they reach. That is less work than the
    whole matrix, and so few values at once that LiteRT's quantisation leaves them alone: in 8 bits, the quiet bands
    would drown in the loud ones.
    """
    parts = []
    for start in range(0, len(bank), _BANDS_AT_ONCE):
        rows = bank[start : start + _BANDS_AT_ONCE]
        reached = np.flatnonzero(rows.any(axis=0))
        low, high = (reached[0], reached[-1] + 1) if len(reached) else (0, 1)
        parts.append(tf.matmul(power[..., low:high], constant(rows[:, low:high].T, power)))
    return tf.concat(parts, axis=-1)


def decibels(power: tf.Tensor, num_frames: tf.Tensor, floor: float, range_db: float) -> tf.Tensor:
    """10 log₁₀ of power [batch, frames, bands], no lower than the floor, nor than range_db below an utterance's loudest.

    Args:
        num_frames: int32 [batch]; beyond them nothing is loud.
        floor: of the power.
    """
    level = 10 / np.log(10) * tf.math.log(tf.maximum(power, constant(floor, power)))
    real = tf.sequence_mask(num_frames, tf.shape(power)[1])[..., None]
    loudest = tf.reduce_max(tf.where(real, level, level.dtype.min), axis=[1, 2], keepdims=True)
    return tf.maximum(level, loudest - range_db)


def autocorrelation(power: tf.Tensor, lags: np.ndarray, fft: bool) -> tf.Tensor:
    """Σ x(t)·x(t + lag) [..., lags] from the power spectrum |FFT|² / size [..., size / 2 + 1], its inverse transform.

    Args:
        lags: successive.
        fft: see `power_spectrum`; of a spectrum that is real and even, the transform is its own inverse.
    """
    bins = power.shape[-1]
    size = 2 * (bins - 1)
    if fft:
        whole = tf.concat([power, tf.reverse(power[..., 1:-1], [-1])], axis=-1)
        return tf.math.real(tf.signal.rfft(whole, [size]))[..., lags[0] : lags[-1] + 1]
    weights = np.where(np.isin(np.arange(bins), (0, bins - 1)), 1.0, 2.0)  # all but the ends stand for two bins
    cosines = weights[:, None] * np.cos(2 * np.pi / size * np.outer(np.arange(bins), lags))
    return tf.matmul(power, constant(cosines, power))


def regression_slope(tracks: tf.Tensor, num_frames: tf.Tensor, delta_frames: int) -> tf.Tensor:
    """Slope of tracks [batch, frames, tracks] over 2N+1 frames; the edges repeat the first and the last real frame."""
    last = num_frames[:, None] - 1
    places = tf.range(tf.shape(tracks)[1])[None]
    slope = tf.zeros_like(tracks)
    for step in range(1, delta_frames + 1):
        after = tf.gather(tracks, tf.minimum(places + step, last), batch_dims=1)
        before = tf.gather(tracks, tf.minimum(tf.maximum(places - step, 0), last), batch_dims=1)
        slope += step * (after - before)
    return slope / (2 * sum(step**2 for step in range(1, delta_frames + 1)))


def with_slopes(tracks: tf.Tensor, num_frames: tf.Tensor, delta_frames: int) -> list[tf.Tensor]:
    """Tracks [batch, frames, tracks], their deltas and the deltas of these; see `regression_slope`."""
    delta = regression_slope(tracks, num_frames, delta_frames)
    return [tracks, delta, regression_slope(delta, num_frames, delta_frames)]


def constant(values: np.ndarray, like: tf.Tensor) -> tf.Tensor:
    """An array as a constant of the precision of a tensor."""
    return tf.constant(values, like.dtype)
