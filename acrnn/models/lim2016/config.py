"""Sizes of the three networks of Lim, Jang and Lee (2016); the defaults are the paper's values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acrnn.errors import FieldError
from acrnn.models.field_checks import require_fractions


@dataclass(frozen=True)
class Config:
    """Sizes and options of the three networks. Where the paper gives no value, the list gives the reason for ours.

    Attributes:
        num_classes: number of emotions.
        frames: frames of a segment: those of one image, or for "tdcnn" all frames that the images cover.
        bands, record_channels: shape of a frame in the records.
        padding: value of padded frames after normalization, from the records' segment rule.
        network: "cnn" (Fig. 2), "lstm" (Fig. 4) or "tdcnn", the time-distributed CNN (Fig. 5).
        images, image_hop: number of images of the time-distributed CNN, and frames from one to the next.
        filters: filters of the two convolution layers. The paper gives the kernel size only; 32 was usual in small image
            networks of its time.
        kernel_size: (time, frequency).
        pool_sizes: (time, frequency) of the pool after each convolution; not in the paper. The second is larger, so that a
            network with 1024 units after it has tens of millions of weights. Their product in time must divide `image_hop`.
        dense_units: units of the dense layer after the CNN.
        lstm_units, lstm_layers: LSTM network: units of each layer (Fig. 4 has outputs of 1 × 128), and number of layers.
        series_units, series_layers: LSTM layers over the images of "tdcnn": units of each, and number.
        dropout: dropout rate after each pool and before the last layer. The paper gives 0.25, but not the places.
        normalization: values that share a mean and a deviation, see `FeatureNormalization`. The paper names none; SGD with
            a learning rate of 0.01 needs inputs of order one.
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
        require_fractions(self, "dropout")
        if self.network not in ("cnn", "lstm", "tdcnn"):
            raise FieldError("network", self.network, "choose from cnn, lstm, tdcnn")
        if len(self.filters) != len(self.pool_sizes):
            raise FieldError(
                "filters", self.filters, f"give {len(self.pool_sizes)} numbers, one for each of pool_sizes"
            )
        if self.image_hop % self.pooled_by:
            raise FieldError(
                "image_hop", self.image_hop, f"it must be a multiple of {self.pooled_by}, the pooling in time"
            )
        if self.network == "tdcnn" and self.image_steps < 1:
            raise FieldError(
                "images", self.images, f"segments of {self.frames} frames are too short for so many images"
            )

    @property
    def pooled_by(self) -> int:
        """Pooling in time of both pools together: frames per step of the CNN's output."""
        return self.pool_sizes[0][0] * self.pool_sizes[1][0]

    @property
    def image_hop_steps(self) -> int:
        """Steps of the CNN's output from one image to the next."""
        return self.image_hop // self.pooled_by

    @property
    def image_steps(self) -> int:
        """Steps of the CNN's output that belong to one image of "tdcnn"."""
        steps = self.frames
        for pool_frames, _ in self.pool_sizes:
            steps = (steps - self.kernel_size[0] + 1) // pool_frames
        return steps - (self.images - 1) * self.image_hop_steps
