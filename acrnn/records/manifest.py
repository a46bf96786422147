"""The manifest of a record set, manifest.json: class order, front end, segment rule, shards, counts and checksums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Literal, TypedDict
from urllib.parse import quote

from acrnn import files, frontends, segments
from acrnn.frontends import Spec
from acrnn.reading import check_fields, check_type
from acrnn.records.auxiliary_inputs import SPEAKER_EMBEDDINGS
from acrnn.segments import SegmentRule

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
LONGEST_SPEAKER = 200  # bytes of the encoded name; file systems allow 255 for a file name, here a temporary one
REMEDY = "delete the folder and prepare the records again with: acrnn prepare"


class _Corpus(TypedDict):
    name: str
    title: str
    version: str
    subset: str | None
    licence: str
    citation: str


@dataclass(frozen=True)
class Shard:
    """A file with segments of one speaker: all of them, or a part of those of a speaker with many.

    Attributes:
        file: file name in the folder of the record set.
        speaker: the speaker.
        sha256: checksum of the TFRecord file.
        num_utterances: number of utterances, copies at other speeds not counted.
        num_segments: number of segments, those of copies included.
        packed_sha256: checksum of the .npz file that stands in place of the TFRecord file, see `acrnn.records.packed`; "" for
            a TFRecord file.
    """

    file: str
    speaker: str
    sha256: str
    num_utterances: int
    num_segments: int
    packed_sha256: str = ""

    @property
    def file_sha256(self) -> str:
        """Checksum of the file."""
        return self.packed_sha256 or self.sha256

    def to_dict(self) -> dict:
        """Returns JSON-ready fields; a TFRecord file has no checksum of an .npz file."""
        return {name: value for name, value in asdict(self).items() if value or name != "packed_sha256"}


@dataclass(frozen=True)
class Manifest:
    """The description of a record set.

    Attributes:
        corpus: name, title, version, subset, completeness, license and citation of the data; for data with a name of their
            own also "reader", the corpus that reads them; "speakers" is "unknown" where the data do not name them.
        labels: names of the emotions in class order.
        frontend: front end that computed the features.
        rule: segment rule that cut the utterances.
        dtype: precision of the stored features, "float32" or "float16".
        shards: files of segments in the order of utterances.csv, those of a speaker one after the other.
        utterances_sha256: checksum of utterances.csv.
        source_sha256: hash of the recordings, their labels and texts, the settings and the version of this package.
        counts: speaker → emotion → number of utterances, copies not counted.
        skipped: recordings that were left out because they cannot be used, each with id, path and reason.
        versions: versions of the packages that made the records.
        speeds: playing speeds; 1 is the utterances themselves, every other speed a copy of each.
        speed_by: method that made the copies, see `data_prep.speed`.
        auxiliary_inputs: entries of "transcripts", "speaker_embeddings" and "word_vectors", where the records have them: the
            origin and, for a table in a file of its own, file name, checksum and sizes. Empty for records of sound with
            the texts of the corpus.
        sounds: file name and checksum of the file of sounds, see `acrnn.records.sounds`; empty for records made before it
            was. Results do not depend on it.
        shard_bytes: size above which the segments of a speaker were divided into several shards; None where every speaker
            has one.
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
    sounds: dict[str, str] = field(default_factory=dict)
    shard_bytes: int | None = None

    @property
    def reader(self) -> str:
        """Corpus that reads the data, as on the command line; for own data "manifest", "folder" or another."""
        return self.corpus.get("reader", self.corpus["name"])

    @property
    def speaker_embedding_size(self) -> int:
        """Size of the speaker embeddings; 0 where the records have none."""
        return self.auxiliary_inputs.get(SPEAKER_EMBEDDINGS, {}).get("size", 0)

    @property
    def segment_shape(self) -> tuple[int, int, int]:
        """Shape of the features of a segment: (frames, bands, channels)."""
        return (self.rule.frames, *self.frontend.feature_shape)

    @property
    def is_packed(self) -> bool:
        """True if the segments are in .npz files, see `acrnn.records.packed`."""
        return any(shard.packed_sha256 for shard in self.shards)

    @property
    def num_speakers(self) -> int:
        """Number of speakers; those of a corpus that does not name them count as one."""
        return len({shard.speaker for shard in self.shards})

    @property
    def num_segments(self) -> int:
        """Number of segments in all shards."""
        return sum(shard.num_segments for shard in self.shards)

    @cached_property
    def content_sha256(self) -> str:
        """Hash of all that a result depends on; it is the same for equal records that other package versions made."""
        return files.sha256_of_json(
            [self.labels, frontends.to_dict(self.frontend), segments.to_dict(self.rule), self.utterances_sha256]
            + [shard.sha256 for shard in self.shards]
            + [entry["sha256"] for _, entry in sorted(self.auxiliary_inputs.items()) if "sha256" in entry]
        )

    def to_dict(self) -> dict:
        """Returns JSON-ready fields; records without copies, auxiliary inputs, sounds or divided speakers have no keys for these."""
        copies = {"speeds": list(self.speeds), "speed_by": self.speed_by} if len(self.speeds) > 1 else {}
        auxiliary = {"companions": self.auxiliary_inputs} if self.auxiliary_inputs else {}
        sounds = {"sounds": self.sounds} if self.sounds else {}
        size = {"shard_bytes": self.shard_bytes} if self.shard_bytes else {}
        return {
            **copies,
            **auxiliary,
            **sounds,
            **size,
            "format": "acrnn-records",
            "format_version": FORMAT_VERSION,
            "corpus": self.corpus,
            "labels": list(self.labels),
            "frontend": frontends.to_dict(self.frontend),
            "segments": segments.to_dict(self.rule),
            "dtype": self.dtype,
            "counts": self.counts,
            "shards": [shard.to_dict() for shard in self.shards],
            "utterances_sha256": self.utterances_sha256,
            "source_sha256": self.source_sha256,
            "skipped": list(self.skipped),
            "versions": self.versions,
        }

    @classmethod
    def from_dict(cls, values: Mapping) -> Manifest:
        """Makes a manifest from the fields that `to_dict` returned.

        Raises:
            ValueError: another version of this package wrote them, or a field is of another type.
            KeyError, TypeError: a field is missing, or one of a shard is unknown.
        """
        if values.get("format_version") != FORMAT_VERSION:
            raise ValueError(
                f"format version {values.get('format_version')}, this version reads {FORMAT_VERSION}; {REMEDY}"
            )
        named = {**values, "auxiliary_inputs": values.get("companions", {})}
        check_fields(cls, named, {"frontend", "rule", "shards"})
        check_type(values["corpus"], _Corpus, "corpus")
        check_type(values["dtype"], Literal["float32", "float16"], "dtype")
        return cls(
            corpus=values["corpus"],
            labels=tuple(values["labels"]),
            frontend=frontends.from_dict(values["frontend"]),
            rule=segments.from_dict(values["segments"]),
            dtype=values["dtype"],
            shards=tuple(Shard(**check_fields(Shard, shard)) for shard in values["shards"]),
            utterances_sha256=values["utterances_sha256"],
            source_sha256=values["source_sha256"],
            counts=values["counts"],
            skipped=tuple(values["skipped"]),
            versions=values["versions"],
            speeds=tuple(values.get("speeds", (1.0,))),
            speed_by=values.get("speed_by", "resampling"),
            auxiliary_inputs=named["auxiliary_inputs"],
            sounds=values.get("sounds", {}),
            shard_bytes=values.get("shard_bytes"),
        )


def shard_name(speaker: str, part: int = 0) -> str:
    """Returns the file name of a shard; characters of the speaker that a file system may refuse are percent-encoded.

    Args:
        speaker: the speaker.
        part: number of the shard among those of the speaker, from 0; the first has the name of an only one.
    """
    number = f"+{part}" if part else ""  # a plus sign in the name of a speaker is encoded
    return f"speaker-{quote(speaker, safe='')}{number}.tfrecord"


def check_speaker(speaker: str) -> None:
    """Refuses a speaker whose shard a file system could not name.

    Raises:
        ValueError: the encoded name is too long.
    """
    if (size := len(quote(speaker, safe=""))) > LONGEST_SPEAKER:
        raise ValueError(
            f"speaker {speaker[:40]!r}…: {size} bytes as part of a file name, {LONGEST_SPEAKER} at most; shorten the name"
        )
