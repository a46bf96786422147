"""Sizes of the ACRNN of Chen et al. (2018); the defaults are the paper's values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acrnn.errors import FieldError
from acrnn.models.field_checks import require_fractions


@dataclass(frozen=True)
class Config:
    """Sizes and options of the network. Where the paper gives no value, the list gives the reason for ours.

    Attributes:
        num_classes: number of emotions.
        frames, bands, record_channels: shape of a segment in the records.
        padding: value of padded frames in a network that does not mask them, from the records' segment rule.
        masked: exclude padded frames from convolutions, BLSTM and attention, so that they do not influence a prediction;
            False treats them as speech: with the padding "zero", the authors' code.
        channels: channels of the records that the network uses: 3 for the 3-D ACRNN, 1 for the 2-D one (static log-Mels).
        conv_layers: number of convolution layers, 1 to 7 (Table I); 6 in the authors' code.
        first_filters, filters: filters of the first convolution layer and of the others.
        kernel_size, pool_size: (time, frequency); the pool follows the first convolution.
        negative_slope: slope of the leaky ReLU for negative values; the paper names none, so 0, the plain ReLU.
        linear_units: units of the linear layer.
        linear_batch_norm: batch normalization and activation after the linear layer (the authors' code).
        lstm_units: units of the BLSTM in each direction.
        attention_hidden: sigmoid units before the attention score (one in the authors' code, none in Eq. 4).
        dense_units: units of the dense layer.
        dense_batch_norm: batch normalization of the dense layer (in the paper, not in the authors' code).
        batch_norm_momentum: momentum of the moving averages. An epoch of Emo-DB has 15 steps, so Keras' 0.99 would keep
            half of the initial values after five epochs.
        normalization: values that share a mean and a deviation, see `FeatureNormalization`.
        centered: subtract each band's mean over the segment from the static log-Mels, see `FeatureNormalization`.
        dropout: dropout rate before the BLSTM and before the dense layer; the paper names none.
        initial_deviation: standard deviation of truncated normal weights, and value of the biases (0.1 in the authors'
            code); None for Keras' defaults.
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
            raise FieldError("conv_layers", self.conv_layers, "choose from 1 to 7 (Table I of the paper)")
        require_fractions(self, "dropout")
