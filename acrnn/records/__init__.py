"""Record sets on disk: the TFRecord schema, the manifest, the table of utterances and the auxiliary inputs."""

from acrnn.records.auxiliary_inputs import AuxiliaryInputs
from acrnn.records.manifest import FORMAT_VERSION, MANIFEST, Manifest, Shard, shard_name
from acrnn.records.record_set import RecordSet, Segments
from acrnn.records.tfrecords import encode_segment
from acrnn.records.utterance_table import (
    UNKNOWN_SPEAKER,
    UTTERANCES,
    UtteranceRow,
    read_utterances,
    row_from_strings,
    write_utterances,
)

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "UNKNOWN_SPEAKER",
    "UTTERANCES",
    "AuxiliaryInputs",
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
