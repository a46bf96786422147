"""Loads networks that were saved as .keras files."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from acrnn.console import import_quietly
from acrnn.errors import FileError
from acrnn.models.registry import MODELS
from acrnn.reading import check_regular
from acrnn.reading.foreign_errors import reason

if TYPE_CHECKING:
    import keras


def load_network(path: str | os.PathLike) -> keras.Model:
    """Loads the network of any system from a .keras file.

    The file is loaded in safe mode: it can use the layers of Keras and of the systems in `MODELS`, and no other code.

    Args:
        path: file that an `Estimator.save` or an experiment wrote.

    Returns:
        The network with its normalization and vocabulary, from network inputs to logits; not compiled.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is damaged, or uses layers of a system that is not installed.
    """
    path = Path(path)
    check_regular(path, "check the path")
    import_quietly("keras")
    import keras

    _register_layers()
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # a damaged archive, file of weights or configuration each raise errors of their own
        raise FileError(
            f"{path}: not a network that can be loaded ({_reason(error)}); train it again, or install the package that "
            "has its layers"
        ) from error


def _register_layers() -> None:
    """Registers the layers of all systems with Keras; a system that cannot be imported only causes a warning."""
    for name, system in MODELS.items():
        try:
            system.register_layers()
        except ImportError as error:
            warnings.warn(f"the layers of {name} cannot be imported ({error})", stacklevel=3)


def _reason(error: Exception) -> str:
    """The unknown layer in an error of Keras, or the first line of another error."""
    if unknown := re.search(r"Could not locate class '([^']+)'", str(error)):
        return f"its layer {unknown[1]} is unknown"
    return reason(error)
