"""Posteriors of utterances, with a batch normalization that is adapted to each speaker if the experiment says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from acrnn.batches.sources import Feeder
from acrnn.batches.speaker_statistics import SpeakerNormalizer
from acrnn.training.estimator import Estimator


class SpeakerPrediction:
    """Predicts utterances of a record set.

    Args:
        estimator: the fitted estimator.
        feeder: source of the segments; its statistics of the speakers, if it has any, say whether the last batch normalization is
            adapted to each speaker.
        batch_size: segments that the network is called with.
    """

    def __init__(self, estimator: Estimator, feeder: Feeder, batch_size: int):
        self.estimator, self.feeder = estimator, feeder
        self._adapter = None
        if feeder.statistics is not None and feeder.statistics.choice.batch_norm:
            from acrnn.training.speaker_batch_norm import SpeakerBatchNorm

            self._adapter = SpeakerBatchNorm(estimator.model, batch_size)

    def pooled(
        self, names: Sequence[str], normalizer: SpeakerNormalizer | None, poolings: Sequence[str]
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Predicts utterances; the batch normalization is adapted to all recordings of their speaker.

        Args:
            names: ids of the utterances.
            normalizer: normalization of the features.
            poolings: keys in `acrnn.segments.POOLINGS`.

        Returns:
            See `Estimator.pooled`; in the order of the table of utterances.
        """
        if self._adapter is None:
            return self.estimator.pooled(self.feeder.source(names, normalizer), poolings)
        recordings = self._by_speaker(self.feeder.rows)
        rows, parts = [], []
        for speaker, own in self._by_speaker(names).items():
            with self._adapter.adapted(self.feeder.source(recordings[speaker], normalizer)):
                parts.append(self.estimator.pooled(self.feeder.source(own, normalizer), poolings))
            rows += sorted(self.feeder.rows[name] for name in own)
        order = np.argsort(rows)
        posteriors = {pooling: np.concatenate([part[pooling] for part, _ in parts])[order] for pooling in poolings}
        return posteriors, np.concatenate([labels for _, labels in parts])[order]

    def _by_speaker(self, names: Iterable[str]) -> dict[object, list[str]]:
        """Ids by speaker and speed."""
        groups: dict[object, list[str]] = {}
        for name in names:
            groups.setdefault(self.feeder.statistics.keys[self.feeder.rows[name]], []).append(name)  # type: ignore[union-attr]
        return groups
