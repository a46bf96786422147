"""Posteriors of utterances: averaged over speeds, and with a batch normalization that is adapted to each speaker, where asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np

from acrnn.batches.sources import Feeder
from acrnn.batches.speaker_statistics import SpeakerNormalizer
from acrnn.errors import FieldError
from acrnn.records import RecordSet
from acrnn.training.estimator import Estimator


class Adaptation(NamedTuple):
    """Recordings of a speaker that adapt the last batch normalization.

    Attributes:
        names: their ids; none leaves the statistics of the training part.
        share: weight of their statistics, see `SpeakerBatchNorm.adapted`.
    """

    names: Sequence[str]
    share: float = 1.0


class UtterancePrediction:
    """Predicts utterances of a record set.

    Args:
        estimator: the fitted estimator.
        feeder: source of the segments; its statistics of the speakers, if it has any, say whether the last batch normalization is
            adapted to each speaker.
        batch_size: segments that the network is called with.
        speeds: playing speeds, 1 for the utterances themselves. The posterior of an utterance is the mean over its copies at these
            speeds (test-time augmentation); if features are normalized by speaker, each copy is so by the recordings at its speed.

    Attributes:
        copies: ids of utterances and copies, by the id of the utterance and the speed.
    """

    def __init__(self, estimator: Estimator, feeder: Feeder, batch_size: int, speeds: Sequence[float] = (1.0,)):
        self.estimator, self.feeder, self.speeds = estimator, feeder, speeds
        self.copies = {(row.copy_of or row.id, row.speed): row.id for row in feeder.records.utterances}
        self._adapter = None
        if feeder.statistics is not None and feeder.statistics.choice.batch_norm:
            from acrnn.training.speaker_batch_norm import SpeakerBatchNorm

            self._adapter = SpeakerBatchNorm(estimator.model, batch_size)

    def pooled(
        self,
        names: Sequence[str],
        normalizer: SpeakerNormalizer | None,
        poolings: Sequence[str],
        adaptations: Mapping[object, Adaptation] | None = None,
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Predicts utterances.

        Args:
            names: ids of the utterances, not of copies.
            normalizer: normalization of the features.
            poolings: keys in `acrnn.segments.POOLINGS`.
            adaptations: recordings that adapt the batch normalization, if it is adapted, by speaker and speed (see
                `SpeakerStatistics.keys`); a speaker without any keeps that of the training part. None for all recordings of each.

        Returns:
            See `Estimator.pooled`; in the order of the table of utterances.
        """
        names = sorted(names, key=self.feeder.rows.__getitem__)
        parts = [self._at_speed(names, speed, normalizer, poolings, adaptations) for speed in self.speeds]
        mean = {pooling: np.mean([posteriors[pooling] for posteriors, _ in parts], axis=0) for pooling in poolings}
        return mean, parts[0][1]

    def _at_speed(
        self,
        names: Sequence[str],
        speed: float,
        normalizer: SpeakerNormalizer | None,
        poolings: Sequence[str],
        adaptations: Mapping[object, Adaptation] | None,
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Predicts the copies of utterances at one speed, in the order of the utterances."""
        copies = [self.copies[name, speed] for name in names]
        posteriors, labels = self._as_recorded(copies, normalizer, poolings, adaptations)
        rank = np.argsort(np.argsort([self.feeder.rows[name] for name in copies]))
        return {pooling: values[rank] for pooling, values in posteriors.items()}, labels[rank]

    def _as_recorded(
        self,
        names: Sequence[str],
        normalizer: SpeakerNormalizer | None,
        poolings: Sequence[str],
        adaptations: Mapping[object, Adaptation] | None,
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Predicts utterances or copies themselves, in the order of the table."""
        if self._adapter is None:
            return self.estimator.pooled(self.feeder.source(names, normalizer), poolings)
        if adaptations is None:
            adaptations = {speaker: Adaptation(ids) for speaker, ids in self._by_speaker(self.feeder.rows).items()}
        rows, parts = [], []
        for speaker, own in self._by_speaker(names).items():
            with self._adapted(adaptations.get(speaker), normalizer):
                parts.append(self.estimator.pooled(self.feeder.source(own, normalizer), poolings))
            rows += sorted(self.feeder.rows[name] for name in own)
        order = np.argsort(rows)
        posteriors = {pooling: np.concatenate([part[pooling] for part, _ in parts])[order] for pooling in poolings}
        return posteriors, np.concatenate([labels for _, labels in parts])[order]

    def _adapted(
        self, adaptation: Adaptation | None, normalizer: SpeakerNormalizer | None
    ) -> AbstractContextManager[None]:
        if not (self._adapter and adaptation and adaptation.names):
            return nullcontext()
        return self._adapter.adapted(self.feeder.source(adaptation.names, normalizer), adaptation.share)

    def _by_speaker(self, names: Iterable[str]) -> dict[object, list[str]]:
        """Ids by speaker and speed."""
        groups: dict[object, list[str]] = {}
        for name in names:
            groups.setdefault(self.feeder.statistics.keys[self.feeder.rows[name]], []).append(name)  # type: ignore[union-attr]
        return groups


def check_speeds(
    records: RecordSet, speeds: Sequence[float], trained: Sequence[float] | None = None, field: str = "speeds"
) -> None:
    """Refuses speeds that a prediction cannot average over.

    Args:
        records: the record set.
        speeds: playing speeds of the prediction.
        trained: playing speeds of the training; None for all in the records.
        field: name of the field in the message.

    Raises:
        FieldError: they are not ascending and different with 1 among them, the networks were not trained at one, or a recording has
            no copy at one.
    """
    listed = ", ".join(f"{speed:g}" for speed in speeds)
    if 1.0 not in speeds or list(speeds) != sorted(set(speeds)):
        raise FieldError(field, listed, "name different speeds in ascending order, 1 among them")
    available = trained or records.manifest.speeds
    if missing := [f"{speed:g}" for speed in speeds if speed not in available]:
        have = ", ".join(f"{speed:g}" for speed in available)
        raise FieldError(field, ", ".join(missing), f"the networks were trained at {have}; choose among them")
    copies = {(row.copy_of or row.id, row.speed) for row in records.utterances}
    for row in records.utterances:
        for speed in speeds:
            if not row.copy_of and (row.id, speed) not in copies:
                raise FieldError(
                    field, f"{speed:g}", f"{records.folder} has no copy of {row.id} at this speed; leave it out"
                )
