"""Scaling of a waveform and slopes of feature tracks, in NumPy; `in_graph.py` holds the same as TensorFlow operations."""

from __future__ import annotations

import numpy as np


def unit_variance(waveform: np.ndarray) -> np.ndarray:
    """Returns the waveform [samples] with zero mean and unit variance, Chen et al. (2018), Section II-A."""
    return (waveform - waveform.mean()) / waveform.std()


def regression_slope(tracks: np.ndarray, delta_frames: int) -> np.ndarray:
    """Returns the slope of each track over 2N + 1 frames, Chen et al. (2018), Eq. 2.

    The first and the last frame are repeated at the edges.

    Args:
        tracks: [frames, tracks].
        delta_frames: N.

    Returns:
        [frames, tracks].
    """
    from librosa.feature import delta

    return delta(tracks, width=2 * delta_frames + 1, axis=0, mode="nearest")


def with_slopes(tracks: np.ndarray, delta_frames: int) -> list[np.ndarray]:
    """Returns tracks [frames, tracks], their deltas and their delta-deltas, Chen et al. (2018), Eq. 2 and 3."""
    delta = regression_slope(tracks, delta_frames)
    return [tracks, delta, regression_slope(delta, delta_frames)]
