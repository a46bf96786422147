"""Reads pickles of arrays as data: nothing in a file is imported, called or executed.

A pickle is a program for a small stack machine that may call whatever Python can import. Here each step is read, and only
those that build arrays, numbers, texts, lists and dicts are done, by the functions of this module. Anything else is refused.
"""

from __future__ import annotations

import io
import math
import pickletools
from collections.abc import Callable, Mapping
from typing import BinaryIO

import numpy as np

STORAGES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}


class UnsafePickleError(Exception):
    """The pickle asks for something other than data."""


def load(file: BinaryIO, storage: Callable[..., np.ndarray] | None = None):
    """Returns the object in a pickle of arrays, numbers, texts, lists, tuples and dicts.

    Args:
        file: binary file; it is read up to the end of the pickle.
        storage: returns the values of a PyTorch storage, which lies outside of the pickle, from the entries of its
            persistent id: "storage", a `Name` of `STORAGES`, key, location, number of values.

    Raises:
        UnsafePickleError: the pickle asks for something other than data.
    """
    return _Machine(storage).run(_Rest(file))


class _Rest:
    """The rest of a file. Reads take no more memory than that, whatever length a pickle states."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.tell, self.readline = file.tell, file.readline
        start = file.tell()
        self.size = file.seek(0, io.SEEK_END)
        file.seek(start)

    def read(self, count: int) -> bytes:
        return self.file.read(min(count, self.size - self.tell()))


class Name:
    """A global name in a pickle. It is only compared with the names of this module and never looked up.

    Attributes:
        module, name: the global name.
    """

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name


class _Dtype:
    """A data type before its state is set."""

    def __init__(self, code: str, *_):
        self.code, self.order = code, "<"


class _Array:
    """An array before its state is set."""

    def __init__(self, *_):
        self.value: np.ndarray | None = None


def _rebuilt_tensor(storage: np.ndarray, offset: int, shape: tuple, strides: tuple, *_) -> np.ndarray:
    last = offset + sum((count - 1) * stride for count, stride in zip(shape, strides, strict=True))
    if offset < 0 or min((0, *strides)) < 0 or min((1, *shape)) < 1 or last >= len(storage):
        raise IndexError("a tensor lies outside of its storage")
    strides = [stride * storage.itemsize for stride in strides]
    view = np.lib.stride_tricks.as_strided
    return view(storage[offset:], shape, strides, writeable=False)  # codespell:ignore writeable


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
# Names that appear without being called.
_NAMES = {("numpy", "ndarray"), *(("torch", storage) for storage in STORAGES)}
_MARK = object()


class _Machine:
    """The stack machine of pickle, with the steps that data needs; a method `_step` does the step STEP."""

    def __init__(self, storage: Callable[..., np.ndarray] | None = None):
        self.stack: list = []
        self.memo: dict[int, object] = {}
        self.storage = storage

    def run(self, file: _Rest):
        for opcode, argument, _ in pickletools.genops(file):
            step = getattr(self, f"_{opcode.name.lower()}", None)
            if opcode.name in _LITERALS:
                self.stack.append(_LITERALS[opcode.name](argument))
            elif step is not None:
                step(argument)
            elif opcode.name not in ("PROTO", "FRAME", "STOP"):
                raise UnsafePickleError(f"its pickle has a step {opcode.name}, which no array needs")
        return _finished(self.stack.pop())

    def _above_mark(self) -> list:
        mark = max(position for position, value in enumerate(self.stack) if value is _MARK)
        values = self.stack[mark + 1 :]
        del self.stack[mark:]
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

    def _binput(self, key: int):
        self.memo[key] = self.stack[-1]

    _long_binput = _binput

    def _memoize(self, _):
        self.memo[len(self.memo)] = self.stack[-1]

    def _binget(self, key: int):
        self.stack.append(self.memo[key])

    _long_binget = _binget

    def _global(self, names: str):
        self._named(*names.split(" ", 1))

    def _stack_global(self, _):
        name, module = self.stack.pop(), self.stack.pop()
        self._named(module, name)

    def _named(self, module: str, name: str):
        if (module, name) not in _CALLS and (module, name) not in _NAMES:
            raise UnsafePickleError(f"it asks for {module}.{name}, which no array needs")
        self.stack.append(Name(module, name))

    def _reduce(self, _):
        arguments, function = self.stack.pop(), self.stack.pop()
        self.stack.append(_CALLS[function.module, function.name](*arguments))

    def _build(self, _):
        state, value = self.stack.pop(), self.stack[-1]
        if isinstance(value, _Dtype):
            value.order = state[1]
        elif isinstance(value, _Array):
            value.value = _array(*state)
        elif not isinstance(value, dict):  # attributes of an OrderedDict are ignored
            raise TypeError("a state for an object that has none")

    def _binpersid(self, _):
        self.stack.append(self.storage(*self.stack.pop()))


def _array(version: int, shape: tuple, dtype: _Dtype, fortran: bool, values) -> np.ndarray:
    """Returns an array from its state in a pickle: raw bytes, or a list for an array of objects."""
    order = "F" if fortran else "C"
    if dtype.code.startswith("O"):
        if math.prod(shape) != len(values):
            raise ValueError(f"an array of shape {shape} with {len(values)} values")
        objects = np.empty(shape, object)
        objects.reshape(-1)[:] = values
        return objects
    raw = values.encode("latin-1") if isinstance(values, str) else values
    kind = np.dtype(dtype.code).newbyteorder(dtype.order if dtype.order in "<>" else "<")
    if kind.hasobject:
        raise TypeError(f"an array of {dtype.code}")
    return np.frombuffer(raw, kind).reshape(shape, order=order)


def _finished(value):
    """Replaces each `_Array` in a nested value by its array."""
    if isinstance(value, _Array):
        return _finished(value.value)
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        objects = np.empty(value.shape, object)
        for position in np.ndindex(value.shape):
            objects[position] = _finished(value[position])
        return objects
    if isinstance(value, dict):
        return {key: _finished(part) for key, part in value.items()}
    return type(value)(_finished(part) for part in value) if isinstance(value, list | tuple) else value


_LITERALS = {
    **{name: lambda value: value for name in ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT")},
    **{name: lambda value: value for name in ("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")},
    **{name: lambda value: value for name in ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8")},
    **{name: lambda value: value for name in ("BINSTRING", "SHORT_BINSTRING")},  # of Python 2, as latin-1
    **{"NONE": lambda _: None, "NEWTRUE": lambda _: True, "NEWFALSE": lambda _: False},
    **{"EMPTY_DICT": lambda _: {}, "EMPTY_LIST": lambda _: [], "EMPTY_TUPLE": lambda _: ()},
}
