"""The registry of systems, `MODELS`, the class of its entries, `System`, and `load_network` for their saved networks.

The names are imported at their first use. A package that declares a system can thus import `acrnn.models.system` while the
registry, which imports that package, is not yet built.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acrnn.models.registry import MODELS
    from acrnn.models.saved_network import load_network
    from acrnn.models.system import System

__all__ = ["MODELS", "System", "load_network"]
_MODULES = {"MODELS": "registry", "System": "system", "load_network": "saved_network"}


def __getattr__(name: str):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
