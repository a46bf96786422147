"""Recognition with an exported model: files, arrays, folders and streams. Runs without TensorFlow if another runtime can."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acrnn.inference.prediction import Failure, Prediction, Segment
    from acrnn.inference.recognizer import Recognizer

__all__ = ["Failure", "Prediction", "Recognizer", "Segment"]
_MODULES = {"Failure": "prediction", "Prediction": "prediction", "Segment": "prediction", "Recognizer": "recognizer"}


def __getattr__(name: str) -> Any:
    """Imports a name of `__all__` at its first use, so that the console lists its options without NumPy."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
