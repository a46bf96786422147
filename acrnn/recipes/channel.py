"""Simulated recording conditions of log-Mel segments: stationary noise, and a channel without high frequencies.

Both are computed from the band energies of a segment, for the front end `SPEC` alone. The energy of a band in Gaussian noise is drawn
from its distribution, a noncentral chi-squared one, as if a band had independent parts of equal energy, and frames and bands were
independent (the energies of white noise in neighboring bands correlate at 0.3, in neighboring frames at 0.2). A test compares
features with those of the front end on altered recordings.
"""

from __future__ import annotations

import numpy as np

from acrnn.frontends.logmel import PAPER as SPEC
from acrnn.frontends.waveform import slope_weights

_STEEPEST = 1.0  # of the power of noise by frequency: 0 for white noise, 1 for pink noise
_LEAST_DECIBELS, _MOST_DECIBELS = 40.0, 90.0  # attenuation above the cutoff
_LEAKAGE = -14.0  # energy of a band without signal beside that of its frame, in nats: side lobes of the window
_FLOOR = np.float32(np.log(SPEC.power_floor))


def with_noise(
    log_mel: np.ndarray, is_real: np.ndarray, snr_db: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Returns segments in stationary noise between white and pink, at the power that they had.

    Args:
        log_mel: float32 [segments, frames, bands], log energies of Mel bands.
        is_real: bool [segments, frames], False for padding.
        snr_db: signal-to-noise ratios [segments] in dB.
        generator: random number generator.
    """
    energies = np.exp(log_mel)
    edges = band_edges_hz(log_mel.shape[2], SPEC.high_hz)
    centers, widths = edges[1:-1], (edges[2:] - edges[:-2]) / 2
    tilt = generator.uniform(0, _STEEPEST, (len(log_mel), 1))
    shape = widths * centers**-tilt
    ratio = 10 ** (-snr_db / 10)
    mean = _mean_power(log_mel, is_real) * ratio / shape.sum(axis=1)
    noise = (mean[:, None] * shape).astype(np.float32)[:, None]  # [segments, 1, bands]
    noisy = np.log(
        _in_noise(energies, noise, 0.5 + widths / 52, generator)
    )  # parts fitted to the windows and filters of SPEC
    return np.maximum(noisy - np.log1p(ratio).astype(np.float32)[:, None, None], _FLOOR)


def without_high_frequencies(
    log_mel: np.ndarray, is_real: np.ndarray, cutoff_hz: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Returns segments whose bands above a cutoff [segments] in Hz are attenuated, at the power that they had.

    The other arguments are those of `with_noise`.
    """
    centers = band_edges_hz(log_mel.shape[2], SPEC.high_hz)[1:-1]
    nats = generator.uniform(_LEAST_DECIBELS, _MOST_DECIBELS, len(log_mel)) * np.log(10) / 10
    attenuated = log_mel - np.where(centers > cutoff_hz[:, None], nats[:, None], 0).astype(np.float32)[:, None]
    power = np.exp(log_mel).sum(axis=2, keepdims=True)
    attenuated = np.maximum(attenuated, np.log(power) + np.float32(_LEAKAGE))
    gain = np.log(_mean_power(log_mel, is_real) / _mean_power(attenuated, is_real)).astype(np.float32)
    return np.maximum(attenuated + gain[:, None, None], _FLOOR)


def with_slopes(log_mel: np.ndarray, num_frames: np.ndarray, channels: int) -> np.ndarray:
    """Returns segments [segments, frames, bands, channels] with the deltas of their real frames, Eq. 2 and 3.

    Args:
        log_mel: float32 [segments, frames, bands].
        num_frames: numbers of real frames [segments]; the first and the last real frame are repeated at the edges.
        channels: 1 for the log energies alone, 2 with deltas, 3 with delta-deltas.
    """
    tracks = [log_mel]
    while len(tracks) < channels:
        tracks.append(_slope(tracks[-1], num_frames))
    return np.stack(tracks, axis=-1)


def _slope(track: np.ndarray, num_frames: np.ndarray) -> np.ndarray:
    """Slope of every band of segments; `acrnn.frontends.waveform.regression_slope` has one recording without padding."""
    reach, frames, last = SPEC.delta_frames, np.arange(track.shape[1]), num_frames[:, None] - 1
    weights = slope_weights(reach)[::-1].astype(np.float32)  # those of a convolution, which reverses them
    total = np.zeros_like(track)
    for offset, weight in zip(range(-reach, reach + 1), weights, strict=True):
        total += weight * np.take_along_axis(track, np.clip(frames + offset, 0, last)[:, :, None], axis=1)
    return total


def _mean_power(log_mel: np.ndarray, is_real: np.ndarray) -> np.ndarray:
    """Mean over the real frames [segments] of the energy of all bands."""
    return (np.exp(log_mel).sum(axis=2) * is_real).sum(axis=1) / is_real.sum(axis=1)


def _in_noise(energies: np.ndarray, noise: np.ndarray, parts: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Random energies of bands in Gaussian noise, float32 like the energies without it.

    Args:
        energies: float32 [segments, frames, bands], without noise.
        noise: mean energies of the noise, float32 [segments, 1, bands].
        parts: number of independent parts of a band [bands]; fewer than one counts as one.
        generator: random number generator.
    """
    parts = np.maximum(parts, 1.0).astype(np.float32)
    along = np.sqrt(energies) + np.sqrt(noise / (2 * parts)) * generator.standard_normal(energies.shape, np.float32)
    across = generator.standard_gamma(np.broadcast_to(parts - np.float32(0.5), energies.shape), dtype=np.float32)
    return along**2 + across * (noise / parts)


def band_edges_hz(bands: int, high_hz: float) -> np.ndarray:
    """Edges of triangular Mel bands [bands + 2] in Hz, from 0; the edge between two others is the center of a band."""
    return 700 * np.expm1(np.linspace(0, np.log1p(high_hz / 700), bands + 2))
