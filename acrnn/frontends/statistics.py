"""Mean and deviation of the frames of recordings, from features alone: no function here takes labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

TINY = 1e-3  # smallest deviation of a band, in units of the average deviation of all bands and channels


@dataclass(frozen=True)
class Statistics:
    """Mean and deviation of the features of some recordings.

    Attributes:
        mean, deviation: float64 [bands, channels], or of another shape for other values than features.
        num_frames: number of frames that they were computed from.
    """

    mean: np.ndarray
    deviation: np.ndarray
    num_frames: float

    @classmethod
    def of_moments(cls, moments: Moments) -> Statistics:
        """Statistics of summed moments of at least one frame."""
        mean = moments.total / moments.count
        return cls(mean, np.sqrt(np.maximum(moments.squares / moments.count - mean**2, 0)), moments.count)

    @classmethod
    def from_dict(cls, values: Mapping, dimensions: int = 2) -> Statistics:
        """Statistics in a JSON object, see `to_dict`.

        Args:
            values: the object.
            dimensions: number of dimensions of the mean.

        Raises:
            ValueError: it holds something else.
        """
        try:
            mean, deviation = (np.array(values[name], np.float64) for name in ("mean", "deviation"))
            num_frames = float(values["num_frames"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not the statistics of a speaker ({error!r}); enroll the speaker again") from error
        is_sound = mean.ndim == dimensions and mean.shape == deviation.shape and np.isfinite([mean, deviation]).all()
        if not is_sound or (deviation < 0).any() or num_frames < 0:
            raise ValueError("not the statistics of a speaker (shapes or values); enroll the speaker again")
        return cls(mean, deviation, num_frames)

    def to_dict(self) -> dict:
        """The statistics as a JSON object."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist(), "num_frames": self.num_frames}

    def shrunk(self, prior: Statistics, prior_frames: float) -> Statistics:
        """Statistics shrunk towards those of a prior, as if it had `prior_frames` frames (maximum a posteriori).

        Mean and variance are averages of both, weighted by the numbers of frames.
        """
        share = own_share(self.num_frames, prior_frames)
        mean = share * self.mean + (1 - share) * prior.mean
        variance = share * self.deviation**2 + (1 - share) * prior.deviation**2
        return Statistics(mean, np.sqrt(variance), self.num_frames)

    def offset_and_scale(self) -> tuple[np.ndarray, np.ndarray]:
        """Arrays float64 [bands, channels] for (features - offset) · scale.

        With several channels, the first holds static values and the others their derivatives, which are scaled by the
        deviation of the static values, and have no offset. With one channel, every band is normalized by itself.
        """
        offset, deviation = self.mean.copy(), np.maximum(self.deviation, TINY * self.deviation.mean())
        offset[:, 1:] = 0
        return offset, np.repeat(1 / np.where(deviation > 0, deviation, 1)[:, :1], offset.shape[1], axis=1)


def own_share(amount: float, prior_amount: float) -> float:
    """Returns the weight of own statistics beside those of a prior, each from an amount in the same unit; 0 for no amount."""
    return amount / (amount + prior_amount) if amount else 0.0


@dataclass
class Moments:
    """Sums over frames: their count, and the sums of values and of squares, float64 [bands, channels]."""

    count: float = 0
    total: np.ndarray | float = 0.0
    squares: np.ndarray | float = 0.0

    def add(self, frames: np.ndarray) -> None:
        """Adds frames, float [frames, bands, channels]."""
        values = frames.astype(np.float64)
        self.count += len(values)
        self.total = self.total + values.sum(axis=0)
        self.squares = self.squares + (values**2).sum(axis=0)

    def scaled(self, factor: float) -> Moments:
        """Moments of frames that count a factor as much."""
        return Moments(self.count * factor, self.total * factor, self.squares * factor)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.count + other.count, self.total + other.total, self.squares + other.squares)


@dataclass(frozen=True)
class Prior:
    """The average training speaker, towards which the statistics of few frames are shrunk.

    Attributes:
        statistics: mean and deviation of the average training speaker.
        num_frames: its weight, as a number of frames.
    """

    statistics: Statistics
    num_frames: float

    @classmethod
    def from_dict(cls, values: Mapping) -> Prior:
        """The prior in a JSON object, see `to_dict`.

        Raises:
            ValueError: it holds something else.
        """
        weight = values.get("weight_frames")
        if not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
            raise ValueError("not the average speaker of a model; export it again")
        return cls(Statistics.from_dict(values), float(weight))

    def to_dict(self) -> dict:
        """The prior as a JSON object."""
        return {**self.statistics.to_dict(), "weight_frames": self.num_frames}

    def shrunk(self, moments: Moments) -> Statistics:
        """Statistics of summed moments, shrunk towards the prior; the prior itself for none."""
        return (
            Statistics.of_moments(moments).shrunk(self.statistics, self.num_frames)
            if moments.count
            else self.statistics
        )


def average(statistics: Sequence[Statistics]) -> Statistics:
    """The average speaker: mean of the means, root mean square of the deviations."""
    mean = np.mean([item.mean for item in statistics], axis=0)
    deviation = np.sqrt(np.mean([item.deviation**2 for item in statistics], axis=0))
    return Statistics(mean, deviation, sum(item.num_frames for item in statistics))
