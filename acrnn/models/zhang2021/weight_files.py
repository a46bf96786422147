"""Named arrays from files of other frameworks, read as data: nothing in a file is imported, called or executed.

NumPy's file of a dict and PyTorch's .pth hold a pickle, a program for a small stack machine that may call whatever Python
can import. Here the program is read step by step and only what arrays, numbers, texts, lists and dicts are made of is
done, by code of this file; whatever else it asks for is refused by name.
"""

from __future__ import annotations

import io
import json
import math
import pickletools
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

_NPY_MAGIC, _ZIP_MAGIC, _PICKLE_MAGIC = b"\x93NUMPY", b"PK\x03\x04", b"\x80"
_OLD_PTH = 0x1950A86A20F9469CFC6C  # what a file of torch.save began with before its version 1.6
_STORAGES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}
_SAFETENSORS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}
_LARGEST_HEADER = 100 * 2**20
_DAMAGE = (ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, OverflowError, zipfile.BadZipFile)


class _Refused(Exception):  # noqa: N818 - what it is, not an error of ours
    """A pickle asks for something that is no data."""


def read(path: Path) -> dict:
    """What a .npy of a dict, a .pth or a .safetensors file holds: arrays by name, in lists and dicts as they come.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is of another kind or damaged, or asks for anything but data.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of weights; check the path")
    with path.open("rb") as file:
        start = file.read(len(_NPY_MAGIC))
        file.seek(0)
        try:
            if start == _NPY_MAGIC:
                found = _read_npy(file)
            elif start.startswith(_ZIP_MAGIC):
                found = _read_pth(path)
            elif start.startswith(_PICKLE_MAGIC):
                found = _read_old_pth(file)
            else:
                found = _read_safetensors(file)
        except _Refused as error:
            raise ValueError(f"{path}: {error}; nothing in it was run, get it from another place") from error
        except _DAMAGE as error:
            raise ValueError(f"{path}: damaged, or of another kind ({error}); get it again") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: holds no named arrays; take a file of weights")
    return found


def _read_npy(file: BinaryIO):
    """The object in a .npy file of one, as `numpy.save` writes a dict."""
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    if not dtype.hasobject or shape != ():
        raise TypeError(f"an array {dtype} of shape {shape}, not a dict")
    whole = _Machine().run(file)
    return whole.item() if isinstance(whole, np.ndarray) else whole


def _read_pth(path: Path):
    """The object in a file of `torch.save`, a zip of a pickle and the storages of its tensors."""
    with zipfile.ZipFile(path) as archive:
        (pickled,) = [name for name in archive.namelist() if name.endswith("/data.pkl")] or [""]
        folder = pickled.removesuffix("data.pkl")

        def storage(kind: str, storage_kind: _Name, key: str, *_) -> np.ndarray:
            return np.frombuffer(archive.read(f"{folder}data/{key}"), _STORAGES[storage_kind.name])

        return _Machine(storage).run(io.BytesIO(archive.read(pickled)))


def _read_old_pth(file: BinaryIO):
    """The object in a file of `torch.save` before 1.6.

    Pickles of a number, a version, the machine, the object and the keys of its storages, then the storages, each behind
    its number of values.
    """
    if _Machine().run(file) != _OLD_PTH:
        raise KeyError("a pickle, but none of torch.save")
    for _ in ("version", "machine"):
        _Machine().run(file)
    storages: dict[str, np.ndarray] = {}
    here = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(here)

    def storage(kind: str, storage_kind: _Name, key: str, place: str, count: int, *_) -> np.ndarray:
        dtype = np.dtype(_STORAGES[storage_kind.name])
        if not 0 <= count * dtype.itemsize <= size:
            raise IndexError("a storage is larger than the file")
        return storages.setdefault(key, np.zeros(count, dtype))  # filled below

    found = _Machine(storage).run(file)
    for key in _Machine().run(file):
        values = storages[key]
        count, raw = int.from_bytes(file.read(8), "little"), file.read(values.nbytes)
        if count != len(values) or len(raw) != values.nbytes:
            raise EOFError("a storage is cut off")
        values[:] = np.frombuffer(raw, values.dtype)
    return found


def _read_safetensors(file: BinaryIO) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file: the length of a JSON header, the header, then all values."""
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= _LARGEST_HEADER:
        raise KeyError("neither .npy, .pth nor .safetensors")
    try:
        header = json.loads(file.read(length))
    except ValueError as error:
        raise KeyError("no header of safetensors") from error
    values, found = file.read(), {}
    for name, item in header.items():
        if name != "__metadata__":
            start, end = item["data_offsets"]
            dtype, shape = np.dtype(_SAFETENSORS[item["dtype"]]), tuple(item["shape"])
            if not (0 <= start <= end <= len(values) and end - start == math.prod(shape) * dtype.itemsize):
                raise IndexError(f"{name} lies outside of the file")
            found[name] = np.frombuffer(values[start:end], dtype).reshape(shape)
    return found


class _Name:
    """A name that a pickle asks for; nothing is looked up by it but the functions of this file."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name


class _Dtype:
    """A data type while its state is still to come."""

    def __init__(self, code: str, *_):
        self.code, self.order = code, "<"


class _Array:
    """An array while its state is still to come."""

    def __init__(self, *_):
        self.value: np.ndarray | None = None


def _rebuilt_tensor(storage: np.ndarray, offset: int, shape: tuple, strides: tuple, *_) -> np.ndarray:
    last = offset + sum((count - 1) * stride for count, stride in zip(shape, strides, strict=True))
    if offset < 0 or min((0, *strides)) < 0 or min((1, *shape)) < 1 or last >= len(storage):
        raise IndexError("a tensor lies outside of its storage")
    size = storage.itemsize
    return np.lib.stride_tricks.as_strided(
        storage[offset:], shape, [stride * size for stride in strides], writable=False
    )


def _from_buffer(values: bytes, dtype: _Dtype, shape: tuple, order: str) -> np.ndarray:
    return _array(0, shape, dtype, order == "F", values)


_CALLS: Mapping[tuple[str, str], Callable] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): lambda text, *_: text.encode("latin-1"),
    ("collections", "OrderedDict"): lambda *items: dict(*items),
    ("torch._utils", "_rebuild_tensor_v2"): _rebuilt_tensor,
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
}
# What is named and never called.
_NAMES = {("numpy", "ndarray"), *(("torch", storage) for storage in _STORAGES)}
_MARK = object()


class _Machine:
    """The stack machine of pickle for data alone.

    Args:
        persistent: makes a storage of what a pickle says of one that lies outside of it.
    """

    def __init__(self, persistent: Callable | None = None):
        self.stack: list = []
        self.memo: dict[int, object] = {}
        self.persistent = persistent

    def run(self, file: BinaryIO):
        """The object that a pickle describes.

        Raises:
            _Refused: it asks for something else than data.
        """
        for opcode, argument, _ in pickletools.genops(file):
            step = getattr(self, f"_{opcode.name.lower()}", None)
            if opcode.name in _LITERALS:
                self.stack.append(_LITERALS[opcode.name](argument))
            elif step is not None:
                step(argument)
            elif opcode.name not in ("PROTO", "FRAME", "STOP"):
                raise _Refused(f"its pickle has a step {opcode.name}, which no array needs")
        return _settled(self.stack.pop())

    def _above_mark(self) -> list:
        place = max(number for number, value in enumerate(self.stack) if value is _MARK)
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values

    def _mark(self, _):
        self.stack.append(_MARK)

    def _tuple(self, _):
        self.stack.append(tuple(self._above_mark()))

    def _tuple1(self, _):
        self.stack[-1:] = [tuple(self.stack[-1:])]

    def _tuple2(self, _):
        self.stack[-2:] = [tuple(self.stack[-2:])]

    def _tuple3(self, _):
        self.stack[-3:] = [tuple(self.stack[-3:])]

    def _append(self, _):
        value = self.stack.pop()
        self.stack[-1].append(value)

    def _appends(self, _):
        values = self._above_mark()
        self.stack[-1].extend(values)

    def _setitem(self, _):
        value, key = self.stack.pop(), self.stack.pop()
        self.stack[-1][key] = value

    def _setitems(self, _):
        values = self._above_mark()
        self.stack[-1].update(zip(values[::2], values[1::2], strict=True))

    def _binput(self, place: int):
        self.memo[place] = self.stack[-1]

    _long_binput = _binput

    def _memoize(self, _):
        self.memo[len(self.memo)] = self.stack[-1]

    def _binget(self, place: int):
        self.stack.append(self.memo[place])

    _long_binget = _binget

    def _global(self, names: str):
        self._named(*names.split(" ", 1))

    def _stack_global(self, _):
        name, module = self.stack.pop(), self.stack.pop()
        self._named(module, name)

    def _named(self, module: str, name: str):
        if (module, name) not in _CALLS and (module, name) not in _NAMES:
            raise _Refused(f"it asks for {module}.{name}, which no array needs")
        self.stack.append(_Name(module, name))

    def _reduce(self, _):
        arguments, called = self.stack.pop(), self.stack.pop()
        self.stack.append(_CALLS[called.module, called.name](*arguments))

    def _build(self, _):
        state, made = self.stack.pop(), self.stack[-1]
        if isinstance(made, _Dtype):
            made.order = state[1]
        elif isinstance(made, _Array):
            made.value = _array(*state)
        elif not isinstance(made, dict):  # of which the attributes are let go
            raise TypeError("a state of something that has none")

    def _binpersid(self, _):
        self.stack.append(self.persistent(*self.stack.pop()))


def _array(version: int, shape: tuple, dtype: _Dtype, fortran: bool, values) -> np.ndarray:
    """An array from the state in its pickle: raw bytes, or a list where it holds objects."""
    order = "F" if fortran else "C"
    if dtype.code.startswith("O"):
        found = np.empty(shape, object)
        found.reshape(-1)[:] = values
        return found
    raw = values.encode("latin-1") if isinstance(values, str) else values
    kind = np.dtype(dtype.code).newbyteorder(dtype.order if dtype.order in "<>" else "<")
    if kind.hasobject:
        raise TypeError(f"an array of {dtype.code}")
    return np.frombuffer(raw, kind).reshape(shape, order=order)


def _settled(value):
    """The value with arrays in the places where their beginnings were put."""
    if isinstance(value, _Array):
        return _settled(value.value)
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        settled = np.empty(value.shape, object)
        for place in np.ndindex(value.shape):
            settled[place] = _settled(value[place])
        return settled
    if isinstance(value, dict):
        return {key: _settled(part) for key, part in value.items()}
    return type(value)(_settled(part) for part in value) if isinstance(value, list | tuple) else value


_LITERALS = {
    **{name: lambda value: value for name in ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT")},
    **{name: lambda value: value for name in ("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")},
    **{name: lambda value: value for name in ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8")},
    **{name: lambda value: value for name in ("BINSTRING", "SHORT_BINSTRING")},  # Python 2's, as latin-1
    **{"NONE": lambda _: None, "NEWTRUE": lambda _: True, "NEWFALSE": lambda _: False},
    **{"EMPTY_DICT": lambda _: {}, "EMPTY_LIST": lambda _: [], "EMPTY_TUPLE": lambda _: ()},
}
