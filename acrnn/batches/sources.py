"""Batches of segments for a network: from memory when the corpus fits, streamed from its TFRecords when it does not.

Every training batch is full: an epoch's last one is topped up with segments drawn anew, so that a network is compiled
for one shape and batch normalization never sees a handful of segments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from copy import copy
from typing import NamedTuple

import numpy as np

from acrnn.records import RecordSet, Segments
from acrnn.records.auxiliary_inputs import AuxiliaryInputs

MEMORY_BYTES = 4 * 2**30


class Batch(NamedTuple):
    """Inputs of a network by name, labels int32 [batch], utterance rows int32 [batch]."""

    inputs: dict[str, np.ndarray]
    labels: np.ndarray
    utterances: np.ndarray


class MemorySource:
    """The segments of some utterances, held in memory together with everyone else's.

    Args:
        data: all segments of the corpus; shared, never copied.
        rows: the utterances wanted.
        auxiliary_inputs: of all utterances.
    """

    def __init__(self, data: Segments, rows: Sequence[int], auxiliary_inputs: AuxiliaryInputs = AuxiliaryInputs()):
        self.data, self.auxiliary_inputs = data, auxiliary_inputs
        self.index = np.flatnonzero(np.isin(data.utterances, rows))

    def __len__(self) -> int:
        return len(self.index)

    def shuffled(self, batch_size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """One epoch in random order, in full batches."""
        order = generator.permutation(self.index)
        missing = -len(order) % batch_size
        order = np.concatenate([order, generator.choice(self.index, missing)])
        for start in range(0, len(order), batch_size):
            yield self._batch(order[start : start + batch_size])

    def ordered(self, batch_size: int) -> Iterator[Batch]:
        """Every segment once, in the order of the table."""
        for start in range(0, len(self.index), batch_size):
            yield self._batch(self.index[start : start + batch_size])

    def oversampled(self, generator: np.random.Generator) -> MemorySource:
        """The same with every class filled up to the largest: utterances of it again, drawn at random, with all segments."""
        rows, first = np.unique(self.data.utterances[self.index], return_index=True)
        times = dict(zip(rows, _times(self.data.labels[self.index][first], generator), strict=True))
        filled = copy(self)
        filled.index = np.repeat(self.index, [times[row] for row in self.data.utterances[self.index]])
        return filled

    def _batch(self, index: np.ndarray) -> Batch:
        part = self.data[index]
        return Batch(_inputs(part.features, part.num_frames), part.labels, part.utterances)


class StreamedSource:
    """The segments of some utterances, read from the records as they are needed.

    Args:
        records: the record set.
        rows: the utterances wanted.
    """

    def __init__(self, records: RecordSet, rows: Sequence[int]):
        self.records, self.rows, self.auxiliary_inputs = records, list(rows), records.auxiliary_inputs
        self.times = np.ones(len(records.utterances), np.int64)

    def __len__(self) -> int:
        return int(sum(self.times[row] * self.records.utterances[row].num_segments for row in self.rows))

    def shuffled(self, batch_size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """One epoch in random order, in full batches."""
        dataset = self.records.dataset(self.rows, shuffle_seed=int(generator.integers(2**31)), times=self.times)
        return self._batches(dataset.repeat().batch(batch_size).take(-(-len(self) // batch_size)))

    def ordered(self, batch_size: int) -> Iterator[Batch]:
        """Every segment once, in the order of the table."""
        return self._batches(self.records.dataset(self.rows, times=self.times).batch(batch_size))

    def oversampled(self, generator: np.random.Generator) -> StreamedSource:
        """The same with every class filled up to the largest: utterances of it again, drawn at random, with all segments."""
        rows = sorted(self.rows)
        filled = copy(self)
        filled.times = self.times.copy()
        filled.times[rows] = _times(np.array([self.records.utterances[row].label for row in rows]), generator)
        return filled

    def _batches(self, dataset) -> Iterator[Batch]:
        for example in dataset.prefetch(4).as_numpy_iterator():
            yield Batch(_inputs(example["features"], example["num_frames"]), example["label"], example["utterance"])


Source = MemorySource | StreamedSource


def _times(labels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """How often to take each utterance [utterances], once at least, so that every class has as many as the largest."""
    times = np.ones(len(labels), np.int64)
    largest = np.bincount(labels).max()
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        np.add.at(times, generator.choice(of_class, largest - len(of_class)), 1)
    return times


def _inputs(features: np.ndarray, num_frames: np.ndarray) -> dict[str, np.ndarray]:
    return {"features": np.asarray(features, np.float32), "num_frames": np.asarray(num_frames, np.int32)}


class Feeder:
    """Sources over one record set, of the kind that its size asks for.

    Args:
        records: the record set.
        memory_bytes: load the whole set when it is no larger, else stream it.
        ids: the utterances that may be asked for; None for all. Shards without any are never opened.
    """

    def __init__(self, records: RecordSet, memory_bytes: int = MEMORY_BYTES, ids: Collection[str] | None = None):
        self.records = records
        wanted = None if ids is None else set(ids)
        self.rows = {
            row.id: number for number, row in enumerate(records.utterances) if wanted is None or row.id in wanted
        }
        self.data = records.load(self.rows.values()) if records.size_bytes <= memory_bytes else None
        records.verify(self.rows.values())  # a stream would meet a damaged shard in the middle of an epoch

    def source(self, ids: Sequence[str]) -> Source:
        """The segments of the utterances with these ids."""
        rows = [self.rows[utterance] for utterance in ids]
        if self.data is None:
            return StreamedSource(self.records, rows)
        return MemorySource(self.data, rows, self.records.auxiliary_inputs)
