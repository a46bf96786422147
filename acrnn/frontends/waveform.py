"""What front ends do to a waveform before, and to feature tracks after, their own work: scaling, refusal, slopes."""

from __future__ import annotations

import numpy as np


def refuse_short(waveform: np.ndarray, sample_rate_hz: int, window_seconds: float) -> None:
    """Refuses a waveform without a single whole analysis window.

    Args:
        waveform: [samples] at sample_rate_hz.

    Raises:
        ValueError: it is shorter than window_seconds.
    """
    if len(waveform) < round(window_seconds * sample_rate_hz):
        raise ValueError(
            f"{len(waveform) / sample_rate_hz * 1000:.1f} ms long, shorter than one analysis window "
            f"({window_seconds * 1000:g} ms); leave it out"
        )


def unit_variance(waveform: np.ndarray) -> np.ndarray:
    """The waveform with zero mean and unit variance over the utterance, Chen et al. (2018), Section II-A."""
    return (waveform - waveform.mean()) / waveform.std()


def regression_slope(tracks: np.ndarray, delta_frames: int) -> np.ndarray:
    """Slope of each track over 2N+1 frames, Chen et al. (2018), Eq. 2; the edges repeat the first and the last frame.

    Args:
        tracks: [frames, tracks].
        delta_frames: N.
    """
    from librosa.feature import delta

    return delta(tracks, width=2 * delta_frames + 1, axis=0, mode="nearest")


def with_slopes(tracks: np.ndarray, delta_frames: int) -> list[np.ndarray]:
    """Tracks, their deltas and the deltas of these, Chen et al. (2018), Eq. 2 and 3; see `regression_slope`."""
    delta = regression_slope(tracks, delta_frames)
    return [tracks, delta, regression_slope(delta, delta_frames)]
