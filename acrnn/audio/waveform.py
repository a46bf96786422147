"""Waveforms in memory: mixed down, resampled, and refused where nothing can be recognized in them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from acrnn.errors import FileError

MOST_CHANNELS = 32  # more are a transposed array
_LOUDEST = 8.0  # times full scale; louder samples are in another unit
_CANCELLED = 1e-4  # of the loudest channel: a mean below this is what dithering leaves of opposite channels


class AudioError(FileError):
    """An unusable sound file; the message names the file, the problem and the remedy."""


@dataclass
class Levels:
    """The extremes of a waveform that arrives in blocks.

    Attributes:
        count: number of samples.
        not_finite: number of samples that are NaN or infinite.
        lowest, highest: extremes of the samples.
        loudest_channel: largest absolute value in any channel.
    """

    count: int = 0
    not_finite: int = 0
    lowest: float = math.inf
    highest: float = -math.inf
    loudest_channel: float = 0.0

    def add(self, waveform: np.ndarray, channels: np.ndarray | None = None) -> None:
        """Adds a block: the mono waveform [samples], and the channels [samples, channels] that it is the mean of."""
        if not len(waveform):
            return
        self.count += len(waveform)
        self.not_finite += int(waveform.size - np.isfinite(waveform).sum())
        self.lowest = min(self.lowest, float(waveform.min()))
        self.highest = max(self.highest, float(waveform.max()))
        if channels is not None and channels.shape[1] > 1:
            self.loudest_channel = max(self.loudest_channel, float(channels.max()), -float(channels.min()))

    def check(self, name: str) -> None:
        """Refuses a waveform that cannot be analyzed; see `check_waveform`."""
        if self.count == 0:
            raise AudioError(f"{name}: holds no samples; record it again or leave it out")
        self.check_finite(name)
        loudest = max(self.highest, -self.lowest)
        if loudest < _CANCELLED * self.loudest_channel:
            raise AudioError(
                f"{name}: its channels cancel each other, since one is the other upside down; keep one of them, with: "
                'ffmpeg -i FILE -af "pan=mono|c0=c0" out.wav'
            )
        if self.lowest == self.highest:
            raise AudioError(
                f"{name}: all {self.count} samples are {self.lowest:g}, silence; record it again or leave it out"
            )

    def check_finite(self, name: str) -> None:
        """Refuses samples that are NaN or infinite."""
        if self.not_finite:
            raise AudioError(
                f"{name}: {self.not_finite} of {self.count} samples are NaN or infinite; export it again or leave it out"
            )


def resampled(waveform: np.ndarray, rate_hz: int, new_rate_hz: int) -> np.ndarray:
    """Resamples a waveform float32 [samples] from one sampling rate to another, in Hz."""
    if rate_hz == new_rate_hz:
        return waveform
    import soxr

    return soxr.resample(waveform, rate_hz, new_rate_hz, quality="HQ")


def mono(samples: np.ndarray, name: str) -> np.ndarray:
    """Converts samples into a mono waveform float32 [samples] in [-1, 1].

    Args:
        samples: [samples] or [samples, channels]; float in [-1, 1], or int16.
        name: name of the samples in error messages.

    Raises:
        AudioError: the samples have another shape or type, or floats are far outside [-1, 1].
    """
    samples = np.asarray(samples)
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and not 1 <= samples.shape[1] <= MOST_CHANNELS):
        raise AudioError(f"{name}: an array of shape {samples.shape}; pass [samples] or [samples, channels]")
    if samples.dtype == np.int16:
        samples = samples / np.float32(32768)
    elif not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(f"{name}: samples of type {samples.dtype}; pass floats in [-1, 1] or int16")
    elif samples.size and np.nanmax(np.abs(samples)) > _LOUDEST and np.isfinite(samples).all():
        raise AudioError(f"{name}: samples up to {np.abs(samples).max():g}; pass floats in [-1, 1] or int16")
    samples = samples.astype(np.float32)
    return samples.mean(axis=1) if samples.ndim == 2 else samples


def check_waveform(waveform: np.ndarray, name: str) -> np.ndarray:
    """Returns a waveform [samples] unchanged if it can be analyzed.

    Args:
        waveform: float [samples].
        name: name of the waveform in error messages.

    Raises:
        AudioError: there are no samples, some are not finite, or all are equal.
    """
    _levels(waveform).check(name)
    return waveform


def finite(waveform: np.ndarray, name: str) -> np.ndarray:
    """Returns a waveform [samples] unchanged if all samples are finite.

    Args:
        waveform: float [samples].
        name: name of the waveform in error messages.

    Raises:
        AudioError: some samples are NaN or infinite.
    """
    _levels(waveform).check_finite(name)
    return waveform


def _levels(waveform: np.ndarray) -> Levels:
    levels = Levels()
    levels.add(waveform)
    return levels
