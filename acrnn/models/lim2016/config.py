"""Sizes of the three networks of Lim, Jang and Lee (2016); the defaults are the paper's values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acrnn.errors import UsageError


@dataclass(frozen=True)
class Config:
    """The three networks, with the values of the paper; a field it leaves open says why it is what it is.

    Attributes:
        frames: of a segment: an image, or for "tdcnn" all frames that the images cover.
        padding: what padded frames are after normalization, from the records' segment rule.
        network: which of the three.
        images, image_hop: of the time-distributed CNN: 4, and 8 frames from one to the next.
        filters: of the two convolutions; the paper gives their size alone. 32 is what small image networks of its time had.
        pool_sizes: after each convolution, (time, frequency); open in the paper. The second is larger, so that a network of
            1024 units on top of it stays at tens of millions of weights; together they must divide `image_hop` in time.
        dense_units: after the CNN.
        lstm_units: of each of the three LSTM layers: Fig. 4 has output frames of 1 × 128.
        series_units: of each of the two LSTM layers over the images.
        dropout: after each pool and before the last layer; the paper says 0.25 and not where.
        normalization: what shares a mean and a deviation, see `FeatureNormalization`; the paper names none, and SGD with a
            rate of 0.01 needs inputs of order one.
    """

    num_classes: int
    frames: int = 128
    bands: int = 128
    record_channels: int = 1
    padding: Literal["mean", "zero"] = "mean"
    network: Literal["cnn", "lstm", "tdcnn"] = "cnn"
    images: int = 4
    image_hop: int = 8
    filters: tuple[int, int] = (32, 32)
    kernel_size: tuple[int, int] = (3, 3)
    pool_sizes: tuple[tuple[int, int], tuple[int, int]] = ((2, 2), (4, 4))
    dense_units: int = 1024
    lstm_units: int = 128
    lstm_layers: int = 3
    series_units: int = 1024
    series_layers: int = 2
    dropout: float = 0.25
    normalization: Literal["channel", "band"] = "band"

    def __post_init__(self):
        if not 0 <= self.dropout < 1:
            raise UsageError(f"--dropout {self.dropout}: it must be a share from 0 up to, not including, 1")
        if self.network not in ("cnn", "lstm", "tdcnn"):
            raise UsageError(f"--network network={self.network}: it is unknown; choose from cnn, lstm, tdcnn")
        if len(self.filters) != len(self.pool_sizes):
            raise UsageError(
                f"--filters {list(self.filters)}: there are {len(self.pool_sizes)} pools, so give as many numbers of filters"
            )
        if self.image_hop % self.pooled_by:
            raise UsageError(f"--image-hop {self.image_hop}: pooling by {self.pooled_by} in time must divide it")

    @property
    def pooled_by(self) -> int:
        """Frames of a step behind the CNN."""
        return self.pool_sizes[0][0] * self.pool_sizes[1][0]
