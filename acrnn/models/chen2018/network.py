"""ACRNN of Chen et al. (2018), Sections II-B and III-A, Fig. 1: convolutions → linear → BLSTM → attention → dense.

The paper calls convolutions over (time, frequency) with the three channels static, delta, delta-delta "3-D"; the 2-D
network takes the static channel alone. Padded frames are masked in every layer, so that the logits of an utterance depend
neither on the length of its padding nor on the other utterances of the batch.
"""

from __future__ import annotations

import keras
from keras import layers

from acrnn.layers import AttentionPooling, FeatureNormalization, FrameMask, MaskFrames
from acrnn.models.chen2018.config import Config
from acrnn.recurrent import BLSTM


def build(config: Config) -> keras.Model:
    """Returns the untrained network.

    Args:
        config: sizes and options.

    Returns:
        Model from {"features": [batch, frames, bands, channels of the records], "num_frames": int32 [batch]} to logits
        float32 [batch, classes]. The layer "normalization" must be adapted; the second output of the layer "attention" are
        the attention weights.
    """
    initializers = _initializers(config)
    features = keras.Input((config.frames, config.bands, config.record_channels), name="features")
    num_frames = keras.Input((), dtype="int32", name="num_frames")
    mask = FrameMask(config.frames, name="mask")(num_frames)

    # Masked frames are zero after normalization, whatever the records' padding: raw zeros, normalized to a value of their
    # own, would reach the last real frames through the convolutions.
    padding = "mean" if config.masked else config.padding
    x = FeatureNormalization(config.normalization, padding, config.centered, name="normalization")(features, mask)
    x = x[..., : config.channels]
    for number in range(1, config.conv_layers + 1):
        filters = config.first_filters if number == 1 else config.filters
        x = layers.Conv2D(filters, config.kernel_size, padding="same", name=f"conv_{number}", **initializers)(x)
        if number == 1:  # ReLU and maximum commute; pooling first leaves a quarter of the work
            x = layers.MaxPooling2D(config.pool_size, padding="same", name="pool")(x)
            mask = FrameMask(x.shape[1], config.pool_size[0], name="pooled_mask")(num_frames)
        x = layers.ReLU(negative_slope=config.negative_slope, name=f"conv_{number}_activation")(x)
        if config.masked:
            x = MaskFrames(name=f"conv_{number}_masked")(x, mask)

    mask = mask if config.masked else None
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]), name="flatten_bands")(x)  # [batch, steps, bands * maps]
    x = layers.Dense(config.linear_units, name="linear", **initializers)(x)
    if config.linear_batch_norm:
        x = layers.BatchNormalization(momentum=config.batch_norm_momentum, name="linear_batch_norm")(x, mask=mask)
        x = layers.ReLU(negative_slope=config.negative_slope, name="linear_activation")(x)
    x = layers.Dropout(config.dropout, name="linear_dropout")(x)
    lstm = layers.LSTM(config.lstm_units, return_sequences=True)
    x = BLSTM(lstm, name="blstm")(x, mask=mask)  # [batch, steps, 2 * lstm_units]
    x, _ = AttentionPooling(config.attention_hidden, name="attention")(x, mask=mask)  # [batch, 2 * lstm_units]

    x = layers.Dropout(config.dropout, name="context_dropout")(x)
    x = layers.Dense(config.dense_units, name="dense", **initializers)(x)
    if config.dense_batch_norm:
        x = layers.BatchNormalization(momentum=config.batch_norm_momentum, name="dense_batch_norm")(x)
    x = layers.ReLU(negative_slope=config.negative_slope, name="dense_activation")(x)
    # The softmax is part of the loss and of the pooling of segments, where it is computed in float32.
    logits = layers.Dense(config.num_classes, dtype="float32", name="logits", **initializers)(x)
    return keras.Model({"features": features, "num_frames": num_frames}, logits, name="acrnn")


def _initializers(config: Config) -> dict:
    """Initializers of convolution and dense layers; empty for Keras' defaults."""
    if config.initial_deviation is None:
        return {}
    return {
        "kernel_initializer": keras.initializers.TruncatedNormal(stddev=config.initial_deviation),
        "bias_initializer": keras.initializers.Constant(config.initial_deviation),
    }
