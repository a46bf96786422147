"""Training recipes as data: what a paper says about optimisation, and nothing about the network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from acrnn.console import UsageError
from acrnn.segments import POOLINGS


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the defaults are Chen et al. (2018), Section III-A, sensible where it is silent.

    Attributes:
        optimizer: "nadam" is Adam with Nesterov momentum, as the paper says.
        momentum: the decay of the first moment (β₁).
        epochs: passes over the training segments at most; the paper chooses the epoch on the validation speaker.
        patience: stop after so many epochs without a better validation UAR; None never stops early.
        pooling: how segments make an utterance, in validation as in test ("max", "mean" or "max-logits").
        class_weights: weigh classes by the inverse of their frequency in the training part.
        gradient_clip_norm: global norm that gradients are clipped to; None leaves them.
        precision: "float32" or "mixed_bfloat16", which is faster on processors that have it.
    """

    optimizer: Literal["nadam", "adam"] = "nadam"
    learning_rate: float = 1e-4
    momentum: float = 0.9
    batch_size: int = 40
    epochs: int = 30
    patience: int | None = None
    pooling: Literal["max", "mean", "max-logits"] = "max"
    class_weights: bool = False
    gradient_clip_norm: float | None = None
    precision: Literal["float32", "mixed_bfloat16"] = "float32"

    def __post_init__(self):
        for name in ("learning_rate", "gradient_clip_norm"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise UsageError(f"--{name.replace('_', '-')} {value}: it must be a number above 0")
        if self.pooling not in POOLINGS:
            raise UsageError(f"--pooling {self.pooling}: it is unknown; choose from {', '.join(POOLINGS)}")


CHEN2018 = Recipe()
# What the authors' published code does instead.
CHEN2018_ORIGINAL = Recipe(optimizer="adam", learning_rate=1e-5, batch_size=60, pooling="max-logits")
