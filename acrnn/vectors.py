"""Tables of vectors by name – an embedding an utterance, a vector a word – in .npz files or Kaldi archives."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from acrnn.console import missing_extra

KINDS = (".npz", ".scp", ".ark")
_NAMES, _VECTORS = "names", "vectors"


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
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, RuntimeError, AssertionError) as error:
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
        import kaldiio
    except ImportError as error:
        raise missing_extra("kaldi", path.name, error) from error
    if path.suffix == ".ark":
        return dict(kaldiio.load_ark(str(path)))
    return {name: kaldiio.load_mat(place) for name, place in _places(path).items()}


def _places(path: Path) -> dict[str, str]:
    """Where an .scp says that its vectors lie: a path from the working directory or from the .scp's own folder.

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
        archive = archive if colon and offset.isdecimal() else place
        beside = path.parent / archive
        found = str(beside) if beside.exists() and not Path(archive).exists() else archive
        places[name] = f"{found}:{offset}" if archive != place else found
    return places


def to_npz(table: Mapping[str, np.ndarray]) -> bytes:
    """A table as the bytes of an .npz file: the same for the same table."""
    names = sorted(table)
    buffer = io.BytesIO()
    np.savez(buffer, **{_NAMES: np.array(names, str), _VECTORS: np.stack([np.float32(table[name]) for name in names])})
    return buffer.getvalue()
