"""Reads named arrays from the weight files of other frameworks: .npy of a dict, .pth of PyTorch, .safetensors.

The first two hold a pickle, which `safe_pickle` reads as data: nothing in a file is imported, called or executed.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from acrnn.errors import FileError
from acrnn.models.zhang2021 import safe_pickle
from acrnn.models.zhang2021.safe_pickle import STORAGES, Name, UnsafePickleError
from acrnn.reading import check_regular, foreign_errors

_NPY_MAGIC, _ZIP_MAGIC, _PICKLE_MAGIC = b"\x93NUMPY", b"PK\x03\x04", b"\x80"
_OLD_PTH = 0x1950A86A20F9469CFC6C  # first value in a file of torch.save before PyTorch 1.6
_SAFETENSORS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}
_LARGEST_HEADER = 100 * 2**20


def read(path: Path) -> dict:
    """Reads the arrays in a .npy file of a dict, a .pth or a .safetensors file.

    Returns:
        Arrays by name, in lists and dicts as the file has them.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file has another format, is damaged, or asks for something other than data.
    """
    check_regular(path, "check the path")
    with foreign_errors(path, "damaged, or in another format", "get it again"), path.open("rb") as file:
        start = file.read(len(_NPY_MAGIC))
        file.seek(0)
        try:
            if start == _NPY_MAGIC:
                arrays = _read_npy(file)
            elif start.startswith(_ZIP_MAGIC):
                arrays = _read_pth(path)
            elif start.startswith(_PICKLE_MAGIC):
                arrays = _read_old_pth(file)
            else:
                arrays = _read_safetensors(file)
        except UnsafePickleError as error:
            raise FileError(f"{path}: {error}; nothing in it was run, get it from another source") from error
    if not isinstance(arrays, dict):
        raise FileError(f"{path}: holds no named arrays; use a file of weights")
    return arrays


def _read_npy(file: BinaryIO):
    """Reads the object in a .npy file, as `numpy.save` writes a dict."""
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    if not dtype.hasobject or shape != ():
        raise TypeError(f"an array {dtype} of shape {shape}, not a dict")
    value = safe_pickle.load(file)
    return value.item() if isinstance(value, np.ndarray) else value


def _read_pth(path: Path):
    """Reads the object in a file of `torch.save`: a zip archive of a pickle and the storages of its tensors."""
    with zipfile.ZipFile(path) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("a compressed archive, which torch.save does not write")
        (pickled,) = [name for name in archive.namelist() if name.endswith("/data.pkl")] or [""]
        folder = pickled.removesuffix("data.pkl")

        def storage(kind: str, storage_kind: Name, key: str, *_) -> np.ndarray:
            return np.frombuffer(archive.read(f"{folder}data/{key}"), STORAGES[storage_kind.name])

        return safe_pickle.load(io.BytesIO(archive.read(pickled)), storage)


def _read_old_pth(file: BinaryIO):
    """Reads the object in a file of `torch.save` before PyTorch 1.6.

    The file holds pickles of a magic number, a version, the machine, the object and the keys of its storages, then the
    storages, each after its number of values.
    """
    if safe_pickle.load(file) != _OLD_PTH:
        raise ValueError("a pickle, but none of torch.save")
    for _ in ("version", "machine"):
        safe_pickle.load(file)
    storages: dict[str, np.ndarray] = {}
    position = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(position)

    def storage(kind: str, storage_kind: Name, key: str, location: str, count: int, *_) -> np.ndarray:
        dtype = np.dtype(STORAGES[storage_kind.name])
        if not 0 <= count * dtype.itemsize <= size - sum(values.nbytes for values in storages.values()):
            raise IndexError("the storages are larger than the file")
        return storages.setdefault(key, np.zeros(count, dtype))  # filled below

    value = safe_pickle.load(file, storage)
    for key in safe_pickle.load(file):
        values = storages[key]
        count, raw = int.from_bytes(file.read(8), "little"), file.read(values.nbytes)
        if count != len(values) or len(raw) != values.nbytes:
            raise EOFError("a storage is cut off")
        values[:] = np.frombuffer(raw, values.dtype)
    return value


def _read_safetensors(file: BinaryIO) -> dict[str, np.ndarray]:
    """Reads the arrays of a safetensors file: length of the JSON header, header, values."""
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= _LARGEST_HEADER:
        raise ValueError("neither .npy, .pth nor .safetensors")
    try:
        header = json.loads(file.read(length))
    except ValueError as error:
        raise ValueError("no header of safetensors") from error
    values, arrays = file.read(), {}
    for name, item in header.items():
        if name != "__metadata__":
            start, end = item["data_offsets"]
            dtype, shape = np.dtype(_SAFETENSORS[item["dtype"]]), tuple(item["shape"])
            if not (0 <= start <= end <= len(values) and end - start == math.prod(shape) * dtype.itemsize):
                raise IndexError(f"{name} lies outside of the file")
            arrays[name] = np.frombuffer(values[start:end], dtype).reshape(shape)
    return arrays
