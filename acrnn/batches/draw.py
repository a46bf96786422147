"""The class-balanced draw of training segments in the published code of Chen et al. (2018)."""

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
