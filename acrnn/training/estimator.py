"""The interface of everything that is trained here: networks by gradient descent, and systems with stages of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import keras

    from acrnn.batches.sources import Source


@dataclass(frozen=True)
class Epoch:
    """One point of a learning curve.

    Attributes:
        epoch: number, from 1.
        loss: training loss.
        validation_loss, validation_uar: over whole validation utterances.
        seconds: wall time of the epoch.
    """

    epoch: int
    loss: float
    validation_loss: float
    validation_uar: float
    seconds: float


@dataclass(frozen=True)
class Fit:
    """The outcome of a fit, beside the weights.

    Attributes:
        curve: the learning curve.
        best_epoch: number of the selected checkpoint's epoch.
    """

    curve: tuple[Epoch, ...]
    best_epoch: int

    @property
    def validation_uar(self) -> float:
        """UAR of the selected checkpoint on the validation speakers."""
        return self.curve[self.best_epoch - 1].validation_uar

    def to_dict(self) -> dict:
        """JSON-ready fields."""
        return {"best_epoch": self.best_epoch, "curve": [asdict(epoch) for epoch in self.curve]}


class Estimator(Protocol):
    """A system that can be fitted repeatedly and then predicts.

    Attributes:
        model: the keras.Model from network inputs to logits.
    """

    model: keras.Model

    def fit(
        self,
        train: Source,
        validation: Source,
        seed: int,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
        statistics: Source | None = None,
    ) -> Fit:
        """Trains from freshly initialized weights and restores the selected checkpoint.

        The result does not depend on earlier fits: weights, optimizer state and random generators are reset first.

        Args:
            train, validation: segments of disjoint utterances; the validation part is used for checkpoint selection alone.
            seed: random seed of weights, dropout and order.
            on_epoch: called after every epoch.
            statistics: source of the normalization statistics; None for the training part. Anything else is a leak, which
                the leakage audit measures.

        Raises:
            ValueError: the loss is not finite.
        """
        ...

    def posteriors(self, source: Source) -> tuple[np.ndarray, np.ndarray]:
        """Posteriors float [utterances, classes] and labels int [utterances] of a source, in the order of its utterances."""
        ...

    def pooled(self, source: Source, poolings: Sequence[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Posteriors by pooling method, [utterances, classes] each, and labels [utterances], from one pass over the source."""
        ...

    def attention(self, inputs: dict[str, np.ndarray]) -> np.ndarray | None:
        """Attention weights [segments, steps] of up to a batch of segments; None for a network without attention."""
        ...

    def save(self, path: Path) -> None:
        """Writes the network with its normalization as a .keras file, without the optimizer state."""
        ...
