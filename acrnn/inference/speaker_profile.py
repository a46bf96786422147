"""Speaker profiles: statistics of a speaker's recordings, which adapt a model to the voice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from acrnn import files
from acrnn.frontends.statistics import Moments, Statistics, own_share
from acrnn.model_card import Card
from acrnn.reading import check_fields, foreign_errors

WEIGHT_SECONDS = 10.0  # of the training part, towards which the statistics of the dense layer are shrunk
_FORMAT, _FORMAT_VERSION = "acrnn-speaker", 1
_REMEDY = "enroll the speaker again with: acrnn enrol RECORDINGS --out FILE"


@dataclass(frozen=True)
class SpeakerProfile:
    """A speaker, known by statistics of some recordings. It holds no sound.

    Attributes:
        model: identity of the model that made the profile, see `Card.identity`; no other takes it.
        num_recordings: number of recordings.
        seconds: their total duration.
        features: mean and deviation of the features, [bands, channels]; None for a model that does not use them.
        dense: mean and deviation of the dense layer over segments, [units]; None for a model that does not use them.
    """

    model: str
    num_recordings: int
    seconds: float
    features: Statistics | None = None
    dense: Statistics | None = None

    def inputs(self, card: Card) -> dict[str, np.ndarray]:
        """Inputs for the model, shrunk towards its training part: "speaker_statistics" float32 [2, bands, channels], mean and
        deviation, and "speaker_dense" float32 [2, units], mean and variance; each only if the model has it.
        """
        inputs = {}
        if card.prior and self.features:
            statistics = self.features.shrunk(card.prior.statistics, card.prior.num_frames)
            inputs["speaker_statistics"] = np.stack([statistics.mean, statistics.deviation])
        if card.speaker_dense and self.dense:
            share = own_share(self.seconds, WEIGHT_SECONDS)
            own = np.stack([self.dense.mean, self.dense.deviation**2])
            inputs["speaker_dense"] = share * own + (1 - share) * _dense_of(card)
        return {name: values.astype(np.float32) for name, values in inputs.items()}

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
        with foreign_errors(path, "not a speaker profile", _REMEDY):
            return cls.from_dict(values)

    def to_dict(self) -> dict:
        """The profile as a JSON object."""
        parts = {"features": self.features, "dense": self.dense}
        return {
            "format": _FORMAT,
            "format_version": _FORMAT_VERSION,
            "model": self.model,
            "num_recordings": self.num_recordings,
            "seconds": round(self.seconds, 3),
            **{name: part.to_dict() for name, part in parts.items() if part},
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
            check_fields(cls, values, {"features", "dense"})
            model, count, seconds = values["model"], values["num_recordings"], float(values["seconds"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a speaker profile ({error})") from error
        features, dense = (
            Statistics.from_dict(values[name], dimensions) if name in values else None
            for name, dimensions in (("features", 2), ("dense", 1))
        )
        return cls(model, count, seconds, features, dense)


def _dense_of(card: Card) -> np.ndarray:
    dense = card.speaker_dense or {}
    return np.array([dense["mean"], dense["variance"]])


@dataclass
class RunningProfile:
    """The profile of a speaker from recordings that come one after the other, with more weight for the latest.

    Attributes:
        card: card of the model.
        half_life_seconds: speech that is older by this much counts half; infinite for equal weights.
    """

    card: Card
    half_life_seconds: float = float("inf")
    num_recordings: int = 0
    seconds: float = 0.0
    _features: Moments = field(default_factory=Moments)
    _dense: Moments = field(default_factory=Moments)

    def add_features(self, features: np.ndarray) -> None:
        """Adds the features of a recording, float [frames, bands, channels]; before `add_embeddings` of the same recording."""
        seconds = len(features) * self.card.frontend.hop_seconds
        kept = 0.5 ** (seconds / self.half_life_seconds)
        self._features, self._dense = self._features.scaled(kept), self._dense.scaled(kept)
        self._features.add(features)
        self.num_recordings, self.seconds = self.num_recordings + 1, self.seconds * kept + seconds

    def add_embeddings(self, embeddings: np.ndarray | None) -> None:
        """Adds the values of the dense layer for the segments of a recording, float [segments, units]; None changes nothing."""
        if embeddings is not None:
            self._dense.add(embeddings)

    def profile(self) -> SpeakerProfile:
        """The profile of what was added, which is one recording at least."""
        features = Statistics.of_moments(self._features) if self.card.prior else None
        dense = Statistics.of_moments(self._dense) if self.card.speaker_dense and self._dense.count else None
        return SpeakerProfile(self.card.identity, self.num_recordings, self.seconds, features, dense)
