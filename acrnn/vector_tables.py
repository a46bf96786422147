"""Tables of vectors by name – an embedding an utterance, a vector a word – in .npz files or Kaldi archives."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

import numpy as np

from acrnn.errors import missing_extra

KINDS = (".npz", ".scp", ".ark")
_NAMES, _VECTORS = "names", "vectors"
_KALDI_BINARY, _KALDI_TEXT = b"\0B", b"["  # how a vector or a matrix begins


def read(path: Path) -> dict[str, np.ndarray]:
    """The vectors of a file, float32 [size], by name.

    Args:
        path: an .npz of the arrays `names` and `vectors`, or of one array a name (`np.savez(path, **vectors)`); a Kaldi
            .scp or .ark.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is of another kind, damaged, or its vectors differ in size or are not finite.
        ImportError: it is Kaldi's, and the extra [kaldi] is not installed.
    """
    if path.suffix not in KINDS:
        raise ValueError(f"{path}: not a table of vectors by its name; give one that ends with {', '.join(KINDS)}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    try:
        found = _read_npz(path) if path.suffix == ".npz" else _read_kaldi(path)
        table = {name: np.asarray(vector, np.float32).reshape(-1) for name, vector in found.items()}
    except ImportError:
        raise
    except (
        ValueError,
        OSError,
        EOFError,
        KeyError,
        zipfile.BadZipFile,
        RuntimeError,
        AssertionError,
        struct.error,
    ) as error:
        raise ValueError(f"{path}: not a table of vectors that can be read ({error!r}); make it again") from error
    return _checked(path, table)


def _checked(path: Path, table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if not table:
        raise ValueError(f"{path}: holds no vector; make it again")
    size = len(next(iter(table.values())))
    for name, vector in table.items():
        if len(vector) != size:
            raise ValueError(f"{path}: {name!r} has {len(vector)} values where the first has {size}; make it again")
        if not np.isfinite(vector).all():
            raise ValueError(f"{path}: {name!r} has values that are NaN or infinite; make it again")
    return table


def _read_npz(path: Path) -> Mapping[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        if set(archive.files) == {_NAMES, _VECTORS}:
            return dict(zip(archive[_NAMES].tolist(), archive[_VECTORS], strict=True))
        return {name: archive[name] for name in archive.files}


def _read_kaldi(path: Path) -> Mapping[str, np.ndarray]:
    try:
        from kaldiio import matio
    except ImportError as error:
        raise missing_extra("kaldi", path.name, error) from error
    if path.suffix == ".scp":
        return {name: _entry_at(*place, matio) for name, place in _places(path).items()}
    found = {}
    with path.open("rb") as file:
        while (name := matio.read_token(file)) is not None:
            found[name.strip()] = _entry(file, repr(name), matio)
    return found


def _entry_at(archive: Path, offset: int, matio: ModuleType) -> np.ndarray:
    with archive.open("rb") as file:
        file.seek(offset)
        return _entry(file, f"{archive}, byte {offset}", matio)


def _entry(file: BinaryIO, place: str, matio: ModuleType) -> np.ndarray:
    """The vector or matrix at a file's position.

    kaldiio would also read sounds, arrays of numpy and pickles there, and a pickle it runs: a table of vectors is no place
    for programs.
    """
    start = file.tell()
    first = file.read(16)
    file.seek(start)
    if first.lstrip().startswith(_KALDI_TEXT):
        return matio.read_ascii_mat(file)
    if not first.startswith(_KALDI_BINARY):
        raise ValueError(
            f"{place}: begins with {first[:5]!r}, which is no vector of Kaldi's; write it with Kaldi again"
        )
    vector, size = matio.read_matrix_or_vector(file, return_size=True)
    if (
        first[2:3] in b"FD" and file.tell() < start + size
    ):  # of compressed ones kaldiio gives another size, and checks it
        raise ValueError(f"{place}: is cut off, {start + size - file.tell()} bytes are missing")
    return vector


def _places(path: Path) -> dict[str, tuple[Path, int]]:
    """Where an .scp says that its vectors lie: a path from the working directory or from the .scp's own folder, a byte.

    Kaldi also runs what stands there as a command when it ends with "|"; a table of vectors is no place for programs.
    """
    places = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        name, _, place = line.strip().partition(" ")
        place = place.strip()
        if not place or "|" in place:
            raise ValueError(f"line {number}: {line!r} names no archive")
        archive, colon, offset = place.rpartition(":")
        if not (colon and offset.isdecimal()):
            archive, offset = place, "0"
        beside = path.parent / archive
        places[name] = beside if beside.exists() and not Path(archive).exists() else Path(archive), int(offset)
    return places


def to_npz(table: Mapping[str, np.ndarray]) -> bytes:
    """A table as the bytes of an .npz file: the same for the same table."""
    names = sorted(table)
    buffer = io.BytesIO()
    np.savez(buffer, **{_NAMES: np.array(names, str), _VECTORS: np.stack([np.float32(table[name]) for name in names])})
    return buffer.getvalue()
