"""Sizes of the ACRNN of Chen et al. (2018); the defaults are the paper's values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acrnn.errors import UsageError


@dataclass(frozen=True)
class Config:
    """The network, with the values of the paper; a field it leaves open says why it is what it is.

    Attributes:
        padding: what padded frames are after normalization, from the records' segment rule.
        masked: keep padded frames out of convolutions, BLSTM and attention; False is the reading in which the network
            takes them for speech.
        channels: 3 for the 3-D ACRNN, 1 for the 2-D one (the static log-Mels).
        conv_layers: 1 … 7, Table I.
        negative_slope: of the leaky ReLU; 0 is the plain one, the usual choice where the paper names none.
        linear_batch_norm: batch normalization and activation after the linear layer (the authors' code).
        attention_hidden: sigmoid units before the attention score (the authors' code has one, Eq. 4 none).
        dense_batch_norm: batch normalization of the dense layer (the paper; not in the authors' code).
        batch_norm_momentum: of the moving averages. An epoch of Emo-DB has 15 steps, so Keras' 0.99 would still hold
            half of its initial values after five epochs.
        normalization: what shares a mean and a deviation, see `FeatureNormalization`.
        centered: take each band's mean over the segment off the static log-Mels first, see `FeatureNormalization`.
        dropout: before the BLSTM and before the dense layer; the paper names none.
        initial_deviation: of truncated normal weights, with biases of the same size (the authors' code: 0.1); None for
            Keras' defaults.
    """

    num_classes: int
    frames: int = 300
    bands: int = 40
    record_channels: int = 3
    padding: Literal["mean", "zero"] = "mean"
    masked: bool = True
    channels: int = 3
    conv_layers: int = 1
    first_filters: int = 128
    filters: int = 256
    kernel_size: tuple[int, int] = (5, 3)
    pool_size: tuple[int, int] = (2, 2)
    negative_slope: float = 0.0
    linear_units: int = 768
    linear_batch_norm: bool = False
    lstm_units: int = 128
    attention_hidden: int = 0
    dense_units: int = 64
    dense_batch_norm: bool = True
    batch_norm_momentum: float = 0.9
    normalization: Literal["channel", "band"] = "channel"
    centered: bool = False
    dropout: float = 0.0
    initial_deviation: float | None = None

    def __post_init__(self):
        if not 1 <= self.conv_layers <= 7:
            raise UsageError(f"--conv-layers {self.conv_layers}: Table I of the paper goes from 1 to 7")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"--dropout {self.dropout}: it must be a share from 0 up to, not including, 1")
