"""Compares the folder of an interrupted command with that of an uninterrupted one, in all that does not tell time."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import h5py
import numpy as np

# Keys of JSON files whose values differ between two uninterrupted runs.
TIMES = {"seconds", "waiting_share", "peak_memory_mib", "sha256", "files"}
_DRAWN = {".html", ".png"}  # drawn from the results, with times
_STATE_OF_KERASTUNER = "oracle"  # its order of events, and times; the results are in tuning.json
_NUMBERED = {"saved_model.pb", "fingerprint.pb", "variables.index"}  # with random identifiers of TensorFlow


def differences(expected: Path, folder: Path) -> list[str]:
    """Returns the names of files that one folder lacks, or whose contents differ in more than times."""
    names = sorted({str(path.relative_to(base)) for base in (expected, folder) for path in base.rglob("*")})
    return [name for name in names if not _is_equal(expected / name, folder / name)]


def _is_equal(first: Path, second: Path) -> bool:
    if not (first.exists() and second.exists()):
        return _STATE_OF_KERASTUNER in first.parts
    if first.is_dir() or first.suffix in _DRAWN or first.name in _NUMBERED or _STATE_OF_KERASTUNER in first.parts:
        return first.is_dir() == second.is_dir()
    if first.suffix == ".json":
        return _without_times(json.loads(first.read_text())) == _without_times(json.loads(second.read_text()))
    for suffix, weights in (".keras", _of_keras), (".onnx", _of_onnx), (".data-00000-of-00001", _of_saved_model):
        if first.name.endswith(suffix):
            one, other = weights(first), weights(second)
            return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
    return first.read_bytes() == second.read_bytes()


def _without_times(value):
    if isinstance(value, dict):
        return {name: _without_times(each) for name, each in value.items() if name not in TIMES}
    return [_without_times(each) for each in value] if isinstance(value, list) else value


def _of_keras(path: Path) -> dict[str, np.ndarray]:
    """Returns the weights of a saved network by name."""
    with ZipFile(path) as archive, archive.open("model.weights.h5") as member, h5py.File(member) as file:
        values: dict[str, np.ndarray] = {}
        file.visititems(lambda name, node: values.update({name: node[()]} if isinstance(node, h5py.Dataset) else {}))
        return values


def _of_onnx(path: Path) -> dict[int, np.ndarray]:
    """Returns the constants of a graph, sorted: tf2onnx gives them other names in each run."""
    import onnx

    values = [onnx.numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer]
    values.sort(key=lambda value: (str(value.dtype), value.shape, value.tobytes()))
    return dict(enumerate(values))


def _of_saved_model(path: Path) -> dict[str, np.ndarray]:
    """Returns the variables of a SavedModel by name, without the states of random generators, which no prediction uses."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(path).removesuffix(".data-00000-of-00001"))
    types = reader.get_variable_to_dtype_map()
    return {name: reader.get_tensor(name) for name, kind in types.items() if kind.is_floating}
