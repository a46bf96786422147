"""Moments of the frames of the utterances of a record set."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from acrnn.frontends.statistics import Moments
from acrnn.records.record_set import RecordSet


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
