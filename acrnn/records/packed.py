"""Packed records: the segments of a shard as arrays in an .npz file, which is read without TensorFlow.

A packed record set has the table, the auxiliary inputs and the sounds of the one that it was packed from, and an .npz file in
place of each TFRecord file. Its manifest keeps the checksums of the TFRecord files, so that results on both have one identity,
and adds those of the .npz files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

import numpy as np

from acrnn import files
from acrnn.reading import foreign_errors
from acrnn.reading.npz import read_npz

SUFFIX = ".npz"
_REMEDY = "pack the records again with: acrnn prepare pack"


def packed_name(shard_file: str) -> str:
    """Returns the file name of a packed shard, from that of its TFRecord file."""
    return f"{PurePath(shard_file).stem}{SUFFIX}"


def write_packed(path: Path, arrays: Mapping[str, np.ndarray]) -> str:
    """Writes the segments of a shard, compressed and atomically; returns the checksum of the file.

    Args:
        path: the file.
        arrays: fields of `Segments` by name, features in the precision to store.
    """
    with files.atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return files.sha256_of_file(path)


def read_packed(path: Path, rows: Iterable[int]) -> dict[str, np.ndarray]:
    """Returns the segments of some utterances in a packed shard, by the names of the fields of `Segments`.

    Args:
        path: the file.
        rows: rows of the utterances in utterances.csv.

    Raises:
        FileError: the file is damaged, or holds something else.
    """
    arrays = read_npz(path, _REMEDY)
    with foreign_errors(path, "not the segments of a shard", _REMEDY):
        chosen = np.flatnonzero(np.isin(arrays["utterances"], list(rows)))
        return {name: values[chosen] for name, values in arrays.items()}
