"""Packs a record set: writes its segments as .npz files, which training reads without TensorFlow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from acrnn import files
from acrnn.console import import_quietly
from acrnn.errors import FieldError
from acrnn.output import lock
from acrnn.records.manifest import MANIFEST, Manifest, Shard
from acrnn.records.packed import packed_name, write_packed
from acrnn.records.record_set import RecordSet, Segments
from acrnn.records.tfrecords import encode_segment
from acrnn.records.utterance_table import UTTERANCES


def pack(records: Path, out: Path, dtype: str | None = None) -> Manifest:
    """Writes a packed copy of a record set and returns its manifest; a finished copy stays as it is.

    Args:
        records: folder of the record set.
        out: folder of the copy.
        dtype: precision of its features, "float32" or "float16"; None for that of the records. The copy has the identity
            (`Manifest.content_sha256`) that records prepared in this precision have.

    Raises:
        FieldError: the records are packed, or have a lower precision.
        ValueError: the records are damaged, or the folder holds other records.
        OSError: another process works in the folder, or it cannot be written.
    """
    source = RecordSet(records)
    dtype = dtype or source.manifest.dtype
    if source.manifest.is_packed:
        raise FieldError("records", records, "they are packed already; name the records that they were packed from")
    if np.dtype(dtype).itemsize > np.dtype(source.manifest.dtype).itemsize:
        raise FieldError("dtype", dtype, f"the records have {source.manifest.dtype} only; leave it out")
    import_quietly("tensorflow")
    with lock.exclusive(out):
        if (out / MANIFEST).exists():
            return _finished(source, out, dtype)
        files.remove_partial(out)
        _copy_tables(source, out)
        shards = tuple(_packed(source, shard, out, dtype) for shard in source.manifest.shards)
        manifest = replace(source.manifest, dtype=dtype, shards=shards)
        files.write_sealed_json(out / MANIFEST, manifest.to_dict())
    return manifest


def _finished(source: RecordSet, out: Path, dtype: str) -> Manifest:
    """Returns the manifest of a finished copy, refused unless it is one of these records in this precision."""
    manifest = RecordSet(out).manifest
    shards = tuple(replace(shard, packed_sha256="") for shard in manifest.shards)
    expected = replace(source.manifest, shards=tuple(_renamed(shard) for shard in source.manifest.shards))
    is_half = dtype != source.manifest.dtype  # its checksums are others
    if is_half:
        shards, expected = (), replace(expected, shards=(), dtype=dtype)
    if not manifest.is_packed or replace(manifest, shards=shards) != expected:
        raise ValueError(f"{out}: holds other records; choose another folder or delete it")
    return manifest


def _renamed(shard: Shard) -> Shard:
    return replace(shard, file=packed_name(shard.file))


def _copy_tables(source: RecordSet, out: Path) -> None:
    """Copies everything but the segments, after its checksums are compared."""
    _ = source.sounds, source.auxiliary_inputs
    entries = [source.manifest.sounds, *source.manifest.auxiliary_inputs.values()]
    for name in (UTTERANCES, *(entry["file"] for entry in entries if "file" in entry)):
        with files.atomic_path(out / name) as temporary:
            temporary.write_bytes((source.folder / name).read_bytes())


def _packed(source: RecordSet, shard: Shard, out: Path, dtype: str) -> Shard:
    """Writes the segments of a shard and returns its entry in the manifest."""
    segments = source.load(source.rows_of(shard))
    with np.errstate(over="ignore"):
        features = segments.features.astype(dtype)
    if not np.isfinite(features).all():
        raise ValueError(f"{source.folder / shard.file}: values are too large for {dtype}; pack in float32")
    sha256 = shard.sha256 if dtype == source.manifest.dtype else _sha256_in(dtype, source, segments, out / shard.file)
    packed = replace(_renamed(shard), sha256=sha256)
    return replace(packed, packed_sha256=write_packed(out / packed.file, vars(replace(segments, features=features))))


def _sha256_in(dtype: str, source: RecordSet, segments: Segments, path: Path) -> str:
    """Returns the checksum of a shard prepared in another precision, whose TFRecord file is written for this and removed."""
    import tensorflow as tf

    temporary = files.partial_path(path)
    try:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            index, previous = 0, -1
            for features, count, utterance in zip(
                segments.features, segments.num_frames, segments.utterances, strict=True
            ):
                index, previous = (index + 1 if utterance == previous else 0), utterance
                writer.write(encode_segment(features, int(count), source.utterances[utterance], index, dtype))
        return files.sha256_of_file(temporary)
    finally:
        temporary.unlink(missing_ok=True)
