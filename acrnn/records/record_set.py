"""A record set on disk: the prepared segments of a corpus, their table and their manifest.

A record set is a folder: one `speaker-….tfrecord` or several per speaker, `utterances.csv` and `manifest.json`, which is
written last, so a folder with a manifest is complete. Features are stored without normalization, with zeros as padding. A packed
record set has `speaker-….npz` instead, which are read without TensorFlow, see `acrnn.records.packed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np

from acrnn import files
from acrnn.console import import_quietly
from acrnn.errors import FileError
from acrnn.reading import foreign_errors
from acrnn.records import auxiliary_inputs
from acrnn.records.auxiliary_inputs import AuxiliaryInputs
from acrnn.records.manifest import MANIFEST, REMEDY, Manifest, Shard
from acrnn.records.packed import read_packed
from acrnn.records.sounds import Sounds, read_sounds
from acrnn.records.tfrecords import segment_parser, serialized_segments
from acrnn.records.utterance_table import UTTERANCES, UtteranceRow, read_utterances


@dataclass(frozen=True)
class Segments:
    """Segments in memory.

    Attributes:
        features: float [segments, frames, bands, channels], not normalized, zero where padded.
        num_frames: int32 [segments], number of real frames in each segment.
        labels: int32 [segments], index of the class.
        utterances: int32 [segments], row of the utterance in utterances.csv.
    """

    features: np.ndarray
    num_frames: np.ndarray
    labels: np.ndarray
    utterances: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index) -> Segments:
        return Segments(*(getattr(self, item.name)[index] for item in fields(self)))


class RecordSet:
    """A prepared corpus on disk.

    Args:
        folder: folder that `acrnn prepare` wrote.

    Raises:
        FileNotFoundError: the manifest or a shard is missing.
        ValueError: the manifest is damaged or of another version, or utterances.csv changed since it was written.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        path = self.folder / MANIFEST
        values = files.read_sealed_json(path, REMEDY)
        with foreign_errors(path, "not a manifest of records", REMEDY):
            self.manifest = Manifest.from_dict(values)
        self._check_presence()

    def _check_presence(self) -> None:
        for shard in self.manifest.shards:
            if not (self.folder / shard.file).is_file():
                raise FileNotFoundError(f"{self.folder / shard.file}: missing; {REMEDY}")
        table = self.folder / UTTERANCES
        if not table.is_file() or files.sha256_of_file(table) != self.manifest.utterances_sha256:
            raise FileError(f"{table}: missing or changed since the records were made; {REMEDY}")

    @cached_property
    def utterances(self) -> tuple[UtteranceRow, ...]:
        """Rows of utterances.csv."""
        path = self.folder / UTTERANCES
        with foreign_errors(path, "not a table of utterances", REMEDY):
            return read_utterances(path)

    @cached_property
    def auxiliary_inputs(self) -> AuxiliaryInputs:
        """Auxiliary inputs of the utterances, in the order of utterances.csv.

        Raises:
            ValueError: a file of the record set is missing or damaged.
        """
        with foreign_errors(self.folder, "its auxiliary inputs cannot be read", REMEDY):
            return auxiliary_inputs.read(self.folder, self.manifest.auxiliary_inputs, self.utterances)

    @cached_property
    def sounds(self) -> Sounds | None:
        """Checksums and fingerprints of the sounds; None for records made before they had any.

        Raises:
            ValueError: the file is missing or damaged.
        """
        with foreign_errors(self.folder, "its sounds cannot be read", REMEDY):
            return read_sounds(self.folder, self.manifest.sounds) if self.manifest.sounds else None

    @property
    def size_bytes(self) -> int:
        """Size of all features in memory, as `load` returns them."""
        return (
            self.manifest.num_segments
            * int(np.prod(self.manifest.segment_shape))
            * np.dtype(self.manifest.dtype).itemsize
        )

    def check(self) -> list[str]:
        """Returns the defects of shards and sounds, one message each: wrong checksums, or else wrong counts; empty if none."""
        return self._wrong_sounds() + self._wrong_checksums(self.manifest.shards) or self._wrong_counts()

    def verify(self, rows: Iterable[int] | None = None) -> None:
        """Compares the checksums of the shards with the manifest; a shard that was read before is not read again.

        Args:
            rows: rows of utterances.csv; only shards with these utterances are read. None reads all.

        Raises:
            ValueError: a shard is damaged.
        """
        if wrong := self._wrong_checksums(self._shards(rows)):
            raise ValueError(wrong[0])

    def _shards(self, rows: Iterable[int] | None) -> list[Shard]:
        """Returns the shards with any of these utterances; None returns all."""
        if rows is None:
            return list(self.manifest.shards)
        wanted = {self._shard_of_row[row] for row in rows}
        return [shard for number, shard in enumerate(self.manifest.shards) if number in wanted]

    @cached_property
    def _shard_of_row(self) -> list[int]:
        """Number of the shard of each row of utterances.csv: the rows of a shard, with all its segments, follow one another."""
        ends = np.cumsum([shard.num_segments for shard in self.manifest.shards])
        starts = np.cumsum([0, *(row.num_segments for row in self.utterances)])[:-1]
        return np.searchsorted(ends, starts, side="right").tolist()

    @cached_property
    def _digests(self) -> dict[Shard, str]:
        """Checksums of the shards that were read so far, filled by `_wrong_checksums`."""
        return {}

    def _wrong_checksums(self, shards: Sequence[Shard]) -> list[str]:
        for shard in shards:
            if shard not in self._digests:
                self._digests[shard] = files.sha256_of_file(self.folder / shard.file)
        return [
            f"{self.folder / shard.file}: damaged, SHA-256 {self._digests[shard]} where the manifest has "
            f"{shard.file_sha256}; {REMEDY}"
            for shard in shards
            if self._digests[shard] != shard.file_sha256
        ]

    def _wrong_sounds(self) -> list[str]:
        try:
            _ = self.sounds
        except ValueError as error:
            return [str(error)]
        return []

    def _wrong_counts(self) -> list[str]:
        counts = np.bincount(self._utterances_of_segments(), minlength=len(self.utterances))
        return [
            f"{self.folder}: {row.id} has {count} segments where {UTTERANCES} has {row.num_segments}; {REMEDY}"
            for row, count in zip(self.utterances, counts, strict=True)
            if count != row.num_segments
        ]

    def _utterances_of_segments(self) -> Sequence[int]:
        """Row of utterances.csv of every stored segment."""
        if self.manifest.is_packed:
            return self.load().utterances.tolist()
        return [int(example["utterance"]) for example in self.dataset().as_numpy_iterator()]

    def rows_of(self, shard: Shard) -> range:
        """Rows of utterances.csv of the utterances in a shard."""
        number = self.manifest.shards.index(shard)
        return range(*np.searchsorted(self._shard_of_row, [number, number + 1]).tolist())

    def load(self, rows: Iterable[int] | None = None) -> Segments:
        """Loads segments into memory, in the order of utterances.csv, with features in the stored precision.

        Args:
            rows: utterances to load, as rows of utterances.csv; None for all. Only shards with these are read.

        Raises:
            ValueError: a shard is damaged.
        """
        wanted = range(len(self.utterances)) if rows is None else sorted(rows)
        self.verify(wanted)
        if self.manifest.is_packed:
            return self._load_packed(wanted)
        count = sum(self.utterances[row].num_segments for row in wanted)
        features = np.empty((count, *self.manifest.segment_shape), self.manifest.dtype)
        num_frames, labels, utterances = np.empty((3, count), np.int32)
        for index, example in enumerate(self.dataset(wanted).as_numpy_iterator()):
            features[index] = example["features"]
            num_frames[index], labels[index] = example["num_frames"], example["label"]
            utterances[index] = example["utterance"]
        return Segments(features, num_frames, labels, utterances)

    def _load_packed(self, rows: Sequence[int]) -> Segments:
        shards = self._shards(rows) or self.manifest.shards[:1]  # no utterances are none of any shard
        parts = [read_packed(self.folder / shard.file, rows) for shard in shards]
        with foreign_errors(self.folder, "its segments cannot be read", REMEDY):
            return Segments(*(np.concatenate([part[item.name] for part in parts]) for item in fields(Segments)))

    def dataset(
        self,
        rows: Iterable[int] | None = None,
        shuffle_seed: int | None = None,
        buffer_segments: int = 1024,
        times: np.ndarray | None = None,
    ):
        """Streams segments from disk as a tf.data.Dataset, for a corpus of any size.

        Args:
            rows: utterances to read, as rows of utterances.csv; None for all. Only shards with these are opened.
            shuffle_seed: None keeps the order; a number reads the shards interleaved, through a shuffle buffer.
            buffer_segments: number of segments in the shuffle buffer.
            times: int64 [rows of utterances.csv], number of repetitions of each utterance; None for one each.

        Returns:
            Dataset of dicts: features [frames, bands, channels] in the stored precision, and int32 scalars num_frames,
            label, utterance (row of utterances.csv) and segment (position in the utterance).

        Raises:
            ValueError: the records are packed.
            ImportError: TensorFlow is not installed; packed records are loaded without it.
        """
        if self.manifest.is_packed:
            raise ValueError(f"{self.folder}: packed records cannot be streamed, they are loaded into memory")
        import_quietly("tensorflow")
        import tensorflow as tf

        wanted = np.zeros(len(self.utterances), bool)
        wanted[list(range(len(wanted)) if rows is None else rows)] = True
        paths = [str(self.folder / shard.file) for shard in self._shards(np.flatnonzero(wanted))]
        parse = segment_parser([row.id for row in self.utterances], self.manifest.dtype, self.manifest.segment_shape)
        examples = serialized_segments(paths, shuffle_seed).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
        selected = examples.filter(lambda example: tf.gather(tf.constant(wanted), example["utterance"]))
        if times is not None and (times != 1).any():
            selected = selected.flat_map(
                lambda example: tf.data.Dataset.from_tensors(example).repeat(tf.gather(times, example["utterance"]))
            )
        return selected if shuffle_seed is None else selected.shuffle(buffer_segments, shuffle_seed)
