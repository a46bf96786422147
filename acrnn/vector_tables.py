"""Reads and writes named vectors, such as speaker embeddings or word vectors, in .npz files; reads Kaldi archives."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from acrnn.errors import missing_extra
from acrnn.reading import check_regular, foreign_errors, read_text
from acrnn.reading.npz import read_npz

KINDS = (".npz", ".scp", ".ark")
_NAMES, _VECTORS = "names", "vectors"
_KALDI_BINARY, _KALDI_TEXT = b"\0B", b"["  # first bytes of a vector or matrix
_VALUE_BYTES = {b"FM ": 4, b"FV ": 4, b"DM ": 8, b"DV ": 8}  # by the type after these bytes


def read(path: Path) -> dict[str, np.ndarray]:
    """Returns the vectors of a file, float32 [size], by name.

    Args:
        path: .npz with the arrays `names` and `vectors`, or with one array for each name (`np.savez(path, **vectors)`);
            or .scp or .ark of Kaldi.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is of another kind or damaged, or its vectors differ in size or are not finite.
        ImportError: the file is of Kaldi, and the extra [kaldi] is not installed.
    """
    if path.suffix not in KINDS:
        raise ValueError(f"{path}: not a table of vectors by its name; it must end with {', '.join(KINDS)}")
    check_regular(path, "check the path")
    with foreign_errors(path, "not a table of vectors that can be read", "make it again"):
        arrays = _read_npz(path) if path.suffix == ".npz" else _read_kaldi(path)
        table = {name: np.asarray(array, np.float32).reshape(-1) for name, array in arrays.items()}
    return _checked(path, table)


def _checked(path: Path, table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns a table unchanged if it has vectors, all of one size and finite."""
    if not table:
        raise ValueError(f"{path}: contains no vectors; make it again")
    size = len(next(iter(table.values())))
    for name, vector in table.items():
        if len(vector) != size:
            raise ValueError(f"{path}: {name!r} has {len(vector)} values where the first has {size}; make it again")
        if not np.isfinite(vector).all():
            raise ValueError(f"{path}: {name!r} has values that are NaN or infinite; make it again")
    return table


def _read_npz(path: Path) -> Mapping[str, np.ndarray]:
    arrays = read_npz(path, "make it again")
    if arrays.keys() == {_NAMES, _VECTORS}:
        return dict(zip(arrays[_NAMES].astype(str).tolist(), arrays[_VECTORS], strict=True))
    return arrays


def _read_kaldi(path: Path) -> Mapping[str, np.ndarray]:
    try:
        from kaldiio import matio
    except ImportError as error:
        raise missing_extra("kaldi", path.name, error) from error
    if path.suffix == ".scp":
        return {name: _entry_at(*place, path, matio) for name, place in _places(path).items()}
    vectors = {}
    with path.open("rb") as file:
        while (name := matio.read_token(file)) is not None:
            vectors[name.strip()] = _entry(file, repr(name), matio)
    return vectors


def _entry_at(archive: Path, offset: int, script: Path, matio: ModuleType) -> np.ndarray:
    if offset >= check_regular(archive, f"correct {script}"):
        raise ValueError(f"{archive}: ends before byte {offset}")
    with archive.open("rb") as file:
        file.seek(offset)
        return _entry(file, f"{archive}, byte {offset}", matio)


def _entry(file: BinaryIO, place: str, matio: ModuleType) -> np.ndarray:
    """Reads the vector or matrix at the position of a file; `place` names it in error messages.

    Other content is refused. kaldiio would also read audio, numpy arrays and pickles, and a pickle can run any program.
    """
    start = file.tell()
    header = file.read(16)
    file.seek(start)
    if header.lstrip().startswith(_KALDI_TEXT):
        return matio.read_ascii_mat(file)
    if not header.startswith(_KALDI_BINARY):
        raise ValueError(
            f"{place}: begins with {header[:5]!r}, which is no vector of Kaldi's; write it with Kaldi again"
        )
    _check_size(file, place)
    vector, size = matio.read_matrix_or_vector(file, return_size=True)
    is_uncompressed = header[2:3] in b"FD"  # for compressed matrices kaldiio returns another size, and checks it itself
    if is_uncompressed and file.tell() < start + size:
        raise ValueError(f"{place}: truncated, {start + size - file.tell()} bytes are missing")
    return vector


def _check_size(file: BinaryIO, place: str) -> None:
    """Refuses a binary vector or matrix that is larger than the rest of its file; leaves the position as it is."""
    start = file.tell()
    kind, *sizes = struct.unpack("<2x3sxixi", file.read(15).ljust(15, b"\0"))
    rest = file.seek(0, io.SEEK_END) - start
    file.seek(start)
    if kind in _VALUE_BYTES:
        count = math.prod(sizes if kind.endswith(b"M ") else sizes[:1])
        if min(sizes[: 1 + kind.endswith(b"M ")]) < 0 or count * _VALUE_BYTES[kind] > rest:
            raise ValueError(f"{place}: truncated or damaged, {count} values in {rest} bytes")


def _places(path: Path) -> dict[str, tuple[Path, int]]:
    """Returns the archive and the byte offset of every vector in an .scp file.

    Paths are relative to the working directory, or else to the folder of the .scp file. Entries that end with "|", which
    Kaldi would run as a command, are refused.
    """
    places = {}
    for number, line in enumerate(read_text(path, "make it again").splitlines(), start=1):
        if not line.strip():
            continue
        name, _, place = line.strip().partition(" ")
        place = place.strip()
        if not place or "|" in place:
            raise ValueError(f"line {number}: {line!r} names no archive")
        archive, colon, offset = place.rpartition(":")
        if not (colon and offset.isdecimal()):
            archive, offset = place, "0"
        in_folder = path.parent / archive
        places[name] = in_folder if in_folder.exists() and not Path(archive).exists() else Path(archive), int(offset)
    return places


def to_npz(table: Mapping[str, np.ndarray]) -> bytes:
    """Returns named vectors [size] as the bytes of an .npz file, which do not depend on their order."""
    names = sorted(table)
    buffer = io.BytesIO()
    vectors = np.stack([np.float32(table[name]) for name in names])
    arrays: dict[str, Any] = {_NAMES: np.array(names, str), _VECTORS: vectors}
    np.savez(buffer, **arrays)
    return buffer.getvalue()
