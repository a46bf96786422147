"""Segments of utterances: the rule that cuts and pads them, and the pooling of their posteriors and attention.

Padding. Chen et al. (2018) zero-pad utterances shorter than 3 s. A zero is not silence in a log-Mel spectrogram of a
unit-variance waveform: on Emo-DB it is louder than 87 % of all values, whose mean is -4.6 and standard deviation 4.0
(`acrnn prepare inspect --values` prints this), so zeros before normalization act as a loud, flat noise; a padded
waveform would have the logarithm of zero, many standard deviations below all real values. The default rule is therefore
"mean": padded frames are zero *after* normalization, the mean of the training data. "zero" is the literal reading, for
comparison. With either rule, the number of real frames is stored with every segment and is an input of the networks, and
padded frames do not enter the statistics of the normalization.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from acrnn.errors import FieldError
from acrnn.reading import check_fields


@dataclass(frozen=True)
class SegmentRule:
    """The rule that cuts utterances into segments of one length.

    Attributes:
        frames: number of frames in a segment; 300 frames of 10 ms are the 3 s of Chen et al. (2018), Section III-A.
        hop_frames: number of frames from the start of a segment to the start of the next.
        tail: treatment of the frames after the last full segment. "align-end" adds a segment of the last `frames` frames of
            the utterance, so that only an utterance shorter than a segment is padded (Section III-A says both; the
            authors' code does it too); "pad" adds a segment of the remaining frames, padded; "drop" keeps the first
            segment only ("if the segment is larger than 3 s, we cut off the redundant part", Zhang et al. 2021).
        padding: value of a padded frame for a network: "mean" (zero after normalization) or "zero" (zero before it).
        max_segments: maximal number of segments; the first max_segments - 1 and the last one are kept. None keeps all.
    """

    frames: int = 300
    hop_frames: int = 300
    tail: Literal["pad", "align-end", "drop"] = "align-end"
    padding: Literal["mean", "zero"] = "mean"
    max_segments: int | None = None

    @property
    def holds_every_frame_once(self) -> bool:
        """True if the real frames of the segments, one segment after the other, are the frames of the utterance."""
        return self.hop_frames == self.frames and self.tail == "pad" and self.max_segments is None

    def starts(self, num_frames: int) -> list[int]:
        """Returns the first frame of each segment of an utterance with num_frames frames; at least one."""
        if num_frames <= self.frames or self.tail == "drop":
            return [0]
        starts = list(range(0, num_frames - self.frames + 1, self.hop_frames))
        covered = starts[-1] + self.frames
        if covered < num_frames:
            starts.append(num_frames - self.frames if self.tail == "align-end" else starts[-1] + self.hop_frames)
        if self.max_segments and len(starts) > self.max_segments:
            starts = starts[: self.max_segments - 1] + starts[-1:]
        return starts

    def new_shares(self, num_frames: int) -> np.ndarray:
        """Returns the share of frames of each segment that no earlier segment of the utterance contains.

        With the tail "align-end", an utterance slightly longer than a segment gives two that are nearly equal: of 330 frames,
        30 are new in the second, whose share is 0.1.

        Returns:
            float32 [segments], above 0, up to 1.
        """
        starts = np.array(self.starts(num_frames))
        ends = np.minimum(starts + self.frames, num_frames)
        new = ends - np.maximum(starts, np.append(0, ends[:-1]))
        return (new / (ends - starts)).astype(np.float32)

    def starts_in_graph(self, num_frames):
        """The twin of `starts` for a batch of utterances, as TensorFlow operations.

        Args:
            num_frames: int32 tensor [batch], number of frames of each utterance, at least 1.

        Returns:
            starts: int32 [batch, segments], first frame of each segment; `segments` is the number for the longest utterance.
            valid: bool [batch, segments], True where an utterance has the segment.
        """
        import tensorflow as tf

        if self.tail == "drop":
            return tf.zeros_like(num_frames)[:, None], tf.ones_like(num_frames, tf.bool)[:, None]
        full = tf.maximum(num_frames - self.frames, 0) // self.hop_frames + 1
        last_full = (full - 1) * self.hop_frames
        has_rest = last_full + self.frames < num_frames
        rest = num_frames - self.frames if self.tail == "align-end" else last_full + self.hop_frames
        last = tf.where(has_rest, rest, last_full)[:, None]
        count = full + tf.cast(has_rest, tf.int32)
        if self.max_segments:
            count = tf.minimum(count, self.max_segments)
        number = tf.range(tf.reduce_max(count))[None]
        starts = tf.where(number == count[:, None] - 1, last, number * self.hop_frames)
        return starts, number < count[:, None]

    def cut(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cuts an utterance into segments.

        Args:
            features: float [num_frames, …].

        Returns:
            segments: float32 [segments, frames, …], zero where padded.
            num_frames: int32 [segments], number of real frames in each segment.
        """
        starts = self.starts(len(features))
        segments = np.zeros((len(starts), self.frames, *features.shape[1:]), np.float32)
        num_frames = np.zeros(len(starts), np.int32)
        for index, start in enumerate(starts):
            real = features[start : start + self.frames]
            segments[index, : len(real)] = real
            num_frames[index] = len(real)
        return segments, num_frames


PAPER = SegmentRule()
# At most two segments per utterance, its first and its last 3 s, with zeros before normalization as padding.
ORIGINAL = SegmentRule(padding="zero", max_segments=2)

# Every frame is in one segment, so that the utterance can be joined again.
HAN2014 = SegmentRule(tail="pad")

# Images of 128 frames, 1.03 s. The paper does not state their distance; the closer they are, the better the convolutions
# generalize over shifts (see emodb_lim2016 in experiments/results/NOTES.md).
LIM2016 = SegmentRule(frames=128, hop_frames=16)
# Four such images per segment, 8 frames from one to the next.
LIM2016_SERIES = SegmentRule(frames=128 + 3 * 8, hop_frames=16)

# One segment per utterance, its first 3 s (Section 3.2).
ZHANG2021 = SegmentRule(tail="drop")

RULES = {
    "chen2018": PAPER,
    "chen2018-original": ORIGINAL,
    "han2014": HAN2014,
    "lim2016": LIM2016,
    "lim2016-series": LIM2016_SERIES,
    "zhang2021": ZHANG2021,
}

POOLINGS = ("max", "mean", "max-logits", "majority")


def to_dict(rule: SegmentRule) -> dict:
    """Returns the fields of a rule, JSON-ready."""
    return asdict(rule)


def from_dict(fields: Mapping) -> SegmentRule:
    """Makes a rule from the fields that `to_dict` returned.

    Raises:
        ValueError: a field is unknown, because another version of this package wrote it, or of another type.
    """
    try:
        return SegmentRule(**check_fields(SegmentRule, fields))
    except TypeError as error:
        raise ValueError(f"segment rule: {error}; prepare the records with this version") from error


def pool_logits(logits: np.ndarray, utterances: np.ndarray, num_utterances: int, pooling: str = "max") -> np.ndarray:
    """Posteriors of utterances, from the logits of their segments.

    Args:
        logits: float [segments, classes], or [segments, networks, classes] for an ensemble.
        utterances: int [segments], index of the utterance that each segment belongs to, from 0 to num_utterances - 1.
        num_utterances: number of utterances, each with at least one segment.
        pooling: element-wise "max" (Chen et al. 2018, Section III-A) or "mean" of the posteriors of the segments;
            "max-logits", the maximum before the softmax (the authors' code); or "majority", the votes of the segments
            (Lim et al. 2016, Section IV-B), where the mean, which is smaller than a vote, decides between equal numbers.

    Returns:
        float64 [num_utterances, classes], scaled to sum to one, which does not change the argmax; the mean over the networks of an
        ensemble.

    Raises:
        FieldError: the pooling is unknown.
        ValueError: an utterance has no segment.
    """
    if logits.ndim == 3:
        members = [pool_logits(member, utterances, num_utterances, pooling) for member in np.moveaxis(logits, 1, 0)]
        return np.mean(members, axis=0)
    counts = np.bincount(utterances, minlength=num_utterances)
    if (counts == 0).any():
        raise ValueError(f"utterance {int(np.argmin(counts))} has no segment; every utterance needs one")
    if pooling not in POOLINGS:
        raise FieldError("pooling", pooling, f"choose from {', '.join(POOLINGS)}")
    if pooling == "max-logits":
        largest = np.full((num_utterances, logits.shape[1]), -np.inf)
        np.maximum.at(largest, utterances, logits)
        return _softmax(largest)
    posteriors = _softmax(logits)
    combine = np.maximum if pooling == "max" else np.add
    pooled = np.zeros((num_utterances, logits.shape[1]))
    combine.at(pooled, utterances, posteriors)
    if pooling == "majority":
        pooled /= counts[:, None]
        np.add.at(pooled, (utterances, posteriors.argmax(axis=1)), 1)
    return pooled / pooled.sum(axis=1, keepdims=True)


def pool_in_graph(logits, valid, pooling: str):
    """The twin of `pool_logits`, as TensorFlow operations.

    Args:
        logits: float tensor [batch, segments, classes], or [batch, segments, networks, classes] for an ensemble.
        valid: bool tensor [batch, segments], True where an utterance has the segment; at least one per utterance.
        pooling: one of POOLINGS.

    Returns:
        float tensor [batch, classes], summing to one.
    """
    import tensorflow as tf

    if len(logits.shape) == 4:
        members = [pool_in_graph(member, valid, pooling) for member in tf.unstack(logits, axis=2)]
        return tf.add_n(members) / len(members)
    real = valid[..., None]
    if pooling == "max-logits":
        return tf.nn.softmax(tf.reduce_max(tf.where(real, logits, logits.dtype.min), axis=1))
    posteriors = tf.where(real, tf.nn.softmax(logits), 0.0)
    pooled = tf.reduce_max(posteriors, axis=1) if pooling == "max" else tf.reduce_sum(posteriors, axis=1)
    if pooling == "majority":
        votes = tf.one_hot(tf.argmax(posteriors, axis=-1), posteriors.shape[-1], dtype=posteriors.dtype)
        count = tf.reduce_sum(tf.cast(real, posteriors.dtype), axis=1)
        pooled = pooled / count + tf.reduce_sum(tf.where(real, votes, 0.0), axis=1)
    return pooled / tf.reduce_sum(pooled, axis=-1, keepdims=True)


def attention_by_frame(
    weights: Sequence[np.ndarray], starts: Sequence[int], num_frames: Sequence[int], frames_per_step: int = 1
) -> np.ndarray:
    """Attention weights of the frames of an utterance, from those of its segments.

    The weights of a segment are divided by their mean over its real frames, so that 1 is an even share, however short the
    segment is. Where segments overlap, the later one counts, as in `lay_out`.

    Args:
        weights: for each segment float [steps]; a step is one frame, or several frames that the network pooled.
        starts: int [segments], first frame of each segment.
        num_frames: int [segments], number of real frames in each segment; at most steps * frames_per_step.
        frames_per_step: number of frames in a step; the last step of a segment may have fewer.

    Returns:
        float [frames of the utterance], 1 for an even share; NaN where there is no segment.
    """
    parts = [np.repeat(segment, frames_per_step)[:count] for segment, count in zip(weights, num_frames, strict=True)]
    return lay_out([part / part.mean() for part in parts], starts)


def lay_out(parts: Sequence[np.ndarray], starts: Sequence[int]) -> np.ndarray:
    """Values of the frames of an utterance, from those of its segments; a later segment covers an earlier one.

    Args:
        parts: for each segment float [real frames, …].
        starts: int [segments], first frame of each segment.

    Returns:
        float64 [frames, …] up to the end of the last segment; NaN where there is no segment.
    """
    end = max(start + len(part) for start, part in zip(starts, parts, strict=True))
    frames = np.full((end, *parts[0].shape[1:]), np.nan)
    for start, part in zip(starts, parts, strict=True):
        frames[start : start + len(part)] = part
    return frames


def attention_by_frame_in_graph(weights, num_frames, frames: int):
    """The twin of `attention_by_frame` for single segments, as TensorFlow operations.

    Args:
        weights: float tensor [segments, steps].
        num_frames: int32 tensor [segments], number of real frames in each segment.
        frames: number of frames in a segment, padding included; a step has frames / steps of these, rounded up.

    Returns:
        float tensor [segments, frames], zero where padded and summing to one over the real frames of a segment; times
        num_frames, 1 is an even share.
    """
    import tensorflow as tf

    frames_per_step = -(-frames // weights.shape[1])
    repeated = tf.repeat(weights, frames_per_step, axis=1)[:, :frames]
    real = tf.where(tf.sequence_mask(num_frames, frames), repeated, 0.0)
    return real / tf.reduce_sum(real, axis=1, keepdims=True)


def _softmax(logits: np.ndarray) -> np.ndarray:
    scores = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)
