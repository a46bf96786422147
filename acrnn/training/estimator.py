"""The interface of everything that is trained: networks by gradient descent, and systems with stages of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    import keras

    from acrnn.batches.sources import Source


@dataclass(frozen=True)
class Epoch:
    """One point of a learning curve.

    Attributes:
        epoch: number of the epoch, from 1.
        loss: mean training loss.
        validation_loss, validation_uar: cross-entropy and unweighted average recall over the validation utterances; None
            without any.
        seconds: wall time of the epoch.
        waiting_share: share of the time of its training steps in which they waited for batches; None where it is not known.
    """

    epoch: int
    loss: float
    validation_loss: float | None
    validation_uar: float | None
    seconds: float
    waiting_share: float | None = None

    def to_dict(self) -> dict:
        """Returns the fields in types that JSON has; a share that is not known is left out."""
        values = asdict(self)
        if self.waiting_share is None:
            del values["waiting_share"]
        return values

    @property
    def selection_key(self) -> tuple[float, float]:
        """Key of checkpoint selection, larger is better: validation UAR, then a lower validation loss.

        Raises:
            ValueError: there are no validation utterances.
        """
        if self.validation_uar is None or self.validation_loss is None:
            raise ValueError(f"epoch {self.epoch}: without validation utterances no checkpoint can be selected")
        return self.validation_uar, -self.validation_loss


@dataclass(frozen=True)
class Fit:
    """Result of a fit, in addition to the weights.

    Attributes:
        curve: the learning curve.
        best_epoch: number of the epoch of the selected checkpoint.
    """

    curve: tuple[Epoch, ...]
    best_epoch: int

    @property
    def validation_uar(self) -> float | None:
        """UAR of the selected checkpoint on the validation speakers; None without any."""
        return self.curve[self.best_epoch - 1].validation_uar

    def to_dict(self) -> dict:
        """Returns the fields in types that JSON has."""
        return {"best_epoch": self.best_epoch, "curve": [epoch.to_dict() for epoch in self.curve]}


@runtime_checkable
class Estimator(Protocol):
    """A system that is fitted, as often as needed, and then predicts.

    Attributes:
        model: keras.Model from network inputs to logits.
    """

    model: keras.Model

    def fit(
        self,
        train: Source,
        validation: Source | None,
        seed: int,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
        statistics: Source | None = None,
    ) -> Fit:
        """Trains from newly initialized weights and restores the selected checkpoint.

        The result does not depend on earlier fits: weights, optimizer state and random generators are reset first. The
        selected checkpoint is the epoch with the best validation UAR and among equals the lowest validation loss, or the
        last epoch, as the recipe says.

        Args:
            train, validation: segments of disjoint utterances; the validation part is used for checkpoint selection only.
                None without a validation part, for a recipe that keeps the last epoch.
            seed: random seed of weights, dropout and order.
            on_epoch: called after every epoch.
            statistics: source of the normalization statistics; None for the training part. Any other source is data
                leakage, which the leakage audit measures.

        Raises:
            ValueError: the loss is not finite, or there is no validation part for checkpoint selection.
        """
        ...

    def posteriors(self, source: Source) -> tuple[np.ndarray, np.ndarray]:
        """Returns posteriors float [utterances, classes] and labels int [utterances], in the order of the source."""
        ...

    def pooled(self, source: Source, poolings: Sequence[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Returns posteriors for several ways of pooling segments, from one pass over the source.

        Args:
            source: segments of the utterances.
            poolings: keys in `acrnn.segments.POOLINGS`.

        Returns:
            Posteriors float [utterances, classes] by pooling, and labels int [utterances].
        """
        ...

    def attention(self, inputs: dict[str, np.ndarray]) -> np.ndarray | None:
        """Returns attention weights float [segments, steps] for at most one batch; None for a network without attention."""
        ...

    def save(self, path: Path) -> None:
        """Writes the network with its normalization as a .keras file, without the optimizer state."""
        ...
