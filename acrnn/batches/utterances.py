"""Whole utterances for a network: put together from their segments, in batches of similar lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from acrnn.batches.sources import Batch, Source

FRAMES_AT_ONCE = 65536  # of a batch that is not trained on, its padding included: bounds the memory


class Utterances(NamedTuple):
    """Real frames of each utterance [frames, bands, channels], labels and rows int32 [utterances], in the table's order."""

    features: list[np.ndarray]
    labels: np.ndarray
    rows: np.ndarray


def whole_utterances(source: Source) -> Utterances:
    """Utterances of a source, put together again from segments that hold every frame once."""
    features, labels, rows, parts = [], [], [], []
    for batch in source.ordered(256):
        real = zip(batch.inputs["features"], batch.inputs["num_frames"], strict=True)
        for (segment, count), label, row in zip(real, batch.labels, batch.utterances, strict=True):
            if not rows or row != rows[-1]:
                _put_together(features, parts)
                labels.append(label)
                rows.append(row)
            parts.append(segment[:count])
    _put_together(features, parts)
    order = np.argsort(rows, kind="stable")
    return Utterances([features[index] for index in order], *(np.array(x, np.int32)[order] for x in (labels, rows)))


def _put_together(features: list[np.ndarray], parts: list[np.ndarray]) -> None:
    """Moves parts of an utterance, if there are any, to the features; copied, so that their batches can be forgotten."""
    if parts:
        features.append(np.concatenate(parts))
        parts.clear()


def rounded_up(length: int) -> int:
    """A length to pad to: an eighth to a quarter of an octave apart, since some backends compile for every shape."""
    step = max(16, 1 << (length.bit_length() - 3))
    return (length + step - 1) // step * step


def padded(features: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Utterances [frames, bands, channels] as a batch: "features" float32, zeros after the ends, and "num_frames"."""
    counts = np.array([len(one) for one in features], np.int32)
    batch = np.zeros((len(features), rounded_up(int(counts.max())), *features[0].shape[1:]), np.float32)
    for row, one in zip(batch, features, strict=True):
        row[: len(one)] = one
    return {"features": batch, "num_frames": counts}


def by_length(lengths: Sequence[int], most: int, frames_at_once: int = FRAMES_AT_ONCE) -> Iterator[np.ndarray]:
    """Positions of utterances of similar lengths, the longest first, no more than so many nor frames at once."""
    order = np.argsort(-np.asarray(lengths), kind="stable")
    while len(order):
        size = max(1, min(most, frames_at_once // rounded_up(int(lengths[order[0]]))))
        yield order[:size]
        order = order[size:]


class UtteranceSource:
    """Whole utterances of a source with their auxiliary_inputs, as batches of what a network takes.

    Args:
        source: of segments that hold every frame once.
        feed: makes a network's inputs of "features", "num_frames" and companions; see `inputs.fed`.
    """

    def __init__(self, source: Source, feed: Callable[[Mapping], dict[str, np.ndarray]]):
        self.features, self.labels, self.rows = whole_utterances(source)
        self.auxiliary_inputs, self.feed = source.auxiliary_inputs, feed
        self.lengths = np.array([len(one) for one in self.features])

    def __len__(self) -> int:
        return len(self.labels)

    def shuffled(self, batch_size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """One epoch in random order, in full batches; who shares one is of similar length, give or take a quarter."""
        index = generator.permutation(len(self))
        index = np.concatenate([index, generator.choice(len(self), -len(index) % batch_size)])
        index = index[np.argsort(self.lengths[index] * generator.uniform(0.8, 1.25, len(index)))]
        for part in generator.permutation(index.reshape(-1, batch_size)):
            yield self._batch(part)

    def ordered(self, batch_size: int) -> Iterator[Batch]:
        """Every utterance once, the longest first."""
        for index in by_length(self.lengths, batch_size):
            yield self._batch(index)

    def known(self, index: np.ndarray) -> dict[str, np.ndarray]:
        """What is known of some utterances, by position: "features", "num_frames" and auxiliary_inputs."""
        return {**padded([self.features[place] for place in index]), **self.auxiliary_inputs.of(self.rows[index])}

    def _batch(self, index: np.ndarray) -> Batch:
        return Batch(self.feed(self.known(index)), self.labels[index], self.rows[index])
