"""Weights of trained networks, read from the files of experiments and exported models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from acrnn.errors import FileError
from acrnn.model_card import FORMATS, checksums
from acrnn.models import load_network
from acrnn.reading import foreign_errors

if TYPE_CHECKING:
    import keras

VARIABLES = Path("variables", "variables.data-00000-of-00001")  # file of weights in a SavedModel
_REMEDY = "copy the model again, or export it again"


def of_network_file(path: Path, network: keras.Model) -> list[np.ndarray]:
    """Returns the weights in a .keras file, in the order of `keras.Model.weights`.

    Args:
        path: the .keras file; it is read in safe mode.
        network: untrained network of the same shape.

    Raises:
        ValueError: the file is damaged, or holds a network of another shape.
    """
    weights = load_network(path).get_weights()
    return _checked(path, weights, network, "train it again")


def of_saved_model(folder: Path, sums: Mapping[str, str], network: keras.Model) -> list[np.ndarray]:
    """Returns the weights of an exported model, in the order of `keras.Model.weights`.

    Args:
        folder: version folder of the model, with a SavedModel.
        sums: checksums on its card.
        network: untrained network of the same shape.

    Raises:
        ValueError: a file is damaged, or the model has another shape.
    """
    checksums.check(folder, sums, FORMATS["saved-model"])
    own = {id(weight) for weight in network.weights}
    places = [number for number, variable in enumerate(network.variables) if id(variable) in own]
    return _checked(folder / VARIABLES, saved_variables(folder, places), network, _REMEDY)


def saved_variables(folder: Path, places: Iterable[int]) -> list[np.ndarray]:
    """Returns variables of an exported model.

    Args:
        folder: version folder of the model, with a SavedModel.
        places: places of the variables among those of the network, states of random generators included, which
            `export.saved_model` keeps in this order.

    Raises:
        FileError: the file is damaged, or has no such variable.
    """
    import tensorflow as tf

    path = folder / VARIABLES
    with foreign_errors(path, "not the weights of a model", _REMEDY):
        reader = tf.train.load_checkpoint(str(path.with_name("variables")))
        return [reader.get_tensor(f"weights/{place}/.ATTRIBUTES/VARIABLE_VALUE") for place in places]


def _checked(path: Path, weights: Sequence[np.ndarray], network: keras.Model, remedy: str) -> list[np.ndarray]:
    """Refuses weights of other shapes than the network's."""
    shapes = [tuple(weight.shape) for weight in network.weights]
    if [np.shape(weight) for weight in weights] != shapes:
        raise FileError(f"{path}: its weights are not those of the network in its description; {remedy}")
    return list(weights)
