"""Engines that run independent tasks: in processes of this machine, or on a Ray cluster."""

from acrnn.engines.engine import Engine, engine_of
from acrnn.engines.local import LocalEngine

__all__ = ["Engine", "LocalEngine", "engine_of"]
