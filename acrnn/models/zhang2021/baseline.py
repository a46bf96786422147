"""2-CNN-LSTM, the baseline of Zhang et al. (2021), Section 3.3 (6): two convolutions with their pools, then an LSTM.

It reads the 3-D log-Mels of the whole 3 s, not of windows. Padded frames are masked out as in the other systems.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import keras
from keras import layers

from acrnn.console import UsageError
from acrnn.layers import FeatureNormalization, FrameMask, MaskFrames


@dataclass(frozen=True)
class Config:
    """The network, with the values of the paper; a field it leaves open says why it is what it is.

    Attributes:
        frames, bands, record_channels: of a segment in the records.
        padding: what padded frames are after normalisation, from the records' segment rule.
        masked: keep padded frames out of convolutions and LSTM.
        filters: of the convolutions, 5×5 with a step of one.
        pool_size: of the maximum after each; the paper names none, 2×2 is the usual one.
        lstm_units: the utterance is what the LSTM holds after its last real step.
        dropout: after it.
        normalization: what shares a mean and a deviation, see `FeatureNormalization`.
    """

    num_classes: int
    frames: int = 300
    bands: int = 64
    record_channels: int = 3
    padding: Literal["mean", "zero"] = "mean"
    masked: bool = True
    filters: tuple[int, ...] = (16, 32)
    pool_size: int = 2
    lstm_units: int = 512
    dropout: float = 0.5
    normalization: Literal["channel", "band"] = "channel"

    def __post_init__(self):
        if not 0 <= self.dropout < 1:
            raise UsageError(f"--dropout {self.dropout}: it must be a share from 0 up to, not including, 1")


def build(config: Config) -> keras.Model:
    """The network, untrained.

    Args:
        config: its sizes.

    Returns:
        Model from {"features": [batch, frames, bands, channels], "num_frames": int32 [batch]} to logits float32 [batch,
        classes]. `normalization` is to be adapted.
    """
    features = keras.Input((config.frames, config.bands, config.record_channels), name="features")
    num_frames = keras.Input((), dtype="int32", name="num_frames")
    mask = FrameMask(config.frames, name="mask")(num_frames)
    x = FeatureNormalization(config.normalization, config.padding, name="normalization")(features, mask)
    for number, filters in enumerate(config.filters, 1):
        x = layers.Conv2D(filters, 5, padding="same", activation="relu", name=f"conv_{number}")(x)
        x = layers.MaxPooling2D(config.pool_size, padding="same", name=f"pool_{number}")(x)
        mask = FrameMask(x.shape[1], config.pool_size**number, name=f"pooled_mask_{number}")(num_frames)
        if config.masked:
            x = MaskFrames(name=f"conv_{number}_masked")(x, mask)
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]), name="flatten_bands")(x)  # [batch, steps, bands * maps]
    x = layers.LSTM(config.lstm_units, name="lstm")(x, mask=mask if config.masked else None)
    x = layers.Dropout(config.dropout, name="dropout")(x)
    logits = layers.Dense(config.num_classes, dtype="float32", name="logits")(x)
    return keras.Model({"features": features, "num_frames": num_frames}, logits, name="cnn_lstm")
