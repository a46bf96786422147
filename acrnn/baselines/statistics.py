"""Statistics of utterances: functionals of the frames in a record set, and normalization by speaker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acrnn.records.record_set import RecordSet
from acrnn.segments import SegmentRule

PERCENTILES = (10, 25, 50, 75, 90)
FUNCTIONALS = ("mean", "deviation", *(f"percentile {value}" for value in PERCENTILES))


def functionals(frames: np.ndarray) -> np.ndarray:
    """Returns the functionals of each dimension over the frames of an utterance.

    Args:
        frames: float [frames, …], at least one; the frames are real, none is padding.

    Returns:
        float64 [functionals · dimensions]: the means of all dimensions, then the standard deviations (divisor n), then the
        percentiles of PERCENTILES, with linear interpolation.
    """
    flat = frames.reshape(len(frames), -1).astype(np.float64)
    return np.concatenate([flat.mean(axis=0), flat.std(axis=0), *np.percentile(flat, PERCENTILES, axis=0)])


def joined_frames(segments: np.ndarray, segment_frames: np.ndarray, num_frames: int, rule: SegmentRule) -> np.ndarray:
    """Returns the frames of an utterance, each once, although its segments may overlap.

    Args:
        segments: float [segments, frames, …].
        segment_frames: int [segments], number of real frames of each.
        num_frames: number of frames of the utterance.
        rule: rule that cut the segments.

    Returns:
        float [frames of the utterance, …]; without the frames that the rule left out.
    """
    frames = np.zeros((num_frames, *segments.shape[2:]), segments.dtype)
    is_known = np.zeros(num_frames, bool)
    for start, segment, count in zip(rule.starts(num_frames), segments, segment_frames, strict=True):
        frames[start : start + count] = segment[:count]
        is_known[start : start + count] = True
    return frames[is_known]


def record_statistics(records: RecordSet) -> np.ndarray:
    """Returns the functionals of all utterances of a record set, float64 [utterances, features], in the order of its table.

    Raises:
        ValueError: a shard is damaged.
    """
    data = records.load()
    order = np.argsort(data.utterances, kind="stable")
    by_row = np.split(order, np.flatnonzero(np.diff(data.utterances[order])) + 1)
    return np.stack(
        [
            functionals(
                joined_frames(data.features[part], data.num_frames[part], row.num_frames, records.manifest.rule)
            )
            for row, part in zip(records.utterances, by_row, strict=True)
        ]
    )


def normalized_by_speaker(features: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
    """Returns features with mean 0 and deviation 1 over the utterances of each speaker; no label is used.

    For a test speaker this is transductive: a prediction depends on the speaker's other recordings.

    Args:
        features: float [utterances, features].
        speakers: speaker of each utterance.

    Returns:
        float64 [utterances, features]; a feature that is constant for a speaker is 0.
    """
    result = np.empty(features.shape, np.float64)
    for speaker in sorted(set(speakers)):
        rows = np.flatnonzero(np.array(speakers) == speaker)
        own = features[rows].astype(np.float64)
        deviation = own.std(axis=0)
        result[rows] = (own - own.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    return result
