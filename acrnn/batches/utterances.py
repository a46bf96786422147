"""Batches of whole utterances for a network: joined from their segments, grouped by similar length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from acrnn.batches.sources import Batch, Source

MAX_FRAMES = 65536  # in a batch for inference, with its padding: limits the memory


class Utterances(NamedTuple):
    """Whole utterances in the order of the table of utterances.

    Attributes:
        features: one float32 [frames, bands, channels] per utterance, real frames only.
        labels: int32 [utterances].
        rows: int32 [utterances], rows in the table of utterances.
    """

    features: list[np.ndarray]
    labels: np.ndarray
    rows: np.ndarray


def whole_utterances(source: Source) -> Utterances:
    """Joins the segments of a source, which must not overlap, into utterances."""
    features, labels, rows, parts = [], [], [], []
    for batch in source.ordered(256):
        segments = zip(batch.inputs["features"], batch.inputs["num_frames"], strict=True)
        for (segment, count), label, row in zip(segments, batch.labels, batch.utterances, strict=True):
            if not rows or row != rows[-1]:
                _join(parts, features)
                labels.append(label)
                rows.append(row)
            parts.append(segment[:count])
    _join(parts, features)
    order = np.argsort(rows, kind="stable")
    return Utterances([features[index] for index in order], *(np.array(x, np.int32)[order] for x in (labels, rows)))


def _join(parts: list[np.ndarray], features: list[np.ndarray]) -> None:
    """Appends the parts of an utterance, if any, to the features as one copy, so that their batches can be freed."""
    if parts:
        features.append(np.concatenate(parts))
        parts.clear()


def rounded_up(length: int) -> int:
    """Rounds a number of frames up to a length to pad to.

    Such lengths are multiples of 16 frames, from 128 frames on an eighth to a quarter of the length apart. They are few,
    because some backends compile a network for every shape.
    """
    step = max(16, 1 << (length.bit_length() - 3))
    return (length + step - 1) // step * step


def padded(features: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Stacks utterances of different lengths into a batch.

    Args:
        features: one [frames, bands, channels] per utterance.

    Returns:
        "features" float32 [utterances, frames, bands, channels], zero after the end of an utterance, and "num_frames"
        int32 [utterances].
    """
    counts = np.array([len(utterance) for utterance in features], np.int32)
    batch = np.zeros((len(features), rounded_up(int(counts.max())), *features[0].shape[1:]), np.float32)
    for row, utterance in zip(batch, features, strict=True):
        row[: len(utterance)] = utterance
    return {"features": batch, "num_frames": counts}


def by_length(lengths: Sequence[int], batch_size: int, max_frames: int = MAX_FRAMES) -> Iterator[np.ndarray]:
    """Groups utterances of similar length into batches, the longest first.

    Args:
        lengths: number of frames of each utterance.
        batch_size: maximum number of utterances in a batch.
        max_frames: maximum number of frames in a batch, with padding; a longer utterance is a batch of its own.

    Yields:
        int64 [batch], indices into `lengths`.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    while len(order):
        size = max(1, min(batch_size, max_frames // rounded_up(int(lengths[order[0]]))))
        yield order[:size]
        order = order[size:]


class UtteranceSource:
    """Batches of whole utterances with their auxiliary inputs, as inputs of a network.

    Args:
        source: source of segments that do not overlap.
        network_inputs: function that makes the inputs of a network from "features", "num_frames" and auxiliary inputs;
            see `network_inputs.network_inputs`.
    """

    def __init__(self, source: Source, network_inputs: Callable[[Mapping], dict[str, np.ndarray]]):
        self.features, self.labels, self.rows = whole_utterances(source)
        self.auxiliary_inputs, self.network_inputs = source.auxiliary_inputs, network_inputs
        self.lengths = np.array([len(utterance) for utterance in self.features])

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def used_labels(self) -> np.ndarray:
        """Labels int32 [utterances]."""
        return self.labels

    def shuffled(self, batch_size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """Yields the utterances in random order, in full batches: one epoch of training.

        Utterances of a batch have similar lengths: they are sorted by length times a random factor from 0.8 to 1.25.
        """
        index = generator.permutation(len(self))
        index = np.concatenate([index, generator.choice(len(self), -len(index) % batch_size)])
        index = index[np.argsort(self.lengths[index] * generator.uniform(0.8, 1.25, len(index)))]
        for part in generator.permutation(index.reshape(-1, batch_size)):
            yield self._batch(part)

    def ordered(self, batch_size: int) -> Iterator[Batch]:
        """Yields every utterance once, the longest first."""
        for index in by_length(self.lengths, batch_size):
            yield self._batch(index)

    def _batch(self, index: np.ndarray) -> Batch:
        values = padded([self.features[position] for position in index])
        values.update(self.auxiliary_inputs.of(self.rows[index]))
        return Batch(self.network_inputs(values), self.labels[index], self.rows[index])
