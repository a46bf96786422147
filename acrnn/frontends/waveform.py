"""Scaling, windows and spectra of a waveform and slopes of tracks, in NumPy; `in_graph.py` holds them as TensorFlow operations.

Windows, power spectrum and Mel energies are those of python_speech_features and slopes those of librosa, to the last bit; index
arrays, filters and weights, on which more than half of the time was spent, are avoided or computed once.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np


def unit_variance(waveform: np.ndarray) -> np.ndarray:
    """Returns the waveform [samples] with zero mean and unit variance, Chen et al. (2018), Section II-A."""
    centered = waveform - waveform.mean()
    return centered / np.sqrt(np.mean(centered * centered))


def preemphasis(waveform: np.ndarray, coefficient: float) -> np.ndarray:
    """Returns x[n] - coefficient · x[n-1] of a waveform [samples], with the first sample unchanged."""
    from python_speech_features import sigproc

    return sigproc.preemphasis(waveform, coefficient) if coefficient else waveform


def analysis_windows(
    waveform: np.ndarray, window_samples: int, hop_samples: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """Returns the analysis windows of a waveform; zeros fill up the last one.

    Args:
        waveform: [samples].
        window_samples, hop_samples: length of a window, and distance from the start of one to the start of the next.
        weights: window function [window_samples]; None for equal weights, which returns a read-only view.

    Returns:
        [frames, window_samples].
    """
    hops = max(0, -(-(len(waveform) - window_samples) // hop_samples))
    padded = np.pad(waveform, (0, hops * hop_samples + window_samples - len(waveform)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, window_samples)[::hop_samples]
    return windows if weights is None else windows * weights


def power_spectrum(windows: np.ndarray, fft_size: int) -> np.ndarray:
    """Returns the power spectrum |FFT|² / fft_size of windows [frames, samples]: [frames, fft_size / 2 + 1]."""
    power = np.abs(np.fft.rfft(windows, fft_size))
    np.square(power, out=power)
    power *= 1.0 / fft_size
    return power


@lru_cache(maxsize=16)
def mel_filters(
    num_bands: int, fft_size: int, sample_rate_hz: int, low_hz: float = 0.0, high_hz: float | None = None
) -> np.ndarray:
    """Returns the Mel filters of python_speech_features, [bands, fft_size / 2 + 1], read-only; up to the Nyquist rate by default."""
    from python_speech_features import get_filterbanks

    filters = get_filterbanks(num_bands, fft_size, sample_rate_hz, low_hz, high_hz)
    filters.setflags(write=False)
    return filters


def regression_slope(tracks: np.ndarray, delta_frames: int) -> np.ndarray:
    """Returns the slope of each track over 2N + 1 frames, Chen et al. (2018), Eq. 2.

    The first and the last frame are repeated at the edges.

    Args:
        tracks: [frames, tracks].
        delta_frames: N.

    Returns:
        [frames, tracks].
    """
    from scipy.ndimage import convolve1d

    return convolve1d(tracks, slope_weights(delta_frames), axis=0, mode="nearest")


@lru_cache(maxsize=16)
def slope_weights(delta_frames: int) -> np.ndarray:
    """Weights [2N + 1] of the slope, the line of least squares through as many frames; those of librosa.feature.delta."""
    from scipy.signal import savgol_coeffs

    return savgol_coeffs(2 * delta_frames + 1, polyorder=1, deriv=1)


def with_slopes(tracks: np.ndarray, delta_frames: int) -> list[np.ndarray]:
    """Returns tracks [frames, tracks], their deltas and their delta-deltas, Chen et al. (2018), Eq. 2 and 3."""
    delta = regression_slope(tracks, delta_frames)
    return [tracks, delta, regression_slope(delta, delta_frames)]
