"""The TFRecord schema and the manifest beside it: the only place where preparation and training meet.

A record set is a folder: one `speaker-….tfrecord` a speaker, `utterances.csv` (one row an utterance) and `manifest.json`,
which is written last, so a folder with a manifest is complete. Features are stored unnormalised, zeros where padded.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import numpy as np

from acrnn import files, frontends, segments
from acrnn.frontends import Spec
from acrnn.records import auxiliary_inputs
from acrnn.records.auxiliary_inputs import AuxiliaryInputs
from acrnn.segments import SegmentRule

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
UTTERANCES = "utterances.csv"
_REMEDY = "delete the folder and prepare the records again with: python -m data_prep"


@dataclass(frozen=True)
class UtteranceRow:
    """One line of utterances.csv: what is known of an utterance once it is in the records.

    Attributes:
        speed: how many times as fast as it was spoken.
        copy_of: id of the utterance that this is a copy of at another speed, which may only train; "" for an utterance.
    """

    id: str
    speaker: str
    session: str
    emotion: str
    label: int
    num_frames: int
    num_segments: int
    duration_seconds: float
    sample_rate_hz: int
    path: str
    sha256: str
    text: str = ""
    split: str = ""
    speed: float = 1.0
    copy_of: str = ""


_OF_COPIES = ("speed", "copy_of")  # columns of utterances.csv where there are any


@dataclass(frozen=True)
class Shard:
    """One TFRecord file: all segments of a speaker."""

    file: str
    speaker: str
    sha256: str
    num_utterances: int
    num_segments: int


@dataclass(frozen=True)
class Manifest:
    """What a record set is: class order, front end, segment rule, counts, checksums, origin.

    Attributes:
        corpus: name, version, subset, licence, citation of the data.
        labels: emotion names in class order.
        dtype: of the stored features, "float32" or "float16".
        counts: speaker → emotion → utterances.
        source_sha256: hash of the recordings and what was known of them; other sources, other records.
        skipped: what was left out with --skip-bad: id, path and reason.
        versions: packages that made the records.
        speeds, speed_by: what copies there are, 1 for the utterances themselves, and how they were made; see
            `data_prep.speed`. Counts are of utterances, without copies.
        auxiliary_inputs: of what accompanies the sound – "transcripts", "speaker_embeddings", "word_vectors" – where it came
            from and, of what lies in a file beside the shards, the file, its checksum and sizes. Empty for sound alone
            with the corpus' own texts.
    """

    corpus: dict
    labels: tuple[str, ...]
    frontend: Spec
    rule: SegmentRule
    dtype: str
    shards: tuple[Shard, ...]
    utterances_sha256: str
    source_sha256: str
    counts: dict[str, dict[str, int]]
    skipped: tuple[dict, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    speeds: tuple[float, ...] = (1.0,)
    speed_by: str = "resampling"
    auxiliary_inputs: dict[str, dict] = field(default_factory=dict)

    @property
    def speaker_embedding_size(self) -> int:
        """Of the speaker embeddings beside the records; 0 where there are none."""
        return self.auxiliary_inputs.get(auxiliary_inputs.SPEAKER_EMBEDDINGS, {}).get("size", 0)

    @property
    def segment_shape(self) -> tuple[int, int, int]:
        """(frames, bands, channels)."""
        return (self.rule.frames, *self.frontend.feature_shape)

    @property
    def num_segments(self) -> int:
        return sum(shard.num_segments for shard in self.shards)

    @cached_property
    def content_sha256(self) -> str:
        """Hash of all that a result depends on: the same records made by other package versions hash the same."""
        return files.sha256_of_json(
            [self.labels, frontends.to_dict(self.frontend), segments.to_dict(self.rule), self.utterances_sha256]
            + [shard.sha256 for shard in self.shards]
            + [entry["sha256"] for _, entry in sorted(self.auxiliary_inputs.items()) if "sha256" in entry]
        )

    def to_dict(self) -> dict:
        copies = {"speeds": list(self.speeds), "speed_by": self.speed_by} if len(self.speeds) > 1 else {}
        accompanied = {"companions": self.auxiliary_inputs} if self.auxiliary_inputs else {}
        return {
            **copies,
            **accompanied,
            "format": "acrnn-records",
            "format_version": FORMAT_VERSION,
            "corpus": self.corpus,
            "labels": list(self.labels),
            "frontend": frontends.to_dict(self.frontend),
            "segments": segments.to_dict(self.rule),
            "dtype": self.dtype,
            "counts": self.counts,
            "shards": [asdict(shard) for shard in self.shards],
            "utterances_sha256": self.utterances_sha256,
            "source_sha256": self.source_sha256,
            "skipped": list(self.skipped),
            "versions": self.versions,
        }

    @classmethod
    def from_dict(cls, values: dict) -> Manifest:
        if values.get("format_version") != FORMAT_VERSION:
            raise ValueError(
                f"format version {values.get('format_version')}, this version reads {FORMAT_VERSION}; {_REMEDY}"
            )
        return cls(
            corpus=values["corpus"],
            labels=tuple(values["labels"]),
            frontend=frontends.from_dict(values["frontend"]),
            rule=segments.from_dict(values["segments"]),
            dtype=values["dtype"],
            shards=tuple(Shard(**shard) for shard in values["shards"]),
            utterances_sha256=values["utterances_sha256"],
            source_sha256=values["source_sha256"],
            counts=values["counts"],
            skipped=tuple(values["skipped"]),
            versions=values["versions"],
            speeds=tuple(values.get("speeds", (1.0,))),
            speed_by=values.get("speed_by", "resampling"),
            auxiliary_inputs=values.get("companions", {}),
        )


@dataclass(frozen=True)
class Segments:
    """Segments in memory.

    Attributes:
        features: float [segments, frames, bands, channels], unnormalised.
        num_frames: int32 [segments], real frames of each.
        labels: int32 [segments].
        utterances: int32 [segments], the row in utterances.csv each belongs to.
    """

    features: np.ndarray
    num_frames: np.ndarray
    labels: np.ndarray
    utterances: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index) -> Segments:
        return Segments(*(getattr(self, item.name)[index] for item in fields(self)))


def shard_name(speaker: str) -> str:
    """File name of a speaker's shard; any character that a file system may refuse is percent-encoded."""
    return f"speaker-{quote(speaker, safe='')}.tfrecord"


def encode_segment(features: np.ndarray, num_frames: int, row: UtteranceRow, index: int, dtype: str) -> bytes:
    """One segment as a serialized tf.train.Example, the schema of the records."""
    import tensorflow as tf

    def text(value: str) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))

    def number(value: int) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    raw = np.ascontiguousarray(features, dtype=np.dtype(dtype).newbyteorder("<")).tobytes()
    feature = {
        "features": tf.train.Feature(bytes_list=tf.train.BytesList(value=[raw])),
        "num_frames": number(num_frames),
        "label": number(row.label),
        "utterance": text(row.id),
        "speaker": text(row.speaker),
        "session": text(row.session),
        "segment": number(index),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(deterministic=True)


def write_utterances(path: Path, rows: Sequence[UtteranceRow]) -> None:
    """Writes utterances.csv, atomically."""
    buffer = io.StringIO()
    names = [item.name for item in fields(UtteranceRow)]
    if not any(row.copy_of for row in rows):
        names = [name for name in names if name not in _OF_COPIES]
    writer = csv.DictWriter(buffer, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    files.write_text(path, buffer.getvalue())


def read_utterances(path: Path) -> tuple[UtteranceRow, ...]:
    """The rows of utterances.csv."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(row_from_strings(values) for values in csv.DictReader(file))


def row_from_strings(values: dict[str, str]) -> UtteranceRow:
    """A row from a line of the CSV, whose cells are all text."""
    integers = ("label", "num_frames", "num_segments", "sample_rate_hz")
    numbers = [name for name in ("duration_seconds", "speed") if name in values]
    typed = {name: int(values[name]) for name in integers} | {name: float(values[name]) for name in numbers}
    return UtteranceRow(**{**values, **typed})


class RecordSet:
    """A prepared corpus on disk.

    Args:
        folder: where `python -m data_prep` wrote it.

    Raises:
        FileNotFoundError: no manifest there, or a shard is missing.
        ValueError: the manifest is damaged or of another version, or utterances.csv is not the one it was written with.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        path = self.folder / MANIFEST
        values = files.read_sealed_json(path, _REMEDY)
        try:
            self.manifest = Manifest.from_dict(values)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{path}: not a manifest of records ({error!s}); {_REMEDY}") from error
        self._check_presence()

    def _check_presence(self) -> None:
        for shard in self.manifest.shards:
            if not (self.folder / shard.file).is_file():
                raise FileNotFoundError(f"{self.folder / shard.file}: missing; {_REMEDY}")
        table = self.folder / UTTERANCES
        if not table.is_file() or files.sha256_of_file(table) != self.manifest.utterances_sha256:
            raise ValueError(f"{table}: missing or changed since the records were made; {_REMEDY}")

    @cached_property
    def utterances(self) -> tuple[UtteranceRow, ...]:
        return read_utterances(self.folder / UTTERANCES)

    @cached_property
    def auxiliary_inputs(self) -> AuxiliaryInputs:
        """What accompanies the sound of the utterances, in the order of utterances.csv.

        Raises:
            ValueError: a file beside the records is missing or damaged.
        """
        try:
            return auxiliary_inputs.read(self.folder, self.manifest.auxiliary_inputs, self.utterances)
        except (ValueError, OSError) as error:
            raise ValueError(f"{error}; {_REMEDY}") from error

    @property
    def size_bytes(self) -> int:
        """Memory that `load` takes."""
        return (
            self.manifest.num_segments
            * int(np.prod(self.manifest.segment_shape))
            * np.dtype(self.manifest.dtype).itemsize
        )

    def check(self) -> list[str]:
        """All that is wrong with the shards, a line each: checksums, then counts. Empty when nothing is."""
        return self._wrong_checksums(self.manifest.shards) or self._wrong_counts()

    def verify(self, rows: Iterable[int] | None = None) -> None:
        """Reads every shard once and compares its checksum; the first call does the work.

        Args:
            rows: only the shards of these utterances, rows of utterances.csv; None for all.

        Raises:
            ValueError: a shard is damaged.
        """
        if wrong := self._wrong_checksums(self._shards(rows)):
            raise ValueError(wrong[0])

    def _shards(self, rows: Iterable[int] | None) -> list[Shard]:
        if rows is None:
            return list(self.manifest.shards)
        speakers = {self.utterances[row].speaker for row in rows}
        return [shard for shard in self.manifest.shards if shard.speaker in speakers]

    @cached_property
    def _digests(self) -> dict[Shard, str]:
        """Checksums of the shards that were read so far."""
        return {}

    def _wrong_checksums(self, shards: Sequence[Shard]) -> list[str]:
        for shard in shards:
            if shard not in self._digests:
                self._digests[shard] = files.sha256_of_file(self.folder / shard.file)
        return [
            f"{self.folder / shard.file}: damaged, SHA-256 {self._digests[shard]} where the manifest says "
            f"{shard.sha256}; {_REMEDY}"
            for shard in shards
            if self._digests[shard] != shard.sha256
        ]

    def _wrong_counts(self) -> list[str]:
        utterances = [int(example["utterance"]) for example in self.dataset().as_numpy_iterator()]
        found = np.bincount(utterances, minlength=len(self.utterances))
        return [
            f"{self.folder}: {row.id} has {count} segments where {UTTERANCES} says {row.num_segments}; {_REMEDY}"
            for row, count in zip(self.utterances, found, strict=True)
            if count != row.num_segments
        ]

    def load(self, rows: Iterable[int] | None = None) -> Segments:
        """Segments in memory, in the order of utterances.csv; features in the stored precision.

        Args:
            rows: of these utterances, rows of utterances.csv; None for all. Shards without any are not opened.

        Raises:
            ValueError: a shard is damaged.
        """
        wanted = range(len(self.utterances)) if rows is None else sorted(rows)
        self.verify(wanted)
        count = sum(self.utterances[row].num_segments for row in wanted)
        features = np.empty((count, *self.manifest.segment_shape), self.manifest.dtype)
        num_frames, labels, utterances = np.empty((3, count), np.int32)
        for index, example in enumerate(self.dataset(wanted).as_numpy_iterator()):
            features[index] = example["features"]
            num_frames[index], labels[index] = example["num_frames"], example["label"]
            utterances[index] = example["utterance"]
        return Segments(features, num_frames, labels, utterances)

    def dataset(
        self,
        rows: Iterable[int] | None = None,
        shuffle_seed: int | None = None,
        buffer_segments: int = 1024,
        times: np.ndarray | None = None,
    ):
        """Segments streamed from disk as a tf.data.Dataset, however large the corpus.

        Args:
            rows: the utterances wanted, as rows of utterances.csv; None for all. Shards without any are not opened.
            shuffle_seed: None keeps the order; a number reads the shards interleaved, through a shuffle buffer.
            buffer_segments: size of that buffer.
            times: how often to give the segments of each utterance, int64 [rows of utterances.csv]; None for once.

        Returns:
            Dataset of dicts: features [frames, bands, channels], num_frames, label, utterance (row), all scalars int32.
        """
        import tensorflow as tf

        wanted = np.zeros(len(self.utterances), bool)
        wanted[list(range(len(wanted)) if rows is None else rows)] = True
        paths = [str(self.folder / shard.file) for shard in self._shards(np.flatnonzero(wanted))]
        if shuffle_seed is None:
            serialized = tf.data.TFRecordDataset(paths)
        else:
            shuffled = tf.data.Dataset.from_tensor_slices(paths).shuffle(len(paths), shuffle_seed)
            serialized = shuffled.interleave(tf.data.TFRecordDataset, cycle_length=8)
        examples = serialized.map(self._parser(tf), num_parallel_calls=tf.data.AUTOTUNE)
        selected = examples.filter(lambda example: tf.gather(tf.constant(wanted), example["utterance"]))
        if times is not None and (times != 1).any():
            selected = selected.flat_map(
                lambda example: tf.data.Dataset.from_tensors(example).repeat(tf.gather(times, example["utterance"]))
            )
        return selected if shuffle_seed is None else selected.shuffle(buffer_segments, shuffle_seed)

    def _parser(self, tf):
        """A function that decodes one serialized example; utterance ids become their rows in utterances.csv."""
        table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                [row.id for row in self.utterances], tf.range(len(self.utterances), dtype=tf.int32)
            ),
            default_value=-1,
        )
        schema = {
            "features": tf.io.FixedLenFeature([], tf.string),
            "num_frames": tf.io.FixedLenFeature([], tf.int64),
            "label": tf.io.FixedLenFeature([], tf.int64),
            "utterance": tf.io.FixedLenFeature([], tf.string),
        }

        def parse(serialized):
            example = tf.io.parse_single_example(serialized, schema)
            features = tf.io.decode_raw(example["features"], tf.as_dtype(self.manifest.dtype))
            return {
                "features": tf.reshape(features, self.manifest.segment_shape),
                "num_frames": tf.cast(example["num_frames"], tf.int32),
                "label": tf.cast(example["label"], tf.int32),
                "utterance": table.lookup(example["utterance"]),
            }

        return parse
