"""Fields of a run about the test and the validation part of its fold, predicted by a fitted network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acrnn.batches.sources import Feeder
from acrnn.batches.speaker_statistics import SpeakerNormalizer
from acrnn.crossval.prediction.utterances import UtterancePrediction
from acrnn.crossval.run import UtteranceAttention, ValidationPart
from acrnn.recipes import Recipe
from acrnn.records import UtteranceRow
from acrnn.segments import POOLINGS
from acrnn.training.estimator import Estimator


class PartPrediction:
    """Predicts the parts of folds.

    Args:
        estimator: the fitted estimator.
        feeder: source of the segments.
        recipe: recipe of the experiment.
        speeds: see `UtterancePrediction`.
    """

    def __init__(self, estimator: Estimator, feeder: Feeder, recipe: Recipe, speeds: Sequence[float] = (1.0,)):
        self.estimator, self.feeder, self.pooling = estimator, feeder, recipe.pooling
        self.prediction = UtterancePrediction(estimator, feeder, recipe.batch_size, speeds)

    def test(self, train: Sequence[str], test: Sequence[str]) -> dict:
        """Fields of `Run` about the test part, without the utterances of an enrolment.

        Args:
            train: ids of the training utterances, for the prior of an enrolment.
            test: ids of the test utterances.
        """
        normalizer, scored = self.feeder.test_normalizer(train, test)
        posteriors_by_pooling, labels = self.prediction.pooled(scored, normalizer, POOLINGS)
        posteriors = posteriors_by_pooling[self.pooling]
        rows = self._rows(scored)
        is_correct = posteriors.argmax(axis=1) == labels
        return {
            "utterances": [row.id for row in rows],
            "speakers": [row.speaker for row in rows],
            "labels": labels.tolist(),
            "probabilities": posteriors.round(6).tolist(),
            "by_pooling": {name: values.argmax(axis=1).tolist() for name, values in posteriors_by_pooling.items()},
            "attention": self._attention(
                [row for row, right in zip(rows, is_correct, strict=True) if right], normalizer
            ),
        }

    def validation(self, names: Sequence[str]) -> ValidationPart | None:
        """Posteriors of the validation part; None for a fold without one."""
        if not names:
            return None
        pooled, labels = self.prediction.pooled(names, self.feeder.normalizer, (self.pooling,))
        ids = [row.id for row in self._rows(names)]
        return ValidationPart(ids, labels.tolist(), pooled[self.pooling].round(6).tolist())

    def _rows(self, names: Sequence[str]) -> list[UtteranceRow]:
        """Rows of the table of utterances, in its order."""
        return [self.feeder.records.utterances[row] for row in sorted(self.feeder.rows[name] for name in names)]

    def _attention(
        self, rows: Sequence[UtteranceRow], normalizer: SpeakerNormalizer | None
    ) -> tuple[UtteranceAttention, ...]:
        """Attention weights of the first row of every class, for the report."""
        examples = []
        for row in {row.label: row for row in reversed(rows)}.values():
            # batches of one segment, since an utterance may have more segments than the recipe's batch
            batches = self.feeder.source([row.id], normalizer).ordered(1)
            parts = [self.estimator.attention(batch.inputs) for batch in batches]
            weighted = [part for part in parts if part is not None]
            if weighted:
                weights = np.concatenate(weighted).astype(float).round(5)
                examples.append(UtteranceAttention(row.id, weights.tolist()))
        return tuple(examples)
