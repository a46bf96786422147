"""Embeddings of a recording with what a table and a map of embeddings state about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from acrnn.inference.prediction import Prediction


@dataclass(frozen=True)
class Embedded:
    """A recording with its embeddings.

    Attributes:
        source: path of the file.
        emotion: recognized emotion; None if no speech was found.
        probabilities: probability of each emotion.
        starts, ends: start and end of each segment, in seconds.
        segments: float32 [segments, units].
    """

    source: str
    emotion: str | None
    probabilities: Mapping[str, float]
    starts: tuple[float, ...]
    ends: tuple[float, ...]
    segments: np.ndarray

    @property
    def vector(self) -> np.ndarray:
        """Mean over the segments, float32 [units]."""
        return self.segments.mean(axis=0)


def of_prediction(prediction: Prediction) -> Embedded:
    """Returns the embeddings of a prediction.

    Raises:
        ValueError: the model returns no embeddings.
    """
    if prediction.embeddings is None:
        raise ValueError(f"{prediction.source}: the model returns no embeddings; export it again")
    return Embedded(
        source=prediction.source,
        emotion=prediction.emotion,
        probabilities=prediction.probabilities,
        starts=tuple(segment.start_seconds for segment in prediction.segments),
        ends=tuple(segment.end_seconds for segment in prediction.segments),
        segments=np.asarray(prediction.embeddings, np.float32),
    )
