"""AlexNet (Krizhevsky et al. 2012) up to its last hidden layer FC7, in the three layouts of `config.LAYOUTS`."""

from __future__ import annotations

import keras
from keras import layers, ops

from acrnn.models.zhang2021.config import Layout

_PACKAGE = "acrnn.alexnet"
_KERNELS = (11, 5, 3, 3, 3)
_POOLED = (1, 2, 5)


def build(layout: Layout, image_size: int, width: float = 1.0, fc_units: int = 4096) -> keras.Model:
    """Returns the untrained network.

    Args:
        layout: a value of `config.LAYOUTS`.
        image_size: rows and columns of the pictures; 227 in AlexNet, 67 is the smallest size for its pools.
        width: filters as a share of the layout's.
        fc_units: units of FC6 and FC7.

    Returns:
        Model "alexnet" from pictures [batch, image_size, image_size, 3] to FC7 after its ReLU [batch, fc_units].
    """
    # for ReLUs; with standard normal weights, as in the paper, the activations overflow
    initializer = {"kernel_initializer": "he_normal"}
    x = pictures = keras.Input((image_size, image_size, 3), name="pictures")
    x = layers.ZeroPadding2D(layout.first_padding, name="first_padding")(x) if layout.first_padding else x
    for number, (filters, kernel, groups) in enumerate(zip(layout.filters, _KERNELS, layout.groups, strict=True), 1):
        shape = {"strides": 4, "padding": "valid"} if number == 1 else {"padding": "same"}
        maps = 2 * max(1, round(width * filters / 2))  # even, so that two groups share them
        x = _convolution(x, f"conv_{number}", maps, kernel, groups, **shape, **initializer)
        x = layers.ReLU(name=f"conv_{number}_activation")(x)
        if layout.response_normalization and number <= 2:
            x = ResponseNormalization(name=f"norm_{number}")(x)
        if number in _POOLED:
            x = layers.MaxPooling2D(3, 2, name=f"pool_{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    for number in (6, 7):
        x = layers.Dense(fc_units, "relu", name=f"fc_{number}", **initializer)(x)
    return keras.Model(pictures, x, name="alexnet")


def _convolution(x, name: str, filters: int, kernel: int, groups: int, **options):
    """A convolution; two groups are two convolutions, since not every processor has the gradient of a grouped one."""
    if groups == 1:
        return layers.Conv2D(filters, kernel, name=name, **options)(x)
    share = x.shape[-1] // groups
    parts = [
        layers.Conv2D(filters // groups, kernel, name=f"{name}_group_{part + 1}", **options)(
            x[..., part * share : (part + 1) * share]
        )
        for part in range(groups)
    ]
    return layers.Concatenate(name=name)(parts)


@keras.saving.register_keras_serializable(_PACKAGE)
class ResponseNormalization(layers.Layer):
    """Local response normalization, x_i / (1 + α/n · Σ x_j²)^β, with the sum over the n maps around map i.

    Krizhevsky et al. (2012), Section 3.3, with α/n as in Caffe.

    Args:
        neighbours: n, number of maps in the sum.
        alpha, beta: α and β.

    Inputs: maps [batch, rows, columns, maps]. Output: the same shape.
    """

    def __init__(self, neighbours: int = 5, alpha: float = 1e-4, beta: float = 0.75, **kwargs):
        super().__init__(**kwargs)
        self.neighbours, self.alpha, self.beta = neighbours, alpha, beta

    def call(self, maps):
        reach, count = self.neighbours // 2, maps.shape[-1]
        squares = ops.pad(maps**2, ((0, 0), (0, 0), (0, 0), (reach, reach)))
        energy = sum(squares[..., start : start + count] for start in range(self.neighbours))
        return maps / (1 + self.alpha / self.neighbours * energy) ** self.beta

    def get_config(self):
        return {**super().get_config(), "neighbours": self.neighbours, "alpha": self.alpha, "beta": self.beta}
