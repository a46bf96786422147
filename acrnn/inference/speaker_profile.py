"""Speaker profiles: the mean and deviation of the features of a speaker's recordings, which adapt a model to the voice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acrnn import files, frontends
from acrnn.frontends import Spec
from acrnn.frontends.statistics import Moments, Prior, Statistics

_FORMAT, _FORMAT_VERSION = "acrnn-speaker", 1
_REMEDY = "enroll the speaker again with: acrnn enrol RECORDINGS --out FILE"


@dataclass(frozen=True)
class SpeakerProfile:
    """A speaker, known by the mean and deviation of the features of some recordings. It holds no sound.

    Attributes:
        frontend: front end of the features; a model takes profiles of its own front end only.
        statistics: mean and deviation, not yet shrunk towards the average training speaker of a model.
        num_recordings: number of recordings.
        seconds: their total duration.
    """

    frontend: Spec
    statistics: Statistics
    num_recordings: int
    seconds: float

    @classmethod
    def of_waveforms(cls, frontend: Spec, waveforms: Iterable[np.ndarray]) -> SpeakerProfile:
        """The profile of waveforms, each float [samples] at the rate of the front end; at least one."""
        moments, count, samples = Moments(), 0, 0
        for waveform in waveforms:
            moments.add(frontend.extract(waveform))
            count, samples = count + 1, samples + len(waveform)
        if not count:
            raise ValueError("no recording to enroll the speaker with; name at least one")
        return cls(frontend, Statistics.of_moments(moments), count, samples / frontend.sample_rate_hz)

    def shrunk(self, prior: Prior) -> np.ndarray:
        """Mean and deviation for a model, float32 [2, bands, channels], shrunk towards its average training speaker."""
        statistics = self.statistics.shrunk(prior.statistics, prior.num_frames)
        return np.stack([statistics.mean, statistics.deviation]).astype(np.float32)

    def save(self, path: str | Path) -> None:
        """Writes the profile as JSON.

        Raises:
            OSError: the file cannot be written.
        """
        files.make_folder(Path(path).parent)
        files.write_sealed_json(Path(path), self.to_dict())

    @classmethod
    def load(cls, path: str | Path) -> SpeakerProfile:
        """Reads a profile that `save` wrote.

        Raises:
            FileNotFoundError: the file does not exist.
            ValueError: it is damaged, or no profile of this version.
        """
        values = files.read_sealed_json(Path(path), _REMEDY)
        try:
            return cls.from_dict(values)
        except ValueError as error:
            raise ValueError(f"{path}: {error}; {_REMEDY}") from error

    def to_dict(self) -> dict:
        """The profile as a JSON object."""
        return {
            "format": _FORMAT,
            "format_version": _FORMAT_VERSION,
            "frontend": frontends.to_dict(self.frontend),
            "num_recordings": self.num_recordings,
            "seconds": round(self.seconds, 3),
            **self.statistics.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping) -> SpeakerProfile:
        """The profile in a JSON object, see `to_dict`.

        Raises:
            ValueError: it holds something else.
        """
        if values.get("format") != _FORMAT or values.get("format_version") != _FORMAT_VERSION:
            raise ValueError("not a speaker profile of this version")
        try:
            frontend = frontends.from_dict(values["frontend"])
            count, seconds = int(values["num_recordings"]), float(values["seconds"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a speaker profile ({error})") from error
        return cls(frontend, Statistics.from_dict(values), count, seconds)


class RunningProfile:
    """The profile of the speaker of a stream, from its latest minutes.

    Args:
        frontend: front end of the model.
        half_life_seconds: a frame that is older by this much speech counts half.
    """

    def __init__(self, frontend: Spec, half_life_seconds: float = 60.0):
        self.frontend, self.half_life_frames = frontend, half_life_seconds / frontend.hop_seconds
        self._moments = Moments()

    def updated(self, waveform: np.ndarray, new_samples: int) -> SpeakerProfile:
        """Adds the end of a window to the profile, and returns the profile.

        Args:
            waveform: float [samples], the window; its features depend on all of it.
            new_samples: number of samples at its end that no earlier window had.
        """
        frames = self.frontend.extract(waveform)[-max(1, round(new_samples / self.frontend.hop_samples)) :]
        kept = 0.5 ** (len(frames) / self.half_life_frames)
        moments = self._moments
        self._moments = Moments(moments.count * kept, moments.total * kept, moments.squares * kept)
        self._moments.add(frames)
        statistics = Statistics.of_moments(self._moments)
        return SpeakerProfile(self.frontend, statistics, 1, self._moments.count * self.frontend.hop_seconds)
