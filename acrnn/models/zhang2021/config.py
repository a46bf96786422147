"""Sizes of DCNN-BLSTM with attention of Zhang et al. (2021); the defaults are the paper's values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acrnn.errors import UsageError


@dataclass(frozen=True)
class Layout:
    """What the published AlexNets differ in.

    Attributes:
        filters: of the five convolutions, 11×11/4, 5×5, 3×3, 3×3, 3×3; a maximum over 3×3/2 follows the 1st, 2nd, 5th.
        first_padding: zeros around the picture.
        groups: of each convolution; two halves of the maps that do not see each other, once one a graphics card.
        response_normalization: divides what the first two give by the energy of neighboring maps.
    """

    filters: tuple[int, ...] = (96, 256, 384, 384, 256)
    first_padding: int = 0
    groups: tuple[int, ...] = (1, 1, 1, 1, 1)
    response_normalization: bool = False


LAYOUTS = {
    # Zhang et al. (2021), Section 2.4.1, which names neither groups nor normalization.
    "paper": Layout(),
    # The reference model of Caffe (bvlc_alexnet), as Krizhevsky et al. trained it.
    "caffe": Layout(groups=(1, 2, 1, 2, 2), response_normalization=True),
    # torchvision's, of Krizhevsky (2014), "One weird trick".
    "torchvision": Layout(filters=(64, 192, 384, 256, 256), first_padding=2),
}

_SMALLEST_PICTURE = 67


@dataclass(frozen=True)
class Config:
    """The network, with the values of the paper; a field it leaves open says why it is what it is.

    Attributes:
        frames, bands, record_channels: of a segment in the records.
        padding: what padded frames are after normalization, from the records' segment rule.
        masked: keep windows without any real frame out of training, BLSTM and attention.
        channels: static, delta, delta-delta, or the first of them. AlexNet has three planes: a single channel fills all
            of them, as in a gray picture; of two, the static one comes a second time in the third.
        context_frames: of a window (Fig. 5 and 6 sweep 16 to 128).
        shift_frames: between the starts of windows. Frames behind the last full window are not heard: 12 of 300.
        image_size: of AlexNet's pictures; the smaller, the faster.
        layout: see `LAYOUTS`; weights from elsewhere need that of their network.
        width: of AlexNet's maps, as a share of the layout's.
        fc_units: of FC6 and FC7.
        window_dropout: after FC7, while windows are classified; the paper has one and no number, AlexNet's is 0.5.
        attention: sum the BLSTM's steps up by attention; False takes their mean: what attention is when it favors none.
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
        if self.layout not in LAYOUTS:
            raise UsageError(f"--layout {self.layout}: it is unknown; choose from {', '.join(LAYOUTS)}")
        for name in ("window_dropout", "dense_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"--{name.replace('_', '-')} {getattr(self, name)}: it must lie from 0 up to below 1")
        if not self.width > 0:
            raise UsageError(f"--width {self.width}: it must be a number above 0")

    @property
    def window_starts(self) -> tuple[int, ...]:
        """First frames of the windows of a segment."""
        return tuple(range(0, self.frames - self.context_frames + 1, self.shift_frames))


@dataclass(frozen=True)
class BaselineConfig:
    """The network, with the values of the paper; a field it leaves open says why it is what it is.

    Attributes:
        frames, bands, record_channels: of a segment in the records.
        padding: what padded frames are after normalization, from the records' segment rule.
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
