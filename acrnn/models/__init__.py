"""The registry of systems."""

from acrnn.models.system import (
    MODELS,
    System,
)

__all__ = [
    "MODELS",
    "System",
]
