"""Reads AlexNet's weights from files of other frameworks, such as those trained on ImageNet, for `alexnet.build`.

The formats differ from this network's:

- Caffe (`bvlc_alexnet.npy`): conv1 … fc7 → [weights, biases], kernels rows × columns × in × out. Pictures are blue, green,
  red, from 0 to 255, with the mean subtracted.
- torchvision (`alexnet-owt-*.pth`, or the same as .safetensors): kernels out × in × rows × columns, and the inputs of FC6 are
  ordered by map, row, column. Pictures are red, green, blue with unit variance.

Our planes static, delta, delta-delta stand for red, green, blue and have unit variance. For Caffe, the input maps of the
first convolution are reversed and its kernel is multiplied by the standard deviation of ImageNet's pixels. A convolution is
linear, so this equals scaling the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from acrnn.models.zhang2021 import weight_files
from acrnn.models.zhang2021.config import LAYOUTS

PIXEL_DEVIATION = 57.6  # 255 times the mean of 0.229, 0.224, 0.225: torchvision's standard deviations of the colors
_CAFFE = {**{f"conv_{n}": f"conv{n}" for n in range(1, 6)}, "fc_6": "fc6", "fc_7": "fc7"}
_TORCHVISION = {
    **{f"conv_{number}": f"features.{index}" for number, index in enumerate((0, 3, 6, 8, 10), 1)},
    "fc_6": "classifier.1",
    "fc_7": "classifier.4",
}


@dataclass(frozen=True)
class Weights:
    """Weights of AlexNet.

    Attributes:
        layout: key in `LAYOUTS` of their network.
        arrays: (kernel, bias) by layer; a convolution with groups is one layer.
        path: file of the weights, for messages.
    """

    layout: str
    arrays: Mapping[str, tuple[np.ndarray, np.ndarray]]
    path: Path

    def assign(self, model: keras.Model) -> None:
        """Sets the weights of a network of `alexnet.build`.

        Raises:
            ValueError: the network has another layout or size.
        """
        for name, (kernel, bias) in self.arrays.items():
            layers = _layers(model, name, LAYOUTS[self.layout].groups)
            parts = zip(np.split(kernel, len(layers), -1), np.split(bias, len(layers)), strict=True)
            for layer, part in zip(layers, parts, strict=True):
                self._assign_layer(layer, part)

    def _assign_layer(self, layer: keras.layers.Layer, values: tuple[np.ndarray, np.ndarray]) -> None:
        expected, shapes = [tuple(weight.shape) for weight in layer.weights], [value.shape for value in values]
        if expected != shapes:
            raise ValueError(
                f"{self.path}: {layer.name} has the shapes {shapes}, the network's are {expected}; build the network with "
                f"layout={self.layout!r} and the size of the weights (image_size, width, fc_units)"
            )
        layer.set_weights([np.asarray(value, np.float32) for value in values])


def _layers(model: keras.Model, name: str, groups: tuple[int, ...]) -> list[keras.layers.Layer]:
    """The layer of that name, or the layers of its groups; one of the network's own where its layout differs."""
    number = int(name.rpartition("_")[2])
    count = groups[number - 1] if name.startswith("conv") else 1
    names = [name] if count == 1 else [f"{name}_group_{group + 1}" for group in range(count)]
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    if set(names) <= layers.keys():
        return [layers[layer_name] for layer_name in names]
    return [layers.get(name) or layers[f"{name}_group_1"]]


def read(path: Path) -> Weights:
    """Reads and converts the weights in a file.

    Raises:
        FileNotFoundError, ValueError: as in `weight_files.read`; or the file holds another network.
    """
    file_arrays = weight_files.read(path)
    if set(_CAFFE.values()) <= file_arrays.keys():
        return Weights("caffe", _from_caffe(path, file_arrays), path)
    if {f"{name}.weight" for name in _TORCHVISION.values()} <= file_arrays.keys():
        return Weights("torchvision", _from_torchvision(file_arrays), path)
    raise ValueError(
        f"{path}: holds {', '.join(sorted(map(str, file_arrays))[:4])} …, no AlexNet of Caffe (conv1 … fc7) or torchvision "
        "(features.0.weight …); use a file of one of these"
    )


def _from_caffe(path: Path, file_arrays: Mapping) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    arrays = {}
    for ours, theirs in _CAFFE.items():
        part = file_arrays[theirs]
        try:
            parts = (part["weights"], part["biases"]) if isinstance(part, Mapping) else part
            kernel, bias = (np.asarray(values) for values in parts)
        except (TypeError, ValueError, KeyError) as error:
            raise ValueError(f"{path}: {theirs} is not [weights, biases]; use a file of bvlc_alexnet") from error
        if (kernel.ndim, bias.ndim) != (4 if ours.startswith("conv") else 2, 1):
            raise ValueError(
                f"{path}: {theirs} has weights {kernel.shape} and biases {bias.shape}; use a file of bvlc_alexnet"
            )
        arrays[ours] = kernel, bias
    kernel, bias = arrays["conv_1"]
    arrays["conv_1"] = kernel[:, :, ::-1] * PIXEL_DEVIATION, bias
    return arrays


def _from_torchvision(file_arrays: Mapping) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    arrays = {}
    for ours, theirs in _TORCHVISION.items():
        kernel, bias = file_arrays[f"{theirs}.weight"], file_arrays[f"{theirs}.bias"]
        arrays[ours] = (kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T), bias
    kernel, bias = arrays["fc_6"]  # [maps * rows * columns, units]
    maps = len(arrays["conv_5"][1])
    side = round((len(kernel) / maps) ** 0.5)
    by_row = kernel.reshape(maps, side, side, -1).transpose(1, 2, 0, 3)  # [rows, columns, maps, units]
    arrays["fc_6"] = by_row.reshape(len(kernel), -1), bias
    return arrays
