"""JSON objects of the HTTP service, as its OpenAPI description shows them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from acrnn.inference.http_service.limits import Limits
from acrnn.inference.prediction import Prediction
from acrnn.inference.recognizer import Recognizer

_BY_EMOTION = "probability of each emotion, in the model's order; they sum to one"


class SegmentResult(BaseModel):
    """Prediction for a part of a sound."""

    start_seconds: float
    end_seconds: float
    emotion: str
    probabilities: dict[str, float] = Field(description=_BY_EMOTION)


class SoundResult(BaseModel):
    """Prediction for a sound."""

    source: str = Field(description="name of the file")
    emotion: str | None = Field(description="the most probable emotion; null if no speech was found")
    has_speech: bool | None = Field(description="null if the service does not look for speech")
    probabilities: dict[str, float] = Field(description=_BY_EMOTION)
    duration_seconds: float
    segments: list[SegmentResult]
    attention_seconds: list[float] | None = Field(None, description="middle of each frame; only with attention=true")
    attention: list[float] | None = Field(None, description="weight of each frame; only with attention=true")

    @classmethod
    def of(cls, prediction: Prediction, attention: bool) -> SoundResult:
        """Returns the result for a prediction, with or without the attention of each frame."""
        return cls(**prediction.to_dict(attention))


class SoundError(BaseModel):
    """A file that could not be recognized."""

    source: str = Field(description="name of the file")
    error: str = Field(description="the fault and the remedy")


class Results(BaseModel):
    """Results of a request."""

    model: str
    results: list[SoundResult | SoundError] = Field(description="one for each file, in the order of the request")


class Error(BaseModel):
    """The reason why a request was refused as a whole."""

    error: str


class Health(BaseModel):
    """State of the service."""

    status: str


class RequestLimits(BaseModel):
    """Limits of a request."""

    files: int
    upload_mb: int
    sound_seconds: float
    request_seconds: int


class ModelSummary(BaseModel):
    """The model's card in short."""

    name: str
    system: str
    summary: str
    emotions: list[str]
    sample_rate_hz: int = Field(description="other rates are converted")
    trained_on: str
    licence: str = Field(description="licence of the training data")
    uar: float | None = Field(description="unweighted average recall on other speakers; null if it was not measured")
    runtime: str
    version: str = Field(description="version of the software")
    limits: RequestLimits

    @classmethod
    def of(cls, recognizer: Recognizer, limits: Limits, sound_seconds: float, version: str) -> ModelSummary:
        """Returns the summary of a recognizer's card, with the limits of the service."""
        card = recognizer.card
        return cls(
            name=card.name,
            system=card.system,
            summary=card.summary,
            emotions=list(card.labels),
            sample_rate_hz=card.sample_rate_hz,
            trained_on=f"{card.corpus['title']}, {card.trained_on}",
            licence=card.corpus["licence"],
            uar=card.estimate["uar_pooled"] if card.estimate else None,
            runtime=recognizer.runtime,
            version=version,
            limits=RequestLimits(
                files=limits.files,
                upload_mb=limits.upload_mb,
                sound_seconds=sound_seconds,
                request_seconds=limits.request_seconds,
            ),
        )
