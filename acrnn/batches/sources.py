"""Batches of segments for a network, from memory if the record set fits there, else streamed from its TFRecords.

Every training batch is full: the last one of an epoch is filled with segments drawn again at random, so that a network is
compiled for one shape and batch normalization never computes statistics of a few segments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from copy import copy
from functools import cached_property
from typing import NamedTuple

import numpy as np

from acrnn.batches import draw
from acrnn.batches.frame_statistics import utterance_moments
from acrnn.batches.speaker_statistics import CORPUS, Choice, SpeakerNormalizer, SpeakerStatistics
from acrnn.records.auxiliary_inputs import AuxiliaryInputs
from acrnn.records.record_set import RecordSet, Segments

MEMORY_BYTES = 4 * 2**30  # largest record set that is loaded into memory


class Batch(NamedTuple):
    """A batch of segments or of whole utterances.

    Attributes:
        inputs: inputs of the network by name, each [batch, …]; see `network_inputs.network_inputs`.
        labels: int32 [batch].
        utterances: int32 [batch], rows in the table of utterances.
        new_shares: float32 [batch], see `SegmentRule.new_shares`; None where they are not known.
    """

    inputs: dict[str, np.ndarray]
    labels: np.ndarray
    utterances: np.ndarray
    new_shares: np.ndarray | None = None


class MemorySource:
    """Segments of chosen utterances, from all segments of a record set in memory.

    Args:
        data: all segments of the record set; shared between sources, never copied.
        rows: rows of the chosen utterances in the table of utterances.
        auxiliary_inputs: auxiliary inputs of all utterances in the table.
        normalizer: normalization by the statistics of speakers; None leaves the features as they are in the records.
        new_shares: float32 [segments of data], see `Batch`.
    """

    def __init__(
        self,
        data: Segments,
        rows: Sequence[int],
        auxiliary_inputs: AuxiliaryInputs = AuxiliaryInputs(),
        normalizer: SpeakerNormalizer | None = None,
        new_shares: np.ndarray | None = None,
    ):
        self.data, self.auxiliary_inputs, self.normalizer = data, auxiliary_inputs, normalizer
        self.new_shares = new_shares
        self.index = np.flatnonzero(np.isin(data.utterances, rows))

    def __len__(self) -> int:
        return len(self.index)

    @property
    def used_rows(self) -> list[int]:
        """Rows of its utterances in the table, ascending."""
        return np.unique(self.data.utterances[self.index]).tolist()

    @property
    def used_labels(self) -> np.ndarray:
        """Labels int32 [segments], in the order of `ordered`."""
        return self.data.labels[self.index]

    def shuffled(self, batch_size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """Yields the segments in random order, in full batches: one epoch of training."""
        order = generator.permutation(self.index)
        missing = -len(order) % batch_size
        order = np.concatenate([order, generator.choice(self.index, missing)])
        for start in range(0, len(order), batch_size):
            yield self._batch(order[start : start + batch_size])

    def ordered(self, batch_size: int) -> Iterator[Batch]:
        """Yields every segment once, in the order of the table."""
        for start in range(0, len(self.index), batch_size):
            yield self._batch(self.index[start : start + batch_size])

    def oversampled(self, generator: np.random.Generator) -> MemorySource:
        """Returns a source in which all classes have as many utterances as the largest; see `acrnn.batches.draw.repetitions`."""
        rows, first = np.unique(self.data.utterances[self.index], return_index=True)
        repetitions = dict(zip(rows, draw.repetitions(self.data.labels[self.index][first], generator), strict=True))
        source = copy(self)
        source.index = np.repeat(self.index, [repetitions[row] for row in self.data.utterances[self.index]])
        return source

    def balanced(self, count: int, generator: np.random.Generator) -> MemorySource:
        """Returns a source with `count` segments of each class; see `acrnn.batches.draw.balanced`."""
        source = copy(self)
        source.index = self.index[draw.balanced(self.used_labels, count, generator)]
        return source

    def _batch(self, index: np.ndarray) -> Batch:
        part = self.data[index]
        shares = None if self.new_shares is None else self.new_shares[index]
        return _batch(part.features, part.num_frames, part.labels, part.utterances, self.normalizer, shares)


class StreamedSource:
    """Segments of chosen utterances, read from the TFRecords batch by batch.

    Args:
        records: the record set.
        rows: rows of the chosen utterances in the table of utterances.
        normalizer: see `MemorySource`.
    """

    def __init__(self, records: RecordSet, rows: Sequence[int], normalizer: SpeakerNormalizer | None = None):
        self.records, self.rows, self.auxiliary_inputs = records, list(rows), records.auxiliary_inputs
        self.normalizer = normalizer
        self.repetitions = np.ones(len(records.utterances), np.int64)

    def __len__(self) -> int:
        return int(sum(self.repetitions[row] * self.records.utterances[row].num_segments for row in self.rows))

    @property
    def used_rows(self) -> list[int]:
        """Rows of its utterances in the table, ascending."""
        return sorted(self.rows)

    @property
    def used_labels(self) -> np.ndarray:
        """Labels int32 [segments], in the order of `ordered`; from the table, so that no record is read."""
        rows = [self.records.utterances[row] for row in self.used_rows]
        counts = np.array([row.num_segments for row in rows]) * self.repetitions[self.used_rows]
        return np.repeat(np.array([row.label for row in rows], np.int32), counts)

    def shuffled(self, batch_size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """Yields the segments in random order, in full batches: one epoch of training."""
        dataset = self.records.dataset(self.rows, shuffle_seed=int(generator.integers(2**31)), times=self.repetitions)
        return self._batches(dataset.repeat().batch(batch_size).take(-(-len(self) // batch_size)))

    def ordered(self, batch_size: int) -> Iterator[Batch]:
        """Yields every segment once, in the order of the table."""
        return self._batches(self.records.dataset(self.rows, times=self.repetitions).batch(batch_size))

    def oversampled(self, generator: np.random.Generator) -> StreamedSource:
        """Returns a source in which all classes have as many utterances as the largest; see `acrnn.batches.draw.repetitions`."""
        rows = sorted(self.rows)
        labels = np.array([self.records.utterances[row].label for row in rows])
        source = copy(self)
        source.repetitions = self.repetitions.copy()
        source.repetitions[rows] = draw.repetitions(labels, generator)
        return source

    def balanced(self, count: int, generator: np.random.Generator) -> MemorySource:
        """Returns a source with `count` segments of each class, in memory; see `acrnn.batches.draw.balanced`."""
        drawn = draw.balanced(self.used_labels, count, generator)
        wanted, position = np.unique(drawn, return_inverse=True)
        unnormalized = copy(self)
        unnormalized.normalizer = None
        data, shares = _segments_at(unnormalized, wanted)
        source = MemorySource(data, self.rows, self.auxiliary_inputs, self.normalizer, shares)
        source.index = position
        return source

    def _batches(self, dataset) -> Iterator[Batch]:
        rule, rows = self.records.manifest.rule, self.records.utterances
        for example in dataset.prefetch(4).as_numpy_iterator():
            values = (example[name] for name in ("features", "num_frames", "label", "utterance"))
            places = zip(example["utterance"], example["segment"], strict=True)
            shares = np.array([rule.new_shares(rows[row].num_frames)[segment] for row, segment in places])
            yield _batch(*values, self.normalizer, shares)


Source = MemorySource | StreamedSource


def _segments_at(source: StreamedSource, positions: np.ndarray) -> tuple[Segments, np.ndarray]:
    """Reads the segments at these positions of a source, ascending, and their shares of new frames into memory."""
    parts, first = [], 0
    for batch in source.ordered(256):
        inside = positions[(positions >= first) & (positions < first + len(batch.labels))] - first
        values = (
            batch.inputs["features"],
            batch.inputs["num_frames"],
            batch.labels,
            batch.utterances,
            batch.new_shares,
        )
        parts.append([value[inside] for value in values])
        first += len(batch.labels)
    *values, shares = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Segments(*values), shares


def _batch(features, num_frames, labels, utterances, normalizer: SpeakerNormalizer | None, new_shares) -> Batch:
    """A batch of arrays [segments, …], normalized by speaker if there is a normalizer."""
    if normalizer is not None:
        features = normalizer(features, num_frames, utterances)
    inputs = {"features": np.asarray(features, np.float32), "num_frames": np.asarray(num_frames, np.int32)}
    return Batch(inputs, labels, utterances, new_shares)


def in_memory(source: Source) -> Segments:
    """Returns the segments of a source, normalized by speaker if the source does so.

    Features are float32, or in the precision of the records where they are in memory already.
    """
    if isinstance(source, MemorySource) and source.normalizer is None:
        return source.data[source.index]
    batches = list(source.ordered(256))
    features, num_frames = (
        np.concatenate([batch.inputs[name] for batch in batches]) for name in ("features", "num_frames")
    )
    labels = np.concatenate([batch.labels for batch in batches])
    utterances = np.concatenate([batch.utterances for batch in batches])
    return Segments(features, num_frames, labels, utterances)


class Feeder:
    """Makes the sources of the parts of one record set: in memory if the set is small enough or packed, else streamed.

    Args:
        records: the record set.
        memory_bytes: largest record set to load into memory, in bytes.
        ids: utterances that the sources may contain, None for all; shards without any of them are not opened.
        speaker_statistics: recordings whose mean and deviation normalize the features of an utterance.
    """

    def __init__(
        self,
        records: RecordSet,
        memory_bytes: int = MEMORY_BYTES,
        ids: Collection[str] | None = None,
        speaker_statistics: Choice = Choice(),
    ):
        self.records = records
        allowed = None if ids is None else set(ids)
        self.rows = {
            row.id: number for number, row in enumerate(records.utterances) if allowed is None or row.id in allowed
        }
        is_loaded = records.manifest.is_packed or records.size_bytes <= memory_bytes
        self.data = records.load(self.rows.values()) if is_loaded else None
        records.verify(self.rows.values())  # finds a damaged shard now, not in an epoch

        self.statistics = None if speaker_statistics.kind == CORPUS else self._speaker_statistics(speaker_statistics)
        self.normalizer = None if self.statistics is None else self.statistics.everywhere()

    def _speaker_statistics(self, choice: Choice) -> SpeakerStatistics:
        """Statistics of the speakers, from all utterances that the sources may contain."""
        batches = self.source(list(self.rows), None).ordered(256)
        segments = (
            segment
            for batch in batches
            for segment in zip(batch.utterances, batch.inputs["features"], batch.inputs["num_frames"], strict=True)
        )
        return SpeakerStatistics(choice, self.records, utterance_moments(self.records, segments))

    def source(self, ids: Sequence[str], *normalizer: SpeakerNormalizer | None) -> Source:
        """Returns a source of the segments of the utterances with these ids.

        Args:
            ids: ids of the utterances.
            normalizer: another normalization by speaker than that of training and validation; None for none.
        """
        rows = [self.rows[utterance] for utterance in ids]
        chosen = normalizer[0] if normalizer else self.normalizer
        if self.data is None:
            return StreamedSource(self.records, rows, chosen)
        return MemorySource(self.data, rows, self.records.auxiliary_inputs, chosen, self.new_shares)

    @cached_property
    def new_shares(self) -> np.ndarray:
        """Shares of new frames float32 [segments in memory], see `SegmentRule.new_shares`."""
        rule, rows = self.records.manifest.rule, self.records.utterances
        return np.concatenate([rule.new_shares(rows[row].num_frames) for row in sorted(self.rows.values())])

    def test_normalizer(self, train: Sequence[str], test: Sequence[str]) -> tuple[SpeakerNormalizer | None, list[str]]:
        """Returns the normalizer of a test part and the ids to score, see `SpeakerStatistics.of_test`."""
        return (None, list(test)) if self.statistics is None else self.statistics.of_test(train, test)
