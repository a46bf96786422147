"""Layers that a training from other weights does not change. Imports nothing, so that the command line can list them at once."""

from typing import Literal

Frozen = Literal["none", "convolutions", "all-but-head"]
FROZEN: tuple[Frozen, ...] = ("convolutions", "all-but-head")  # choices of the command line
