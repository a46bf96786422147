"""Utterance frames ↔ fixed-length segments: how an utterance is cut and padded, and how its posteriors come back together.

What padding is. Chen et al. (2018) zero-pad utterances shorter than 3 s. A zero is not silence in a log-Mel spectrogram
of a unit-variance waveform: on Emo-DB it is louder than 87 % of all values, whose mean is -4.6 and standard deviation
4.0 (`python -m data_prep inspect --values` tells), so a raw zero reads as a loud, flat noise; padding the waveform
instead gives the logarithm of nothing, many deviations below everything real. The default rule is therefore "mean":
padded frames become zero *after* normalization, the training mean, which pulls a network nowhere. "zero" keeps the
literal reading for comparison. Whatever the rule, a segment knows how many of its frames are real, padding never enters
the statistics, and models get the count as an input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class SegmentRule:
    """How utterances become segments.

    Attributes:
        frames: length of a segment; 300 frames of 10 ms are the 3 s of Chen et al. (2018), Section III-A.
        hop_frames: distance between the starts of segments.
        tail: what becomes of the frames after the last full segment: "align-end" gives the last `frames` frames of the
            utterance as one more segment, so that all segments of a long utterance are of equal length and only an
            utterance shorter than a segment is padded (Section III-A says both; the authors' code does it too); "pad"
            gives the rest a segment of its own, filled up, however few frames it has; "drop" leaves out all that follows
            the first segment ("if the segment is larger than 3 s, we cut off the redundant part", Zhang et al. 2021).
        padding: what a padded frame is for a model: "mean" (zero after normalization) or "zero" (zero before it).
        max_segments: keep the first max_segments - 1 and the last one; None keeps all.
    """

    frames: int = 300
    hop_frames: int = 300
    tail: Literal["pad", "align-end", "drop"] = "align-end"
    padding: Literal["mean", "zero"] = "mean"
    max_segments: int | None = None

    @property
    def holds_every_frame_once(self) -> bool:
        """Whether an utterance is its segments' real frames, one after the other."""
        return self.hop_frames == self.frames and self.tail == "pad" and self.max_segments is None

    def starts(self, num_frames: int) -> list[int]:
        """First frames of the segments of an utterance of num_frames frames; never empty."""
        if num_frames <= self.frames or self.tail == "drop":
            return [0]
        starts = list(range(0, num_frames - self.frames + 1, self.hop_frames))
        covered = starts[-1] + self.frames
        if covered < num_frames:
            starts.append(num_frames - self.frames if self.tail == "align-end" else starts[-1] + self.hop_frames)
        if self.max_segments and len(starts) > self.max_segments:
            starts = starts[: self.max_segments - 1] + starts[-1:]
        return starts

    def starts_in_graph(self, num_frames):
        """The same for a batch as TensorFlow operations.

        Args:
            num_frames: int32 tensor [batch], each at least 1.

        Returns:
            starts: int32 [batch, segments], as many as the longest utterance has.
            valid: bool [batch, segments], True where an utterance has such a segment.
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
        """Segments of one utterance.

        Args:
            features: float [num_frames, …].

        Returns:
            segments: float32 [segments, frames, …], zeros where padded.
            num_frames: int32 [segments], the real frames of each.
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
# At most two segments an utterance, its first and its last 3 s, raw zeros as padding.
ORIGINAL = SegmentRule(padding="zero", max_segments=2)

# Every frame once, in order, so that the utterance can be put together again.
HAN2014 = SegmentRule(tail="pad")

# Images of 128 frames, 1.03 s. The paper leaves their distance open; the closer they are, the better the convolutions
# generalize over shifts (see the notes on emodb_lim2016 among the results).
LIM2016 = SegmentRule(frames=128, hop_frames=16)
# Four such images, 8 frames from one to the next.
LIM2016_SERIES = SegmentRule(frames=128 + 3 * 8, hop_frames=16)

# The first 3 s of an utterance, one segment each (Section 3.2).
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
    """The rule as JSON-ready fields."""
    return asdict(rule)


def from_dict(fields: Mapping) -> SegmentRule:
    """The rule that `to_dict` wrote.

    Raises:
        ValueError: a field is unknown: written by another version of this package.
    """
    try:
        return SegmentRule(**fields)
    except TypeError as error:
        raise ValueError(f"segment rule: {error}; prepare the records with this version") from error


def pool_logits(logits: np.ndarray, utterances: np.ndarray, num_utterances: int, pooling: str = "max") -> np.ndarray:
    """Utterance posteriors from the logits of its segments.

    Args:
        logits: float [segments, classes].
        utterances: int [segments], the utterance each segment belongs to, in 0 … num_utterances - 1.
        num_utterances: number of utterances, each with at least one segment.
        pooling: element-wise "max" (Chen et al. 2018, Section III-A) or "mean" of the segments' posteriors;
            "max-logits", the maximum before the softmax (the authors' code); or "majority", the votes of the segments
            (Lim et al. 2016, Section IV-B), where the mean, which is less than a vote, decides between equals.

    Returns:
        float64 [num_utterances, classes], scaled to sum to one; the scaling leaves the argmax alone.

    Raises:
        ValueError: an utterance has no segment, or the pooling is unknown.
    """
    counts = np.bincount(utterances, minlength=num_utterances)
    if (counts == 0).any():
        raise ValueError(f"utterance {int(np.argmin(counts))} has no segment; every utterance needs one")
    if pooling not in POOLINGS:
        raise ValueError(f"pooling {pooling!r} is unknown; choose from {', '.join(POOLINGS)}")
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
    """The twin of `pool_logits` as TensorFlow operations.

    Args:
        logits: float tensor [batch, segments, classes].
        valid: bool tensor [batch, segments], True where an utterance has such a segment; in one at least.

    Returns:
        [batch, classes], summing to one.
    """
    import tensorflow as tf

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

    The weights of a segment are divided by their mean over its real frames, so that 1 is an even share of the segment,
    however short it is. Segments that overlap are laid as in `lay_out`.

    Args:
        weights: for each segment float [steps], a step being what the network attends to: one frame, or several frames
            that its pooling joined.
        starts: int [segments], first frame of each segment.
        num_frames: int [segments], real frames of each segment; at most steps * frames_per_step.
        frames_per_step: number of frames in a step; the last step of a segment may have fewer.

    Returns:
        float [frames of the utterance], 1 for an even share; NaN where there is no segment.
    """
    parts = [np.repeat(segment, frames_per_step)[:count] for segment, count in zip(weights, num_frames, strict=True)]
    return lay_out([part / part.mean() for part in parts], starts)


def lay_out(parts: Sequence[np.ndarray], starts: Sequence[int]) -> np.ndarray:
    """The frames of an utterance, from those of its segments: a later segment covers an earlier one.

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
    """The twin of `attention_by_frame` for segments, each alone, as TensorFlow operations.

    Args:
        weights: float tensor [segments, steps].
        num_frames: int32 tensor [segments], real frames of each segment.
        frames: length of a segment, padding included; a step has frames / steps of them, rounded up.

    Returns:
        [segments, frames], summing to one over the real frames of a segment and zero beyond: times num_frames, 1 is an
        even share.
    """
    import tensorflow as tf

    frames_per_step = -(-frames // weights.shape[1])
    repeated = tf.repeat(weights, frames_per_step, axis=1)[:, :frames]
    real = tf.where(tf.sequence_mask(num_frames, frames), repeated, 0.0)
    return real / tf.reduce_sum(real, axis=1, keepdims=True)


def _softmax(logits: np.ndarray) -> np.ndarray:
    scores = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)
