"""Record sets on disk: the TFRecord schema, the manifest and the table of utterances."""

from acrnn.records.record_set import (
    FORMAT_VERSION,
    MANIFEST,
    UTTERANCES,
    Manifest,
    RecordSet,
    Segments,
    Shard,
    UtteranceRow,
    encode_segment,
    read_utterances,
    row_from_strings,
    shard_name,
    write_utterances,
)

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "UTTERANCES",
    "Manifest",
    "RecordSet",
    "Segments",
    "Shard",
    "UtteranceRow",
    "encode_segment",
    "read_utterances",
    "row_from_strings",
    "shard_name",
    "write_utterances",
]
