"""2-CNN-LSTM, the baseline of Zhang et al. (2021), Section 3.3 (6): two convolutions with their pools, then an LSTM.

Its input are the 3-D log-Mels of a whole segment of 3 s, not windows. Padded frames are masked as in the other systems.
"""

from __future__ import annotations

import keras
from keras import layers

from acrnn.layers import FeatureNormalization, FrameMask, MaskFrames
from acrnn.models.zhang2021.config import BaselineConfig


def build(config: BaselineConfig) -> keras.Model:
    """Returns the untrained network.

    Args:
        config: sizes and options.

    Returns:
        Model from {"features": [batch, frames, bands, channels], "num_frames": int32 [batch]} to logits float32 [batch,
        classes]. The layer "normalization" must be adapted.
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
