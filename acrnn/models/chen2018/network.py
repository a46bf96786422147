"""ACRNN of Chen et al. (2018), Sections II-B and III-A, Fig. 1: convolutions → linear → BLSTM → attention → dense.

The paper calls convolutions over (time, frequency) with the three channels static, delta, delta-delta "3-D"; the 2-D
network sees the static channel alone. Padded frames are masked out of everything: what the network says of an utterance
does not depend on how far it was padded, nor on its batch mates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import keras
from keras import layers

from acrnn.console import UsageError
from acrnn.layers import AttentionPooling, FeatureNormalization, FrameMask, MaskFrames


@dataclass(frozen=True)
class Config:
    """The network, with the values of the paper; a field it leaves open says why it is what it is.

    Attributes:
        padding: what padded frames are after normalisation, from the records' segment rule.
        masked: keep padded frames out of convolutions, BLSTM and attention; False is the reading in which the network
            takes them for speech.
        channels: 3 for the 3-D ACRNN, 1 for the 2-D one (the static log-Mels).
        conv_layers: 1 … 7, Table I.
        negative_slope: of the leaky ReLU; 0 is the plain one, the usual choice where the paper names none.
        linear_batch_norm: batch normalisation and activation after the linear layer (the authors' code).
        attention_hidden: sigmoid units before the attention score (the authors' code has one, Eq. 4 none).
        dense_batch_norm: batch normalisation of the dense layer (the paper; not in the authors' code).
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


def build(config: Config) -> keras.Model:
    """The network, untrained.

    Args:
        config: its sizes.

    Returns:
        Model from {"features": [batch, frames, bands, channels of the records], "num_frames": int32 [batch]} to logits
        float32 [batch, classes]. `normalization` is to be adapted; `attention` has the weights as its second output.
    """
    start = _initializers(config)
    features = keras.Input((config.frames, config.bands, config.record_channels), name="features")
    num_frames = keras.Input((), dtype="int32", name="num_frames")
    mask = FrameMask(config.frames, name="mask")(num_frames)

    x = FeatureNormalization(config.normalization, config.padding, config.centered, name="normalization")(
        features, mask
    )
    x = x[..., : config.channels]
    for number in range(1, config.conv_layers + 1):
        filters = config.first_filters if number == 1 else config.filters
        x = layers.Conv2D(filters, config.kernel_size, padding="same", name=f"conv_{number}", **start)(x)
        if number == 1:  # a rising activation and the maximum commute; pooled first, it has a quarter to do
            x = layers.MaxPooling2D(config.pool_size, padding="same", name="pool")(x)
            mask = FrameMask(x.shape[1], config.pool_size[0], name="pooled_mask")(num_frames)
        x = layers.ReLU(negative_slope=config.negative_slope, name=f"conv_{number}_activation")(x)
        if config.masked:
            x = MaskFrames(name=f"conv_{number}_masked")(x, mask)

    mask = mask if config.masked else None
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]), name="flatten_bands")(x)  # [batch, steps, bands * maps]
    x = layers.Dense(config.linear_units, name="linear", **start)(x)
    if config.linear_batch_norm:
        x = layers.BatchNormalization(momentum=config.batch_norm_momentum, name="linear_batch_norm")(x, mask=mask)
        x = layers.ReLU(negative_slope=config.negative_slope, name="linear_activation")(x)
    x = layers.Dropout(config.dropout, name="linear_dropout")(x)
    lstm = layers.LSTM(config.lstm_units, return_sequences=True)
    x = layers.Bidirectional(lstm, name="blstm")(x, mask=mask)  # [batch, steps, 2 * lstm_units]
    x, _ = AttentionPooling(config.attention_hidden, name="attention")(x, mask=mask)  # [batch, 2 * lstm_units]

    x = layers.Dropout(config.dropout, name="context_dropout")(x)
    x = layers.Dense(config.dense_units, name="dense", **start)(x)
    if config.dense_batch_norm:
        x = layers.BatchNormalization(momentum=config.batch_norm_momentum, name="dense_batch_norm")(x)
    x = layers.ReLU(negative_slope=config.negative_slope, name="dense_activation")(x)
    # The softmax belongs to the loss and to the pooling of segments, where it is exact in float32.
    logits = layers.Dense(config.num_classes, dtype="float32", name="logits", **start)(x)
    return keras.Model({"features": features, "num_frames": num_frames}, logits, name="acrnn")


def _initializers(config: Config) -> dict:
    if config.initial_deviation is None:
        return {}
    return {
        "kernel_initializer": keras.initializers.TruncatedNormal(stddev=config.initial_deviation),
        "bias_initializer": keras.initializers.Constant(config.initial_deviation),
    }
