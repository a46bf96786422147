"""Data augmentation: random changes to the training segments in every epoch, never to validation or test segments.

The changes are made to log-Mel segments with their deltas, which costs milliseconds per batch and needs no second record
set. They imitate changes of the sound: another speaking rate, another length of the vocal tract (a shift along the Mel
axis), stationary noise, a channel without high frequencies, a smooth coloring of the spectrum, and missing parts of time and
frequency.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from acrnn.errors import FieldError
from acrnn.recipes import channel

if TYPE_CHECKING:
    from acrnn.frontends import Spec

_EQUALIZER_POINTS = 6


@dataclass(frozen=True)
class Augmentation:
    """Kinds of random changes and their strengths; 0 turns a kind off.

    Attributes:
        speed: time is stretched by a factor from 1/(1 + speed) to 1 + speed, log-uniform; deltas are scaled accordingly.
        warp: frequencies are multiplied by a factor from 1/(1 + warp) to 1 + warp, log-uniform: vocal tract length
            perturbation (Jaitly and Hinton, 2013). High bands move by up to several bands, low bands hardly at all.
        high_hz: upper edge of the front end's Mel bands, in Hz, for `warp`; the lower edge is 0 Hz.
        equalizer: standard deviation of a smooth random curve that is added to the log energies of all frames of a
            segment, in nats of energy.
        time_masks: number of time masks (SpecAugment, Park et al. 2019); masked values become the mean of the segment in
            their band.
        time_mask_frames: maximum length of a time mask in frames; a mask covers at most a fifth of the real frames.
        band_masks: number of masks on bands.
        band_mask_bands: maximum width of a mask on bands.
        noise: share of the segments in stationary noise, from 0 to 1; see `acrnn.recipes.channel`. The signal-to-noise ratio is drawn
            anew for every segment, and the deltas are computed again.
        lowest_snr_db, highest_snr_db: range of the signal-to-noise ratio in dB, uniform.
        narrow: share of the segments without the frequencies above a cutoff, from 0 to 1. The cutoff is log-uniform from
            `lowest_cutoff_hz` to `high_hz`; the deltas are computed again.
        lowest_cutoff_hz: lowest cutoff in Hz.

    Raises:
        FieldError: a value is negative or not finite, or out of its range.
    """

    speed: float = 0.0
    warp: float = 0.0
    high_hz: float = 8000.0
    equalizer: float = 0.0
    time_masks: int = 0
    time_mask_frames: int = 40
    band_masks: int = 0
    band_mask_bands: int = 8
    noise: float = 0.0
    lowest_snr_db: float = 5.0
    highest_snr_db: float = 35.0
    narrow: float = 0.0
    lowest_cutoff_hz: float = 3000.0

    def __post_init__(self):
        for item in fields(self):
            value = getattr(self, item.name)
            if not (math.isfinite(value) and value >= 0):
                raise FieldError(f"augmentation.{item.name}", value, "it must be a number from 0 up")
        self._check_range("noise", 0, 1)
        self._check_range("narrow", 0, 1)
        if self.noise:
            self._check_range("lowest_snr_db", 0, self.highest_snr_db)
        if self.narrow:
            self._check_range("lowest_cutoff_hz", 100, self.high_hz)

    def _check_range(self, name: str, least: float, most: float) -> None:
        if not least <= (value := getattr(self, name)) <= most:
            raise FieldError(f"augmentation.{name}", value, f"it must lie between {least:g} and {most:g}")

    @property
    def simulated(self) -> tuple[str, ...]:
        """Simulated recording conditions in words."""
        noise = (
            f"noise at {self.lowest_snr_db:g} to {self.highest_snr_db:g} dB in {100 * self.noise:g} % of the segments"
        )
        narrow = f"no frequencies above {self.lowest_cutoff_hz:g} to {self.high_hz:g} Hz in {100 * self.narrow:g} % of the segments"
        return (noise,) * bool(self.noise) + (narrow,) * bool(self.narrow)

    @property
    def conditions(self) -> tuple[str, ...]:
        """Changed conditions of the training segments in words: those of `simulated`, and random speaking rates."""
        rates = f"random speaking rates from {1 / (1 + self.speed):.2g} to {1 + self.speed:g} times the recorded rate"
        return self.simulated + (rates,) * bool(self.speed)

    def to_dict(self) -> dict:
        """Returns the fields; those of simulated conditions, of a later version than the others, only if there are any."""
        later = ("noise", "lowest_snr_db", "highest_snr_db", "narrow", "lowest_cutoff_hz")
        return {name: value for name, value in asdict(self).items() if self.simulated or name not in later}

    def __call__(
        self, features: np.ndarray, num_frames: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns a randomly changed copy of a batch.

        Args:
            features: float32 [batch, frames, bands, channels]; the channels are static, delta and delta-delta log-Mels,
                or the first of them.
            num_frames: int32 [batch], number of real frames in each segment.
            generator: random number generator.

        Returns:
            features float32, of the same shape, zero in padded frames; num_frames int32 [batch], changed by `speed`.
        """
        features, num_frames = self._resampled(features, num_frames, generator)
        is_real = np.arange(features.shape[1]) < num_frames[:, None]
        if self.noise or self.narrow:
            features = self._recorded(features, num_frames, is_real, generator)
        if self.equalizer:
            features[..., 0] += _equalizer_curves(len(features), features.shape[2], self.equalizer, generator)[:, None]
        features *= is_real[..., None, None]
        if self.time_masks or self.band_masks:
            self._mask(features, num_frames, generator)
            features *= is_real[..., None, None]
        return features, num_frames

    def _resampled(self, features, num_frames, generator) -> tuple[np.ndarray, np.ndarray]:
        """Applies `speed` and `warp` by linear interpolation; returns features and num_frames."""
        frames, bands = features.shape[1:3]
        rate, factor = (_log_uniform(len(features), width, generator) for width in (self.speed, self.warp))
        count = np.clip(((num_frames - 1) / rate).astype(np.int32) + 1, 1, frames)
        start = generator.uniform(size=len(features)) * np.maximum(num_frames - 1 - rate * (frames - 1), 0)
        if self.speed:
            positions = start[:, None] + rate[:, None] * np.arange(frames)
            features = _interpolated(features, np.minimum(positions, num_frames[:, None] - 1), axis=1)
            # the n-th derivative by time grows with the n-th power of the rate
            features *= (rate[:, None] ** np.arange(features.shape[3]))[:, None, None].astype(np.float32)
        if self.warp:
            features = _interpolated(features, _warped_bands(factor, bands, self.high_hz), axis=2)
        return features.astype(np.float32), count.astype(np.int32) if self.speed else num_frames

    def _recorded(self, features, num_frames, is_real, generator) -> np.ndarray:
        """Applies `noise` and `narrow` to a share of the segments and computes their deltas again."""
        log_mel, count = features[..., 0], len(features)
        in_noise, is_narrow = (generator.uniform(size=count) < share for share in (self.noise, self.narrow))
        snr_db = generator.uniform(self.lowest_snr_db, self.highest_snr_db, size=count)
        cutoff_hz = np.exp(generator.uniform(*np.log([self.lowest_cutoff_hz, self.high_hz]), size=count))
        if in_noise.any():
            log_mel[in_noise] = channel.with_noise(log_mel[in_noise], is_real[in_noise], snr_db[in_noise], generator)
        if is_narrow.any():
            log_mel[is_narrow] = channel.without_high_frequencies(
                log_mel[is_narrow], is_real[is_narrow], cutoff_hz[is_narrow], generator
            )
        is_changed = in_noise | is_narrow
        features[is_changed] = channel.with_slopes(log_mel[is_changed], num_frames[is_changed], features.shape[3])
        return features

    def _mask(self, features, num_frames, generator) -> None:
        """Replaces masked parts of features, zero in padded frames, by the mean over the real frames of the segment."""
        fill = (features.sum(axis=1, keepdims=True) / num_frames[:, None, None, None]).astype(np.float32)
        is_masked = np.zeros(features.shape[:3], bool)
        for _ in range(self.time_masks):
            widest = np.minimum(self.time_mask_frames, num_frames // 5)
            is_masked |= _random_spans(num_frames, widest, features.shape[1], generator)[:, :, None]
        bands = np.full(len(features), features.shape[2])
        for _ in range(self.band_masks):
            widest = np.minimum(self.band_mask_bands, bands)
            is_masked |= _random_spans(bands, widest, features.shape[2], generator)[:, None]
        np.copyto(features, fill, where=is_masked[..., None])


def check_features(augmentation: Augmentation | None, frontend: Spec, statistics: str) -> None:
    """Refuses simulated noise and cutoffs for features that they are not made for.

    Args:
        augmentation: random changes of a recipe; None for none.
        frontend: front end of the records; only the log-Mel energies of Chen et al. are simulated, with any `trim_db`.
        statistics: recordings whose statistics normalize the features, such as "speaker"; "corpus" is the training part, by whose
            statistics the network normalizes them after augmentation.

    Raises:
        FieldError: the front end or the statistics are others.
    """
    if augmentation is None or not augmentation.simulated:
        return
    name = "noise" if augmentation.noise else "narrow"
    value, plain = getattr(augmentation, name), channel.SPEC
    if replace(frontend, trim_db=None) != plain or augmentation.high_hz != plain.high_hz:
        problem = (
            f"it is made for the features of {plain}, and those of the records are of {frontend}; choose another recipe"
        )
        raise FieldError(f"augmentation.{name}", value, problem)
    if statistics != "corpus":
        problem = (
            f"it changes log-Mel energies, which features normalized by {statistics} are not; choose another recipe"
        )
        raise FieldError(f"augmentation.{name}", value, problem)


def _log_uniform(count: int, width: float, generator: np.random.Generator) -> np.ndarray:
    """Random factors [count] from 1/(1 + width) to 1 + width."""
    bound = math.log1p(width)
    return np.exp(generator.uniform(-bound, bound, size=count))


def _warped_bands(factor: np.ndarray, bands: int, high_hz: float) -> np.ndarray:
    """Positions on the Mel axis [batch, bands] of the band centers after frequencies are multiplied by factor [batch]."""
    centers_hz = channel.band_edges_hz(bands, high_hz)[1:-1]
    warped = np.log1p(factor[:, None] * centers_hz / 700) / math.log1p(high_hz / 700) * (bands + 1) - 1
    return np.clip(warped, 0, bands - 1)


def _interpolated(features: np.ndarray, positions: np.ndarray, axis: int) -> np.ndarray:
    """Features at fractional positions [batch, positions] along an axis, 1 or 2, by linear interpolation."""
    below = positions.astype(np.int64)
    above = np.minimum(below + 1, features.shape[axis] - 1)
    shape = [len(features), 1, 1, 1]
    shape[axis] = positions.shape[1]
    share = (positions - below).astype(np.float32).reshape(shape)
    low = np.take_along_axis(features, below.reshape(shape), axis)
    return low + share * (np.take_along_axis(features, above.reshape(shape), axis) - low)


def _equalizer_curves(count: int, bands: int, deviation: float, generator: np.random.Generator) -> np.ndarray:
    """Random curves float32 [count, bands], piecewise linear between a few normally distributed points."""
    points = generator.normal(0, deviation, size=(count, _EQUALIZER_POINTS))
    grid = np.linspace(0, bands - 1, _EQUALIZER_POINTS)
    return np.stack([np.interp(np.arange(bands), grid, row) for row in points]).astype(np.float32)


def _random_spans(lengths: np.ndarray, widest: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """Mask bool [rows, size] with one random span per row, of at most widest [rows], within the first lengths [rows]."""
    width = generator.integers(0, widest + 1)
    start = generator.integers(0, lengths - width + 1)[:, None]
    positions = np.arange(size)
    return (positions >= start) & (positions < start + width[:, None])
