"""Layers of a network that keep their initial weights in a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from acrnn.errors import FieldError

if TYPE_CHECKING:
    from acrnn.frozen import Frozen

_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D)


def frozen_layers(model: keras.Model, other_classes: keras.Model, frozen: Frozen) -> list[str]:
    """Returns the names of the layers that are not trained.

    Args:
        model: the network.
        other_classes: the same network for another number of classes, which tells the output layer from the others.
        frozen: "convolutions"; "all-but-head", every layer whose weights do not depend on the number of classes; or "none".

    Raises:
        FieldError: the network has no such layer.
    """
    names = []
    for layer, other in zip(model.layers, other_classes.layers, strict=True):
        is_head = [weight.shape for weight in layer.weights] != [weight.shape for weight in other.weights]
        inner = getattr(layer, "layer", layer)  # of a TimeDistributed layer
        is_convolution = isinstance(inner, _CONVOLUTIONS)
        if layer.weights and (is_convolution if frozen == "convolutions" else frozen != "none" and not is_head):
            names.append(layer.name)
    if frozen != "none" and not names:
        raise FieldError("freeze", frozen, "the network has no such layer; leave it out")
    return names
