"""DCNN-BLSTMwA of Zhang et al. (2021), Section 2.4, Fig. 2 and 3: windows → AlexNet → BLSTM → attention → dense.

A segment of 3 s is cut into overlapping windows; each is a picture with log-Mels, deltas and delta-deltas as its three colors.
AlexNet computes 4096 values (FC7) for each window, a BLSTM processes the sequence of windows, and attention sums its outputs.
`acrnn.models.zhang2021.training` trains the network in two stages, with the two parts that `build_window_network` and
`build_sequence_network` return.

Windows after the end of the utterance are masked. The paper pads with zeros and does not mention masking; 8 % of the windows
of Emo-DB would then hold nothing but padding, labeled with an emotion. `masked=False` gives that variant.
"""

from __future__ import annotations

import keras
from keras import layers

from acrnn.layers import FeatureNormalization, FrameMask
from acrnn.models.zhang2021 import alexnet
from acrnn.models.zhang2021.config import LAYOUTS, Config
from acrnn.models.zhang2021.layers import Pictures, WindowAttention, WindowMask, Windows, WindowSequence


def build(config: Config) -> keras.Model:
    """Returns the untrained network.

    Args:
        config: sizes and options.

    Returns:
        Model from {"features": [batch, frames, bands, channels of the records], "num_frames": int32 [batch]} to logits
        float32 [batch, classes]. The layer "normalization" must be adapted; the second output of the layer "attention"
        are weights by frame, [batch, frames].
    """
    features = keras.Input((config.frames, config.bands, config.record_channels), name="features")
    num_frames = keras.Input((), dtype="int32", name="num_frames")
    x = _normalized(config, config.frames, features, num_frames)
    x = Windows(config.window_starts, config.context_frames, name="windows")(
        x
    )  # [batch * windows, context, bands, channels]
    x = _fc7(config, x)  # [batch * windows, fc_units]
    x = WindowSequence(len(config.window_starts), name="sequence")(x)
    logits = _sequence_logits(config, x, num_frames)
    return keras.Model({"features": features, "num_frames": num_frames}, logits, name="dcnn_blstm")


def build_window_network(config: Config, num_classes: int | None = None) -> keras.Model:
    """Returns the network of the first stage: AlexNet with a softmax of its own, on windows.

    Args:
        config: sizes and options.
        num_classes: number of classes of a pre-training task; None for the emotions.

    Returns:
        Model from {"features": [batch, context, bands, channels], "num_frames"} to logits float32 [batch, classes].
    """
    features = keras.Input((config.context_frames, config.bands, config.record_channels), name="features")
    num_frames = keras.Input((), dtype="int32", name="num_frames")
    x = _normalized(config, config.context_frames, features, num_frames)
    x = _fc7(config, x)
    x = layers.Dropout(config.window_dropout, name="window_dropout")(x)
    logits = layers.Dense(num_classes or config.num_classes, dtype="float32", name="window_logits")(x)
    return keras.Model({"features": features, "num_frames": num_frames}, logits, name="dcnn")


def build_sequence_network(config: Config) -> keras.Model:
    """Returns the network of the second stage: the layers after AlexNet.

    Returns:
        Model from {"features": FC7 of the windows [batch, windows, fc_units], "num_frames": int32 [batch], real frames of
        the segments} to logits float32 [batch, classes].
    """
    features = keras.Input((len(config.window_starts), config.fc_units), name="features")
    num_frames = keras.Input((), dtype="int32", name="num_frames")
    logits = _sequence_logits(config, features, num_frames)
    return keras.Model({"features": features, "num_frames": num_frames}, logits, name="blstm_with_attention")


def _normalized(config: Config, frames: int, features, num_frames):
    mask = FrameMask(frames, name="mask")(num_frames)
    x = FeatureNormalization(config.normalization, config.padding, name="normalization")(features, mask)
    return x[..., : config.channels]


def _fc7(config: Config, windows):
    pictures = Pictures(config.image_size, name="pictures")(windows)
    network = alexnet.build(LAYOUTS[config.layout], config.image_size, config.width, config.fc_units)
    return network(pictures)


def _sequence_logits(config: Config, x, num_frames):
    """Logits float32 [batch, classes] from FC7 [batch, windows, fc_units]."""
    starts, context = config.window_starts, config.context_frames
    mask = WindowMask(starts, name="window_mask")(num_frames) if config.masked else None
    lstm = layers.LSTM(config.lstm_units, return_sequences=True)
    x = layers.Bidirectional(lstm, name="blstm")(x, mask=mask)  # [batch, windows, 2 * lstm_units]
    if config.attention:
        x, _ = WindowAttention(starts, context, config.frames, config.masked, name="attention")(x, num_frames)
    else:
        x = layers.GlobalAveragePooling1D(name="mean")(x, mask=mask)
    for number, units in enumerate(config.dense_units, 1):
        x = layers.Dense(units, "relu", name=f"dense_{number}")(x)
        if number == 1:
            x = layers.Dropout(config.dense_dropout, name="dense_dropout")(x)
    return layers.Dense(config.num_classes, dtype="float32", name="logits")(x)
