"""Draws of training data: oversampled utterances, and the balanced segments of the published code of Chen et al. (2018)."""

from __future__ import annotations

import numpy as np


def balanced(labels: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Returns the positions of `count` segments of each class, in order.

    Of a class with more segments, `count` are drawn without replacement, as in the authors' code. A class with fewer, which
    that code does not allow for, is used as often as it fits, and the rest is drawn from it without replacement, so that
    the numbers of repetitions of its segments differ by one at most.

    Args:
        labels: int [segments].
        count: number of segments of each class, at least 1.
        generator: random number generator.

    Returns:
        int64 [classes * count], ascending; classes without segments are left out.
    """
    drawn = []
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        whole, rest = divmod(count, len(of_class))
        drawn += [np.repeat(of_class, whole), generator.choice(of_class, rest, replace=False)]
    return np.sort(np.concatenate(drawn))


def repetitions(labels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns how often to use each utterance, so that every class has as many utterances as the largest.

    Utterances of the smaller classes are drawn again at random, with replacement, each with all its segments.

    Args:
        labels: int [utterances].
        generator: random number generator.

    Returns:
        int64 [utterances], from 1 up.
    """
    times = np.ones(len(labels), np.int64)
    largest = np.bincount(labels).max()
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        np.add.at(times, generator.choice(of_class, largest - len(of_class)), 1)
    return times
