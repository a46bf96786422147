"""Results of recognition: plain objects that do not depend on the runtime."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from acrnn.inference.raw_prediction import RawPrediction
from acrnn.model_card import Card
from acrnn.segments import attention_by_frame


@dataclass(frozen=True)
class Segment:
    """Prediction for a part of an utterance.

    Attributes:
        start_seconds, end_seconds: position in the utterance.
        emotion: the most probable emotion.
        probabilities: probability of each emotion, in the model's order; they sum to one.
    """

    start_seconds: float
    end_seconds: float
    emotion: str
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Prediction:
    """Prediction for an utterance.

    Attributes:
        source: path of the file, or "array".
        emotion: the most probable emotion; None if no speech was found, where the probabilities mean nothing.
        probabilities: probability of each emotion, in the model's order; they sum to one.
        segments: predictions for the segments, in temporal order.
        attention_seconds: middle of each frame; empty for a network without attention.
        attention: attention weight of each frame, in multiples of an even share of its segment; where segments overlap,
            the later one counts; 0 outside of all segments; empty for a network without attention.
        duration_seconds: duration of the utterance.
        embeddings: values of the dense layer before the output layer for each segment, float [segments, units]; None for a
            model without them.
        has_speech: True if speech was found, False if not, None if it was not looked for.
    """

    source: str
    emotion: str | None
    probabilities: dict[str, float]
    segments: tuple[Segment, ...]
    attention_seconds: tuple[float, ...]
    attention: tuple[float, ...]
    duration_seconds: float
    embeddings: np.ndarray | None = field(default=None, compare=False, repr=False)
    has_speech: bool | None = None

    @classmethod
    def from_raw(
        cls, card: Card, source: str, duration_seconds: float, raw: RawPrediction, has_speech: bool | None = None
    ) -> Prediction:
        """Returns the prediction for a model's raw outputs."""
        hop, window = card.frontend.hop_seconds, card.frontend.window_seconds
        attention = np.zeros(0)
        if raw.attention:
            starts, frames = raw.segment_starts.tolist(), raw.segment_frames.tolist()
            attention = np.nan_to_num(attention_by_frame(raw.attention, starts, frames))
        middles = np.arange(len(attention)) * hop + window / 2
        return cls(
            source=source,
            emotion=None if has_speech is False else _emotion(card, raw.probabilities),
            probabilities=_by_emotion(card, raw.probabilities),
            segments=_segments(card, duration_seconds, raw),
            attention_seconds=tuple(middles.tolist()),
            attention=tuple(attention.tolist()),
            duration_seconds=duration_seconds,
            embeddings=raw.embeddings,
            has_speech=has_speech,
        )

    def to_dict(self, attention: bool = True) -> dict:
        """Returns JSON-ready fields, rounded to six digits.

        Args:
            attention: include the attention of each frame, which is by far the longest part.
        """
        fields: dict = {
            "source": self.source,
            "emotion": self.emotion,
            "has_speech": self.has_speech,
            "probabilities": _rounded(self.probabilities),
            "duration_seconds": round(self.duration_seconds, 6),
            "segments": [
                {
                    "start_seconds": round(segment.start_seconds, 6),
                    "end_seconds": round(segment.end_seconds, 6),
                    "emotion": segment.emotion,
                    "probabilities": _rounded(segment.probabilities),
                }
                for segment in self.segments
            ],
        }
        if attention:
            fields["attention_seconds"] = [round(value, 6) for value in self.attention_seconds]
            fields["attention"] = [round(value, 6) for value in self.attention]
        return fields


@dataclass(frozen=True)
class Failure:
    """A file that could not be recognized.

    Attributes:
        source: path of the file.
        reason: message that names the file, the fault and the remedy.
    """

    source: str
    reason: str


def _segments(card: Card, duration_seconds: float, raw: RawPrediction) -> tuple[Segment, ...]:
    hop, window = card.frontend.hop_seconds, card.frontend.window_seconds
    return tuple(
        Segment(
            start_seconds=float(start * hop),
            end_seconds=float(min(duration_seconds, (start + count - 1) * hop + window)),
            emotion=_emotion(card, row),
            probabilities=_by_emotion(card, row),
        )
        for start, count, row in zip(raw.segment_starts, raw.segment_frames, raw.segment_probabilities, strict=True)
    )


def _emotion(card: Card, probabilities: np.ndarray) -> str:
    return card.labels[int(np.argmax(probabilities))]


def _by_emotion(card: Card, probabilities: np.ndarray) -> dict[str, float]:
    return dict(zip(card.labels, map(float, probabilities), strict=True))


def _rounded(probabilities: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in probabilities.items()}
