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
from typing import TYPE_CHECKING, Any

import numpy as np

from acrnn.errors import FieldError
from acrnn.frontends.statistics import Moments, Statistics, average
from acrnn.records.record_set import RecordSet

if TYPE_CHECKING:
    from acrnn.folds import Fold
    from acrnn.records.utterance_table import UtteranceRow

CORPUS, UTTERANCE, SPEAKER, ENROLMENT = "corpus", "utterance", "speaker", "enrolment"
TRANSDUCTIVE = "transductive"  # in titles of systems that use all test recordings of a speaker, without labels
_BATCH_NORM = "+batch-norm"  # ending of a choice
BATCH_NORM_LAYER = "dense_batch_norm"  # the last batch normalization of a network, whose inputs describe whole segments
PRIOR_SECONDS = 10.0  # chosen by validation speakers: experiments/results/emodb_speaker_reduced/enrolment_validation.md


@dataclass(frozen=True)
class Choice:
    """A choice of the recordings whose mean and deviation normalize an utterance.

    Attributes:
        kind: "corpus": the training part's alone, as the network's normalization computes them. "utterance": the utterance
            itself. "speaker": all recordings of its speaker (transductive: the test recordings are used, without labels).
            "enrolment": for a test speaker the first utterances alone, which are not scored; for others as "speaker".
        utterances: number of utterances of an enrolment; 0 for other kinds.
        seconds: duration that the utterances of an enrolment reach, instead of their number.
        prior_seconds: weight of the average training speaker in the statistics of an enrolment.
        batch_norm: with "speaker": in prediction, the same recordings give the statistics of the last batch normalization as
            well, see `acrnn.training.speaker_batch_norm`.
    """

    kind: str = CORPUS
    utterances: int = 0
    seconds: float = 0.0
    prior_seconds: float = PRIOR_SECONDS
    batch_norm: bool = False

    def __str__(self) -> str:
        size = f"{self.seconds:g}s" if self.seconds else str(self.utterances)
        prior = "" if self.prior_seconds == PRIOR_SECONDS else f":{self.prior_seconds:g}s"
        text = f"{ENROLMENT}:{size}{prior}" if self.kind == ENROLMENT else self.kind
        return text + _BATCH_NORM * self.batch_norm

    @classmethod
    def parse(cls, text: str) -> Choice:
        """Reads "corpus", "utterance", "speaker", "enrolment:N" for N utterances or "enrolment:Ns" for N seconds.

        "speaker+batch-norm" adapts the last batch normalization too. An enrolment can end with the weight of the average training
        speaker, as in "enrolment:5:3s".

        Raises:
            FieldError: the text is none of these.
        """
        if text == SPEAKER + _BATCH_NORM:
            return cls(SPEAKER, batch_norm=True)
        if match := re.fullmatch(r"(?:enrolment|enrollment):(\d+)(s?)(?::(\d+\.?\d*)s)?", text):
            utterances, seconds = (0, float(match[1])) if match[2] else (int(match[1]), 0.0)
            return cls(ENROLMENT, utterances, seconds, PRIOR_SECONDS if match[3] is None else float(match[3]))
        if text not in (CORPUS, UTTERANCE, SPEAKER):
            problem = f"choose corpus, utterance, speaker, speaker{_BATCH_NORM} or enrolment:N"
            raise FieldError("speaker_statistics", text, problem)
        return cls(text)

    @property
    def source(self) -> str:
        """Recordings whose statistics are used: "corpus", "utterance" or, for an enrolment too, "speaker"."""
        return SPEAKER if self.kind == ENROLMENT else self.kind

    @property
    def title(self) -> str:
        """Name in the titles of systems."""
        names = {
            CORPUS: "corpus statistics",
            UTTERANCE: "utterance statistics",
            SPEAKER: f"speaker statistics ({TRANSDUCTIVE})",
        }
        enrolment = f"{self.seconds:g} s of enrolment" if self.seconds else f"{self.utterances} enrolment utterance"
        title = names.get(self.kind, enrolment if self.seconds or self.utterances == 1 else f"{enrolment}s")
        return title + ", adapted batch normalization" * self.batch_norm

    @property
    def sentence(self) -> str:
        """States which recordings normalize the features, for reports and cards."""
        adapted = " The last batch normalization uses the statistics of the same recordings." * self.batch_norm
        return self._features_sentence + adapted

    @property
    def _features_sentence(self) -> str:
        return {
            CORPUS: "Features are normalized by the training part alone (inductive).",
            UTTERANCE: "Features are normalized by the mean and deviation of each utterance (inductive).",
            SPEAKER: "Features are normalized by the mean and deviation of all recordings of their speaker, without labels, "
            "those of test speakers included (transductive).",
            ENROLMENT: f"Features of test speakers are normalized by {self._amount} of theirs, which are not scored, and, as if "
            f"it had {self.prior_seconds:g} s, by the average training speaker; those of other speakers by all of their recordings.",
        }[self.kind]

    @property
    def _amount(self) -> str:
        if self.seconds:
            return f"unlabeled utterances of at least {self.seconds:g} s"
        return f"{self.utterances} unlabeled utterance" + "s" * (self.utterances != 1)

    def enrolled(self, rows: Iterable[UtteranceRow]) -> list[str]:
        """Returns the ids of the enrolment utterances among all test utterances of one speaker.

        Args:
            rows: test utterances of the speaker, one at least.

        Raises:
            FieldError: no utterance would be left to score.
        """
        by_id = {row.id: row for row in rows}
        chosen: list[str] = []
        seconds = 0.0
        for name in enrolment_order(list(by_id)):
            if len(chosen) >= self.utterances and seconds >= self.seconds:
                return chosen
            chosen.append(name)
            seconds += by_id[name].duration_seconds
        speaker = by_id[chosen[0]].speaker
        problem = f"speaker {speaker} has {len(chosen)} test utterances, and none would be left to score; they last {seconds:.0f} s"
        raise FieldError("speaker_statistics", str(self), problem)


class SpeakerNormalizer:
    """Normalizes batches of features by the statistics of speakers or utterances.

    Args:
        offsets, scales: float32 [groups, bands, channels].
        groups: int [rows of the table of utterances], the group of each row.
        statistics: statistics of the speakers, from which enrolments can be drawn; None where they cannot.
    """

    def __init__(
        self,
        offsets: np.ndarray,
        scales: np.ndarray,
        groups: np.ndarray,
        statistics: SpeakerStatistics | None = None,
    ):
        self.offsets, self.scales, self.groups, self.statistics = offsets, scales, groups, statistics

    @classmethod
    def of(
        cls, statistics: Mapping[Any, Statistics], keys: Sequence[Any], whole: SpeakerStatistics | None = None
    ) -> SpeakerNormalizer:
        """A normalizer of utterances whose groups are named by keys; None for a row that is not used."""
        number = {key: index for index, key in enumerate(statistics)}
        offsets, scales = zip(*(item.offset_and_scale() for item in statistics.values()), strict=True)
        groups = np.array([number.get(key, -1) for key in keys])
        return cls(np.stack(offsets).astype(np.float32), np.stack(scales).astype(np.float32), groups, whole)

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
        return SpeakerNormalizer.of(self.statistics, self.keys, self)

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
        keys = dict(zip((row.id for row in self.records.utterances), self.keys, strict=True))
        prior = average([self.statistics[key] for key in dict.fromkeys(keys[name] for name in train)])
        return self.of_new_speakers(test, prior)

    def of_new_speakers(self, test: Sequence[str], prior: Statistics) -> tuple[SpeakerNormalizer, list[str]]:
        """Returns the normalizer of a test part whose training speakers may be of another record set, see `of_test`.

        Args:
            test: ids of the test utterances.
            prior: average of the training speakers.
        """
        if self.choice.kind != ENROLMENT:
            return self.everywhere(), list(test)
        rows = {row.id: number for number, row in enumerate(self.records.utterances)}
        statistics, enrolled = dict(self.statistics), set()
        for key in dict.fromkeys(self.keys[rows[name]] for name in test):
            of_speaker = [self.records.utterances[rows[name]] for name in test if self.keys[rows[name]] == key]
            chosen = self.choice.enrolled(of_speaker)
            enrolled.update(chosen)
            statistics[key] = self.enrolled([rows[name] for name in chosen], prior)
        return SpeakerNormalizer.of(statistics, self.keys), [name for name in test if name not in enrolled]

    def enrolled(self, rows: Sequence[int], prior: Statistics, prior_seconds: float | None = None) -> Statistics:
        """Statistics of some utterances, shrunk towards the prior; the prior itself for none.

        Args:
            rows: rows in the table of utterances.
            prior: statistics of the average training speaker.
            prior_seconds: weight of the prior; None for that of the choice.
        """
        if not rows:
            return prior
        total = sum((self.moments[row] for row in rows[1:]), self.moments[rows[0]])
        prior_seconds = self.choice.prior_seconds if prior_seconds is None else prior_seconds
        return Statistics.of_moments(total).shrunk(prior, prior_seconds / self.records.manifest.frontend.hop_seconds)


def enrolment_order(names: Sequence[str], draw: int = 0) -> list[str]:
    """Ids in an order that depends on neither emotion nor sentence: by their SHA-256, and in another order for every draw."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{draw or ''}{name}".encode()).hexdigest())


def check_enrolment(choice: Choice, folds: Iterable[Fold], rows: Iterable[UtteranceRow]) -> None:
    """Checks that every fold permits an enrolment, before anything is trained.

    Raises:
        FieldError: a test speaker also trains, so that the statistics of all recordings of that speaker normalize the training
            part, or has too few utterances.
    """
    by_id = {row.id: row for row in rows}
    for fold in folds:
        known = {by_id[name].speaker for name in (*fold.train, *fold.validation)}
        for speaker in sorted({by_id[name].speaker for name in fold.test}):
            if speaker in known:
                problem = (
                    f"speaker {speaker} of {fold.name} is in its training or validation part too; choose a protocol that "
                    "tests new speakers"
                )
                raise FieldError("speaker_statistics", str(choice), problem)
            choice.enrolled(by_id[name] for name in fold.test if by_id[name].speaker == speaker)
