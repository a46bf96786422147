"""UAR, WA, confusion and intervals, from labels and predictions of utterances.

UAR is the unweighted average of the recalls of the classes that are *present*: a test speaker without any utterance of
disgust says nothing about disgust. Two aggregations over folds are in use and differ by points: the mean of the folds'
UARs, and the UAR of all folds' predictions pooled. Papers seldom say which; both are always given.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def confusion(labels: np.ndarray, predictions: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts [classes, classes]: rows are the true labels, columns the predictions."""
    from sklearn.metrics import confusion_matrix

    return confusion_matrix(labels, predictions, labels=range(num_classes))


def recalls(counts: np.ndarray) -> np.ndarray:
    """Recall of each class [..., classes] from confusion counts [..., classes, classes]; NaN where a class is absent."""
    support = counts.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(support > 0, np.diagonal(counts, axis1=-2, axis2=-1) / support, np.nan)


def uar(counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall [...] over the classes present, from confusion counts [..., classes, classes]."""
    return np.nanmean(recalls(np.asarray(counts)), axis=-1)


def wa(counts: np.ndarray) -> float:
    """Weighted accuracy: the share of utterances that are right."""
    counts = np.asarray(counts)
    return float(np.trace(counts) / counts.sum())


def per_class(counts: np.ndarray, emotions: Sequence[str]) -> list[dict]:
    """Precision, recall, F1 and support of each class; None where a figure is undefined."""
    counts = np.asarray(counts, float)
    hits, support, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    rows = []
    for index, emotion in enumerate(emotions):
        recall = hits[index] / support[index] if support[index] else None
        precision = hits[index] / predicted[index] if predicted[index] else None
        f1 = 2 * hits[index] / (support[index] + predicted[index]) if support[index] + predicted[index] else None
        rows.append(
            {"emotion": emotion, "precision": precision, "recall": recall, "f1": f1, "support": int(support[index])}
        )
    return rows


def interval(statistic, units: np.ndarray, resamples: int = 2000, level: float = 0.95) -> tuple[float, float] | None:
    """Percentile bootstrap interval that resamples whole units (speakers, folds) with replacement.

    Utterances of a speaker are not independent, so resampling them one by one gives intervals that are far too narrow.

    Args:
        statistic: sums over the drawn units [resamples, …] → [resamples].
        units: [units, …], one entry a speaker: its confusion counts, its UAR.
        resamples: how many.
        level: coverage.

    Returns:
        The lower and the upper bound, the same for the same input; None for a single unit, which says nothing of others.
    """
    units = np.asarray(units, float)
    count = len(units)
    if count < 2:
        return None
    times_drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=resamples)
    sums = (times_drawn @ units.reshape(count, -1)).reshape(resamples, *units.shape[1:])
    low, high = np.nanquantile(statistic(sums), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def mean_interval(values: np.ndarray) -> tuple[float, float] | None:
    """Bootstrap interval of the mean of some values, one a unit."""
    return interval(lambda sums: sums / len(values), values)
