"""Answers of a model to the recordings of a corpus, scored: what the report of an evaluation shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from acrnn import audio, metrics
from acrnn.crossval.settings import CorpusInfo
from acrnn.model_card import Card
from acrnn.records.utterance_table import UNKNOWN_SPEAKER


@dataclass(frozen=True)
class Answer:
    """The answer of a model to one utterance.

    Attributes:
        id: name of the utterance in its corpus.
        sound: sound file of the utterance, or the part of one.
        speaker: the speaker, or UNKNOWN_SPEAKER.
        label: index of the true emotion.
        probabilities: float [emotions], which sum to one.
        duration_seconds: duration of the utterance.
        embedding: float [units], the mean over the segments; None for a model without embeddings.
    """

    id: str
    sound: Path | audio.Part
    speaker: str
    label: int
    probabilities: np.ndarray
    duration_seconds: float
    embedding: np.ndarray | None

    @property
    def recognized(self) -> int:
        """Index of the most probable emotion."""
        return int(self.probabilities.argmax())


@dataclass(frozen=True)
class Scored:
    """The scored utterances of a corpus for one number of enrolment utterances.

    Attributes:
        enrolled: number of enrolment utterances of every speaker.
        answers: an answer for each scored utterance, one at least.
    """

    enrolled: int
    answers: Sequence[Answer]

    @cached_property
    def confusion(self) -> np.ndarray:
        """Counts int [emotions, emotions]: rows are true emotions."""
        return _confusion(self.answers)

    @cached_property
    def by_speaker(self) -> dict[str, np.ndarray]:
        """Counts [emotions, emotions] of each speaker, in alphabetical order."""
        speakers = sorted({each.speaker for each in self.answers})
        return {name: _confusion([each for each in self.answers if each.speaker == name]) for name in speakers}

    @property
    def knows_speakers(self) -> bool:
        """True if the corpus names its speakers."""
        return set(self.by_speaker) != {UNKNOWN_SPEAKER}

    @property
    def uar(self) -> float:
        """UAR of all utterances together."""
        return float(metrics.uar(self.confusion))

    def interval(self) -> metrics.Interval | None:
        """Interval of the UAR, by jackknife t over speakers; None for fewer than three."""
        return metrics.share(metrics.jackknife_interval(metrics.uar, np.array(list(self.by_speaker.values()))))


@dataclass(frozen=True)
class Evaluation:
    """A model tested on a corpus.

    Attributes:
        card: card of the model.
        runtime: runtime that ran the model, a key in `model_card.FORMATS`.
        corpus: the corpus.
        emotions: the emotions that both have, in the order of the model.
        not_scored: number of utterances of each emotion of the corpus that the model does not have.
        failed: number of recordings that could not be recognized.
        results: the scores for each number of enrolment utterances, which are all of the same utterances.
        chosen: whether the model was chosen among several by its UAR on this corpus.
    """

    card: Card
    runtime: str
    corpus: CorpusInfo
    emotions: tuple[str, ...]
    not_scored: dict[str, int]
    failed: int
    results: Sequence[Scored]
    chosen: bool = False


def _confusion(answers: Sequence[Answer]) -> np.ndarray:
    labels, recognized = np.array([each.label for each in answers]), np.array([each.recognized for each in answers])
    return metrics.confusion(labels, recognized, len(answers[0].probabilities))
