"""Unweighted average recall (UAR), weighted accuracy (WA), confusion matrices and confidence intervals.

UAR is the mean recall of the classes that *occur* in the labels: a test speaker without utterances of disgust leaves the
recall of disgust undefined. Results of several folds are aggregated in two ways that differ by some points: the mean of the
UARs of the folds, and the UAR of the pooled predictions of all folds. Papers seldom state which; we report both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def confusion(labels: np.ndarray, predictions: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns the confusion matrix int [classes, classes]: rows are true labels, columns predictions.

    Args:
        labels: int [utterances].
        predictions: int [utterances].
        num_classes: number of classes.
    """
    from sklearn.metrics import confusion_matrix

    return confusion_matrix(labels, predictions, labels=range(num_classes))


def recalls(counts: np.ndarray) -> np.ndarray:
    """Recall of each class [..., classes] from confusion matrices [..., classes, classes]; NaN for absent classes."""
    support = counts.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(support > 0, np.diagonal(counts, axis1=-2, axis2=-1) / support, np.nan)


def uar(counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall [...] over the classes that occur, from confusion matrices [..., classes, classes]."""
    return np.nanmean(recalls(np.asarray(counts)), axis=-1)


def wa(counts: np.ndarray) -> float:
    """Weighted accuracy, the share of correct predictions, from a confusion matrix [classes, classes]."""
    counts = np.asarray(counts)
    return float(np.trace(counts) / counts.sum())


def per_class(counts: np.ndarray, emotions: Sequence[str]) -> list[dict]:
    """Precision, recall, F1 and support of each class from a confusion matrix [classes, classes]; None where undefined."""
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


def interval(
    statistic: Callable[[np.ndarray], np.ndarray], units: np.ndarray, resamples: int = 2000, level: float = 0.95
) -> tuple[float, float] | None:
    """Percentile bootstrap interval over whole units (speakers or folds), resampled with replacement.

    Utterances of a speaker are not independent; resampling single utterances would give intervals that are far too narrow.

    Args:
        statistic: function from sums over the resampled units [resamples, …] to values [resamples].
        units: [units, …], one entry per speaker or fold: its confusion matrix or its UAR.
        resamples: number of bootstrap samples.
        level: confidence level.

    Returns:
        The lower and the upper bound, always the same for the same input; None for a single unit.
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
    """Bootstrap interval of the mean of values [units]; see `interval`."""
    return interval(lambda sums: sums / len(values), values)
