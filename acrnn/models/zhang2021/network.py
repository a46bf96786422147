"""DCNN-BLSTMwA of Zhang et al. (2021), Section 2.4, Fig. 2 and 3: windows → AlexNet → BLSTM → attention → dense.

An utterance of 3 s is cut into overlapping windows; each is a picture whose three colours are the log-Mels and their
deltas. AlexNet makes 4096 values of it, a BLSTM reads those of all windows, attention sums them up. The network is one;
it is trained in two stages (`acrnn.models.zhang2021.training`), for which `build_window_network` and `build_sequence_network`
give its two parts, made of the same pieces.

Windows that lie behind the end of the utterance are left out of everything. The paper pads with zeros and says nothing of
them: 8 % of the windows of Emo-DB would hold padding alone under an emotion's name. `masked=False` is that reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import keras
from keras import layers

from acrnn.console import UsageError
from acrnn.layers import FeatureNormalization, FrameMask
from acrnn.models.zhang2021 import alexnet
from acrnn.models.zhang2021.layers import Pictures, WindowAttention, WindowMask, Windows, WindowSequence

_SMALLEST_PICTURE = 67


@dataclass(frozen=True)
class Config:
    """The network, with the values of the paper; a field it leaves open says why it is what it is.

    Attributes:
        frames, bands, record_channels: of a segment in the records.
        padding: what padded frames are after normalisation, from the records' segment rule.
        masked: keep windows without any real frame out of training, BLSTM and attention.
        channels: static, delta, delta-delta, or the first of them. AlexNet has three planes: a single channel fills all
            of them, as in a grey picture; of two, the static one comes a second time in the third.
        context_frames: of a window (Fig. 5 and 6 sweep 16 to 128).
        shift_frames: between the starts of windows. Frames behind the last full window are not heard: 12 of 300.
        image_size: of AlexNet's pictures; the smaller, the faster.
        layout: see `alexnet.LAYOUTS`; weights from elsewhere need that of their network.
        width: of AlexNet's maps, as a share of the layout's.
        fc_units: of FC6 and FC7.
        window_dropout: after FC7, while windows are classified; the paper has one and no number, AlexNet's is 0.5.
        attention: sum the BLSTM's steps up by attention; False takes their mean: what attention is when it favours none.
        dense_units: of the layers before the softmax; Section 2.5 has 512 and 256 units before it, Section 3.2 speaks of
            three linear layers, which counts the one of the softmax.
        dense_dropout: after the first of them; the paper has one and no number.
        normalization: what shares a mean and a deviation, see `FeatureNormalization`.
    """

    num_classes: int
    frames: int = 300
    bands: int = 64
    record_channels: int = 3
    padding: Literal["mean", "zero"] = "mean"
    masked: bool = True
    channels: int = 3
    context_frames: int = 64
    shift_frames: int = 32
    image_size: int = 227
    layout: Literal["paper", "caffe", "torchvision"] = "paper"
    width: float = 1.0
    fc_units: int = 4096
    window_dropout: float = 0.5
    lstm_units: int = 128
    attention: bool = True
    dense_units: tuple[int, ...] = (512, 256)
    dense_dropout: float = 0.5
    normalization: Literal["channel", "band"] = "channel"

    def __post_init__(self):
        if not 1 <= self.channels <= self.record_channels:
            raise UsageError(f"--channels {self.channels}: the records have {self.record_channels}")
        if not 1 <= self.context_frames <= self.frames:
            raise UsageError(f"--context-frames {self.context_frames}: a segment has {self.frames} frames")
        if not 1 <= self.shift_frames <= self.context_frames:
            raise UsageError(
                f"--shift-frames {self.shift_frames}: windows of {self.context_frames} frames would leave some unheard; "
                "choose from 1 up to as many"
            )
        if self.image_size < _SMALLEST_PICTURE:
            raise UsageError(f"--image-size {self.image_size}: AlexNet's pools need {_SMALLEST_PICTURE} at least")
        if self.layout not in alexnet.LAYOUTS:
            raise UsageError(f"--layout {self.layout}: it is unknown; choose from {', '.join(alexnet.LAYOUTS)}")
        for name in ("window_dropout", "dense_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"--{name.replace('_', '-')} {getattr(self, name)}: it must lie from 0 up to below 1")
        if not self.width > 0:
            raise UsageError(f"--width {self.width}: it must be a number above 0")

    @property
    def window_starts(self) -> tuple[int, ...]:
        """First frames of the windows of a segment."""
        return tuple(range(0, self.frames - self.context_frames + 1, self.shift_frames))


def build(config: Config) -> keras.Model:
    """The network, untrained.

    Args:
        config: its sizes.

    Returns:
        Model from {"features": [batch, frames, bands, channels of the records], "num_frames": int32 [batch]} to logits
        float32 [batch, classes]. `normalization` is to be adapted; `attention` has weights by frame, [batch, frames],
        as its second output.
    """
    features = keras.Input((config.frames, config.bands, config.record_channels), name="features")
    num_frames = keras.Input((), dtype="int32", name="num_frames")
    x = _normalized(config, config.frames, features, num_frames)
    x = Windows(config.window_starts, config.context_frames, name="windows")(x)  # [batch * windows, context, bands, 3]
    x = _fc7(config, x)  # [batch * windows, fc_units]
    x = WindowSequence(len(config.window_starts), name="sequence")(x)
    logits = _sequence_logits(config, x, num_frames)
    return keras.Model({"features": features, "num_frames": num_frames}, logits, name="dcnn_blstm")


def build_window_network(config: Config, num_classes: int | None = None) -> keras.Model:
    """The first stage: AlexNet with a softmax of its own, on windows.

    Args:
        config: its sizes.
        num_classes: of another task than the emotions; None for those.

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
    """The second stage: what follows AlexNet.

    Returns:
        Model from {"features": FC7 of the windows [batch, windows, fc_units], "num_frames": of the segments} to logits.
    """
    features = keras.Input((len(config.window_starts), config.fc_units), name="features")
    num_frames = keras.Input((), dtype="int32", name="num_frames")
    logits = _sequence_logits(config, features, num_frames)
    return keras.Model({"features": features, "num_frames": num_frames}, logits, name="blstm_with_attention")


def estimator(config: Config, recipe, start=None):
    """What fits the network: see `acrnn.models.zhang2021.training.TwoStage`."""
    from acrnn.models.zhang2021.training import TwoStage
    from acrnn.recipes.initial_weights import RANDOM

    return TwoStage(config, recipe, start or RANDOM)


def _normalized(config: Config, frames: int, features, num_frames):
    mask = FrameMask(frames, name="mask")(num_frames)
    x = FeatureNormalization(config.normalization, config.padding, name="normalization")(features, mask)
    return x[..., : config.channels]


def _fc7(config: Config, windows):
    pictures = Pictures(config.image_size, name="pictures")(windows)
    network = alexnet.build(alexnet.LAYOUTS[config.layout], config.image_size, config.width, config.fc_units)
    return network(pictures)


def _sequence_logits(config: Config, x, num_frames):
    """Logits of FC7 features [batch, windows, fc_units]."""
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
