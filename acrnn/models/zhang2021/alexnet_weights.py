"""AlexNet's weights from files of other frameworks, such as those trained on ImageNet, laid out as `alexnet` wants them.

What the files mean and this network does not:

- Caffe (`bvlc_alexnet.npy`): conv1 … fc7 → [weights, biases], convolutions already rows × columns × in × out. Its pictures
  are blue, green, red, from 0 to 255 with the mean taken off.
- torchvision (`alexnet-owt-*.pth`, or the same as .safetensors): convolutions out × in × rows × columns, and FC6 reads maps
  before rows before columns. Its pictures are red, green, blue with unit variance.

Our planes static, delta, delta-delta stand for red, green, blue and have unit variance. For Caffe the first convolution is
turned round and multiplied by the deviation of ImageNet's pixels: a convolution is linear, so that is the same as
stretching the picture, and the network stays one and the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from acrnn.models.zhang2021 import weight_files
from acrnn.models.zhang2021.config import LAYOUTS

PIXEL_DEVIATION = 57.6  # 255 times the mean of 0.229, 0.224 and 0.225, torchvision's deviations of red, green and blue
_CAFFE = {**{f"conv_{n}": f"conv{n}" for n in range(1, 6)}, "fc_6": "fc6", "fc_7": "fc7"}
_TORCHVISION = {
    **{f"conv_{number}": f"features.{place}" for number, place in enumerate((0, 3, 6, 8, 10), 1)},
    "fc_6": "classifier.1",
    "fc_7": "classifier.4",
}


@dataclass(frozen=True)
class Weights:
    """Weights of AlexNet: kernel and bias by layer, a grouped convolution as one; and the layout they are of."""

    layout: str
    arrays: Mapping[str, tuple[np.ndarray, np.ndarray]]
    path: Path

    def assign(self, model: keras.Model) -> None:
        """Puts the weights into a network of `alexnet.build`.

        Raises:
            ValueError: it is of another layout or size.
        """
        for name, (kernel, bias) in self.arrays.items():
            layers = _layers(model, name, LAYOUTS[self.layout].groups)
            parts = zip(np.split(kernel, len(layers), -1), np.split(bias, len(layers)), strict=True)
            for layer, part in zip(layers, parts, strict=True):
                self._put(layer, part)

    def _put(self, layer: keras.layers.Layer, values: tuple[np.ndarray, np.ndarray]) -> None:
        wanted, found = [tuple(weight.shape) for weight in layer.weights], [value.shape for value in values]
        if wanted != found:
            raise ValueError(
                f"{self.path}: {layer.name} has the shapes {found}, the network's are {wanted}; the weights go with "
                f"--network layout={self.layout} and, at their own size, with nothing reduced"
            )
        layer.set_weights([np.asarray(value, np.float32) for value in values])


def _layers(model: keras.Model, name: str, groups: tuple[int, ...]) -> list[keras.layers.Layer]:
    """The layer of that name, or those of its groups; of another layout than the weights', what there is."""
    number = int(name.rpartition("_")[2])
    count = groups[number - 1] if name.startswith("conv") else 1
    names = [name] if count == 1 else [f"{name}_group_{group + 1}" for group in range(count)]
    there = {layer.name: layer for layer in model.layers if layer.weights}
    return (
        [there[one] for one in names] if set(names) <= there.keys() else [there.get(name) or there[f"{name}_group_1"]]
    )


def read(path: Path) -> Weights:
    """The weights in a file, converted.

    Raises:
        FileNotFoundError, ValueError: see `array_files.read`; or it holds no AlexNet.
    """
    found = weight_files.read(path)
    if set(_CAFFE.values()) <= found.keys():
        return Weights("caffe", _from_caffe(path, found), path)
    if {f"{name}.weight" for name in _TORCHVISION.values()} <= found.keys():
        return Weights("torchvision", _from_torchvision(found), path)
    raise ValueError(
        f"{path}: holds {', '.join(sorted(map(str, found))[:4])} …, no AlexNet of Caffe (conv1 … fc7) or torchvision "
        "(features.0.weight …); take a file of one of these"
    )


def _from_caffe(path: Path, found: Mapping) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    arrays = {}
    for ours, theirs in _CAFFE.items():
        part = found[theirs]
        try:
            parts = (part["weights"], part["biases"]) if isinstance(part, Mapping) else part
            kernel, bias = (np.asarray(values) for values in parts)
        except (TypeError, ValueError, KeyError) as error:
            raise ValueError(f"{path}: {theirs} is not [weights, biases]; take a file of bvlc_alexnet") from error
        if (kernel.ndim, bias.ndim) != (4 if ours.startswith("conv") else 2, 1):
            raise ValueError(
                f"{path}: {theirs} has weights {kernel.shape} and biases {bias.shape}; take a file of bvlc_alexnet"
            )
        arrays[ours] = kernel, bias
    kernel, bias = arrays["conv_1"]
    arrays["conv_1"] = kernel[:, :, ::-1] * PIXEL_DEVIATION, bias
    return arrays


def _from_torchvision(found: Mapping) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    arrays = {}
    for ours, theirs in _TORCHVISION.items():
        kernel, bias = found[f"{theirs}.weight"], found[f"{theirs}.bias"]
        arrays[ours] = (kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T), bias
    kernel, bias = arrays["fc_6"]  # [maps * rows * columns, units]
    maps = len(arrays["conv_5"][1])
    side = round((len(kernel) / maps) ** 0.5)
    by_place = kernel.reshape(maps, side, side, -1).transpose(1, 2, 0, 3)
    arrays["fc_6"] = by_place.reshape(len(kernel), -1), bias
    return arrays
