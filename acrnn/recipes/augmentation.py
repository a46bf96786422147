"""Augmentation inside training: every epoch sees the training segments changed anew. Validation and test never do.

All of it works on log-Mel segments with their deltas, so that it costs milliseconds a batch and no second record set. What
it does to the spectrogram is what it would do to the sound: time runs faster or slower, the vocal tract grows or shrinks
(bands move along the Mel axis), the room or the microphone colors the spectrum, parts of time and frequency go missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from acrnn.errors import UsageError

_EQUALIZER_POINTS = 6


@dataclass(frozen=True)
class Augmentation:
    """How far training segments are changed, at random; a zero leaves that part alone.

    Attributes:
        speed: time runs 1/(1 + speed) to 1 + speed times as fast, log-uniformly; deltas become steeper accordingly.
        warp: frequencies are multiplied by the same kind of factor, vocal-tract-length perturbation (Jaitly and Hinton,
            2013): low bands hardly move, high ones by up to some bands.
        high_hz: the upper end of the front end's Mel bands, which begin at 0 Hz, for the warp.
        equalizer: standard deviation, in nats of energy, of a smooth random coloring of the spectrum over the segment.
        time_masks, time_mask_frames: how many stretches of up to so many frames, and at most a fifth of the real ones each,
            become the segment's own mean, band by band (SpecAugment, Park et al. 2019).
        band_masks, band_mask_bands: how many stretches of up to so many bands do.
    """

    speed: float = 0.0
    warp: float = 0.0
    high_hz: float = 8000.0
    equalizer: float = 0.0
    time_masks: int = 0
    time_mask_frames: int = 40
    band_masks: int = 0
    band_mask_bands: int = 8

    def __post_init__(self):
        for item in fields(self):
            value = getattr(self, item.name)
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"augmentation, {item.name} {value}: it must be a number from 0 up")

    def __call__(
        self, features: np.ndarray, num_frames: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """A changed copy of a batch.

        Args:
            features: float32 [batch, frames, bands, channels]; channels are static, delta, delta-delta, or the first only.
            num_frames: int32 [batch], the real frames of each segment.
            generator: where chance comes from.

        Returns:
            features and num_frames, as given; padded frames are zero.
        """
        features, num_frames = self._resampled(features, num_frames, generator)
        if self.equalizer:
            features[..., 0] += _colours(len(features), features.shape[2], self.equalizer, generator)[:, None]
        real = (np.arange(features.shape[1]) < num_frames[:, None])[..., None, None]
        features = features * real
        fill = features.sum(axis=1, keepdims=True) / num_frames[:, None, None, None]
        for _ in range(self.time_masks):
            widest = np.minimum(self.time_mask_frames, num_frames // 5)
            features = np.where(
                _stretches(num_frames, widest, features.shape[1], generator)[..., None, None], fill, features
            )
        for _ in range(self.band_masks):
            bands = np.full(len(features), features.shape[2])
            widest = np.minimum(self.band_mask_bands, bands)
            masked = _stretches(bands, widest, features.shape[2], generator)[:, None, :, None]
            features = np.where(masked, fill, features)
        return (features * real).astype(np.float32), num_frames

    def _resampled(self, features, num_frames, generator) -> tuple[np.ndarray, np.ndarray]:
        """Features read at other points of time and of the Mel axis, linearly between neighbors."""
        frames, bands = features.shape[1:3]
        rate, factor = (_factors(len(features), width, generator) for width in (self.speed, self.warp))
        count = np.clip(((num_frames - 1) / rate).astype(np.int32) + 1, 1, frames)
        start = generator.uniform(size=len(features)) * np.maximum(num_frames - 1 - rate * (frames - 1), 0)
        if self.speed:
            at = start[:, None] + rate[:, None] * np.arange(frames)
            features = _read(features, np.minimum(at, num_frames[:, None] - 1), axis=1)
            features *= (rate[:, None] ** np.arange(features.shape[3]))[:, None, None].astype(np.float32)
        if self.warp:
            features = _read(features, _warped_bands(factor, bands, self.high_hz), axis=2)
        return features.copy(), count.astype(np.int32) if self.speed else num_frames


def _factors(count: int, width: float, generator: np.random.Generator) -> np.ndarray:
    bound = math.log1p(width)
    return np.exp(generator.uniform(-bound, bound, size=count))


def _warped_bands(factor: np.ndarray, bands: int, high_hz: float) -> np.ndarray:
    """Where on the Mel axis [batch, bands] the centers of the bands lie when frequencies are multiplied by factor [batch]."""
    spacing = 1127 * math.log1p(high_hz / 700) / (bands + 1)
    centres_hz = 700 * np.expm1(spacing * np.arange(1, bands + 1) / 1127)
    warped = 1127 * np.log1p(factor[:, None] * centres_hz / 700) / spacing - 1
    return np.clip(warped, 0, bands - 1)


def _read(features: np.ndarray, at: np.ndarray, axis: int) -> np.ndarray:
    """Values at the points [batch, points] of an axis (1 or 2)."""
    below = at.astype(np.int64)
    above = np.minimum(below + 1, features.shape[axis] - 1)
    shape = [len(features), 1, 1, 1]
    shape[axis] = at.shape[1]
    below, above, share = below.reshape(shape), above.reshape(shape), (at - below).astype(np.float32).reshape(shape)
    low = np.take_along_axis(features, below, axis)
    return low + share * (np.take_along_axis(features, above, axis) - low)


def _colours(count: int, bands: int, deviation: float, generator: np.random.Generator) -> np.ndarray:
    """Smooth curves [count, bands]: straight lines between a few random points."""
    points = generator.normal(0, deviation, size=(count, _EQUALIZER_POINTS))
    where, grid = np.arange(bands), np.linspace(0, bands - 1, _EQUALIZER_POINTS)
    return np.stack([np.interp(where, grid, row) for row in points]).astype(np.float32)


def _stretches(lengths: np.ndarray, widest: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """One random stretch a row, True in [rows, size]: at most `widest` long, within the first `lengths`."""
    width = generator.integers(0, widest + 1)
    start = generator.integers(0, lengths - width + 1)[:, None]
    place = np.arange(size)
    return (place >= start) & (place < start + width[:, None])
