"""Normalization of features by the statistics of their speaker, from unlabeled recordings.

A network that was trained on a few voices errs on a new one mostly because the features of the new voice are shifted and scaled.
The mean and deviation of the speaker's own recordings, band by band, remove both; Chen et al. (2018), Section III-A, normalize to
zero mean and unit variance "for reducing the variations between different speakers". No function here takes labels.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from acrnn.errors import FieldError
from acrnn.records.record_set import RecordSet

CORPUS, UTTERANCE, SPEAKER, ENROLMENT = "corpus", "utterance", "speaker", "enrolment"
PRIOR_SECONDS = 3.0  # weight of the average training speaker in the statistics of an enrolment
_TINY = 1e-3  # smallest deviation of a band, in units of the average deviation of the training speakers


@dataclass(frozen=True)
class Choice:
    """A choice of the recordings whose mean and deviation normalize an utterance.

    Attributes:
        kind: "corpus": the training part's alone, as the network's normalization computes them. "utterance": the utterance
            itself. "speaker": all recordings of its speaker (transductive: the test recordings are used, without labels).
            "enrolment": for a test speaker the first utterances alone, which are not scored; for others as "speaker".
        utterances: number of utterances of an enrolment; 0 for other kinds.
    """

    kind: str = CORPUS
    utterances: int = 0

    def __str__(self) -> str:
        return f"{ENROLMENT}:{self.utterances}" if self.kind == ENROLMENT else self.kind

    @classmethod
    def parse(cls, text: str) -> Choice:
        """Reads "corpus", "utterance", "speaker" or "enrolment:N".

        Raises:
            FieldError: the text is none of these.
        """
        if match := re.fullmatch(r"(?:enrolment|enrollment):(\d+)", text):
            return cls(ENROLMENT, int(match[1]))
        if text not in (CORPUS, UTTERANCE, SPEAKER):
            raise FieldError("speaker_statistics", text, "choose corpus, utterance, speaker or enrolment:N")
        return cls(text)

    @property
    def title(self) -> str:
        """Name in the titles of systems."""
        names = {
            CORPUS: "corpus statistics",
            UTTERANCE: "utterance statistics",
            SPEAKER: "speaker statistics (transductive)",
        }
        return names.get(self.kind, f"{self.utterances} enrolment utterances")

    @property
    def sentence(self) -> str:
        """States which recordings normalize the features, for reports and cards."""
        return {
            CORPUS: "Features are normalized by the training speakers alone (inductive).",
            UTTERANCE: "Features are normalized by the mean and deviation of each utterance (inductive).",
            SPEAKER: "Features are normalized by the mean and deviation of all recordings of their speaker, without labels, "
            "those of test speakers included (transductive).",
            ENROLMENT: f"Features of test speakers are normalized by {self.utterances} unlabeled utterances of theirs, which are "
            "not scored; those of other speakers by all of their recordings.",
        }[self.kind]


@dataclass(frozen=True)
class Statistics:
    """Mean and deviation of the features of some recordings.

    Attributes:
        mean, deviation: float64 [bands, channels].
        num_frames: number of frames that they were computed from.
    """

    mean: np.ndarray
    deviation: np.ndarray
    num_frames: int

    @classmethod
    def of_moments(cls, moments: Moments) -> Statistics:
        """Statistics of summed moments of at least one frame."""
        mean = moments.total / moments.count
        return cls(mean, np.sqrt(np.maximum(moments.squares / moments.count - mean**2, 0)), moments.count)

    def shrunk(self, prior: Statistics, prior_frames: float) -> Statistics:
        """Statistics shrunk towards those of a prior, as if it had `prior_frames` frames (maximum a posteriori).

        Mean and variance are averages of both, weighted by the numbers of frames.
        """
        share = self.num_frames / (self.num_frames + prior_frames)
        mean = share * self.mean + (1 - share) * prior.mean
        variance = share * self.deviation**2 + (1 - share) * prior.deviation**2
        return Statistics(mean, np.sqrt(variance), self.num_frames)

    def offset_and_scale(self) -> tuple[np.ndarray, np.ndarray]:
        """Arrays float64 [bands, channels] for (features - offset) · scale.

        With several channels, the first holds static values and the others their derivatives, which are
        scaled by the deviation of the static values, and have no offset.
        """
        offset, deviation = self.mean.copy(), np.maximum(self.deviation, _TINY * self.deviation.mean())
        offset[:, 1:] = 0
        return offset, np.repeat(1 / np.where(deviation > 0, deviation, 1)[:, :1], offset.shape[1], axis=1)


@dataclass
class Moments:
    """Sums over frames: their count, and the sums of values and of squares, float64 [bands, channels]."""

    count: int = 0
    total: np.ndarray | float = 0.0
    squares: np.ndarray | float = 0.0

    def add(self, frames: np.ndarray) -> None:
        """Adds frames, float [frames, bands, channels]."""
        values = frames.astype(np.float64)
        self.count += len(values)
        self.total = self.total + values.sum(axis=0)
        self.squares = self.squares + (values**2).sum(axis=0)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.count + other.count, self.total + other.total, self.squares + other.squares)


def utterance_moments(records: RecordSet, segments: Iterable[tuple[int, np.ndarray, int]]) -> dict[int, Moments]:
    """Moments of each utterance; a frame that two segments share counts once.

    Args:
        records: record set, for the segment rule and the numbers of frames.
        segments: row of the utterance, features [frames, bands, channels] and number of real frames of every segment, the segments
            of an utterance in order.
    """
    rule, moments, covered, position = records.manifest.rule, {}, {}, {}
    for row, features, count in segments:
        number = position[row] = position.get(row, -1) + 1
        start = rule.starts(records.utterances[row].num_frames)[number]
        new = max(covered.get(row, 0), start)
        covered[row] = start + count
        moments.setdefault(row, Moments()).add(features[new - start : count])
    return moments


class SpeakerNormalizer:
    """Normalizes batches of features by the statistics of speakers or utterances.

    Args:
        offsets, scales: float32 [groups, bands, channels].
        groups: int [rows of the table of utterances], the group of each row.
    """

    def __init__(self, offsets: np.ndarray, scales: np.ndarray, groups: np.ndarray):
        self.offsets, self.scales, self.groups = offsets, scales, groups

    @classmethod
    def of(cls, statistics: Mapping[object, Statistics], keys: Sequence[object]) -> SpeakerNormalizer:
        """A normalizer of utterances whose groups are named by keys; None for a row that is not used."""
        number = {key: index for index, key in enumerate(statistics)}
        offsets, scales = zip(*(item.offset_and_scale() for item in statistics.values()), strict=True)
        groups = np.array([number.get(key, -1) for key in keys])
        return cls(np.stack(offsets).astype(np.float32), np.stack(scales).astype(np.float32), groups)

    def __call__(self, features: np.ndarray, num_frames: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Returns normalized features.

        Args:
            features: float [segments, frames, bands, channels], zero where padded.
            num_frames: int [segments], numbers of real frames.
            rows: int [segments], rows in the table of utterances.

        Returns:
            float32 of the same shape, zero where padded.
        """
        groups = self.groups[rows]
        normalized = (np.asarray(features, np.float32) - self.offsets[groups][:, None]) * self.scales[groups][:, None]
        is_real = np.arange(features.shape[1]) < np.asarray(num_frames)[:, None]
        return normalized * is_real[..., None, None]


class SpeakerStatistics:
    """Statistics of all speakers of a record set, and the normalizers that follow from a choice.

    Args:
        choice: recordings whose statistics normalize an utterance; not "corpus".
        records: the record set.
        moments: moments of the utterances, by row.
    """

    def __init__(self, choice: Choice, records: RecordSet, moments: Mapping[int, Moments]):
        self.choice, self.records, self.moments = choice, records, moments
        # A copy at another speed is normalized like another voice: its formants and pitch differ from those of its speaker.
        self.keys = [
            row if choice.kind == UTTERANCE else (item.speaker, item.speed)
            for row, item in enumerate(records.utterances)
        ]
        sums: dict[object, Moments] = {}
        for row, part in moments.items():
            sums[self.keys[row]] = sums.get(self.keys[row], Moments()) + part
        self.statistics = {key: Statistics.of_moments(part) for key, part in sums.items()}

    def everywhere(self) -> SpeakerNormalizer:
        """The normalizer by all recordings of a speaker, or by each utterance."""
        return SpeakerNormalizer.of(self.statistics, self.keys)

    def of_test(self, train: Sequence[str], test: Sequence[str]) -> tuple[SpeakerNormalizer, list[str]]:
        """Returns the normalizer of a test part, and the ids of the utterances to score.

        Args:
            train: ids of the training utterances, whose speakers are the prior of an enrolment.
            test: ids of the test utterances.

        Raises:
            FieldError: a test speaker has no utterance left to score.
        """
        if self.choice.kind != ENROLMENT:
            return self.everywhere(), list(test)
        rows = {row.id: number for number, row in enumerate(self.records.utterances)}
        statistics, enrolled = dict(self.statistics), set()
        prior = average([self.statistics[key] for key in dict.fromkeys(self.keys[rows[name]] for name in train)])
        for key in dict.fromkeys(self.keys[rows[name]] for name in test):
            names = enrolment_order([name for name in test if self.keys[rows[name]] == key])
            chosen = names[: self.choice.utterances]
            if len(chosen) == len(names):
                problem = f"speaker {key[0]} has {len(names)} test utterances, and none would be left to score"
                raise FieldError("speaker_statistics", str(self.choice), problem)
            enrolled.update(chosen)
            statistics[key] = self.enrolled([rows[name] for name in chosen], prior)
        return SpeakerNormalizer.of(statistics, self.keys), [name for name in test if name not in enrolled]

    def enrolled(self, rows: Sequence[int], prior: Statistics) -> Statistics:
        """Statistics of some utterances, shrunk towards the prior; the prior itself for none."""
        if not rows:
            return prior
        total = sum((self.moments[row] for row in rows[1:]), self.moments[rows[0]])
        return Statistics.of_moments(total).shrunk(prior, PRIOR_SECONDS / self.records.manifest.frontend.hop_seconds)


def average(statistics: Sequence[Statistics]) -> Statistics:
    """The average speaker: mean of the means, root mean square of the deviations."""
    mean = np.mean([item.mean for item in statistics], axis=0)
    deviation = np.sqrt(np.mean([item.deviation**2 for item in statistics], axis=0))
    return Statistics(mean, deviation, sum(item.num_frames for item in statistics))


def enrolment_order(names: Sequence[str]) -> list[str]:
    """Ids in an order that depends on neither emotion nor sentence: by their SHA-256."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
