"""Sizes of DCNN-BLSTM with attention of Zhang et al. (2021); the defaults are the paper's values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acrnn.errors import FieldError
from acrnn.models.field_checks import require_fractions


@dataclass(frozen=True)
class Layout:
    """Differences between the published AlexNets.

    Attributes:
        filters: filters of the five convolutions, 11×11/4, 5×5, 3×3, 3×3, 3×3; max-pooling 3×3/2 follows the 1st, 2nd, 5th.
        first_padding: rows and columns of zeros around the picture.
        groups: groups of each convolution. Two groups are two halves of the maps without connections between them, each
            once computed on a graphics card of its own.
        response_normalization: local response normalization after the first two convolutions.
    """

    filters: tuple[int, ...] = (96, 256, 384, 384, 256)
    first_padding: int = 0
    groups: tuple[int, ...] = (1, 1, 1, 1, 1)
    response_normalization: bool = False


LAYOUTS = {
    # Zhang et al. (2021), Section 2.4.1, without groups and normalization, which it does not mention.
    "paper": Layout(),
    # The reference model of Caffe (bvlc_alexnet), as Krizhevsky et al. trained it.
    "caffe": Layout(groups=(1, 2, 1, 2, 2), response_normalization=True),
    # torchvision's AlexNet: Krizhevsky (2014), "One weird trick".
    "torchvision": Layout(filters=(64, 192, 384, 256, 256), first_padding=2),
}

_SMALLEST_PICTURE = 67


@dataclass(frozen=True)
class Config:
    """Sizes and options of the network. Where the paper gives no value, the list gives the reason for ours.

    Attributes:
        num_classes: number of emotions.
        frames, bands, record_channels: shape of a segment in the records.
        padding: value of padded frames after normalization, from the records' segment rule.
        masked: exclude windows without any real frame from training, BLSTM and attention.
        channels: number of channels used, of static, delta, delta-delta. AlexNet has three planes: a single channel fills
            all three, as in a gray picture; of two channels, the static one fills the third plane too.
        context_frames: frames in a window (Fig. 5 and 6 sweep 16 to 128).
        shift_frames: frames from the start of one window to the next. Frames after the last full window are not used:
            12 of 300.
        image_size: rows and columns of AlexNet's pictures; smaller is faster.
        layout: key in `LAYOUTS`; weights from a file need the layout of their network.
        width: filters of AlexNet as a share of the layout's.
        fc_units: units of FC6 and FC7.
        window_dropout: dropout rate after FC7 in the first stage. The paper gives no number; AlexNet has 0.5.
        lstm_units: units of the BLSTM in each direction.
        attention: sum the BLSTM's outputs by attention; False takes their mean.
        dense_units: units of the layers before the softmax. Section 2.5 has three layers, the first of 512 units, "the
            second and third" of 256, and an output of seven classes, which contradicts the 256; Section 3.2 has three
            linear layers. We count the one of the softmax as the third; (512, 256, 256) is the other reading.
        dense_dropout: dropout rate after the first dense layer; the paper gives no number.
        normalization: values that share a mean and a deviation, see `FeatureNormalization`.
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
            raise FieldError("channels", self.channels, f"choose from 1 to {self.record_channels}, as in the records")
        if not 1 <= self.context_frames <= self.frames:
            raise FieldError("context_frames", self.context_frames, f"choose from 1 to {self.frames}, as in a segment")
        if not 1 <= self.shift_frames <= self.context_frames:
            raise FieldError(
                "shift_frames",
                self.shift_frames,
                f"choose from 1 to {self.context_frames} (context_frames), so that windows leave no gap",
            )
        if self.image_size < _SMALLEST_PICTURE:
            raise FieldError("image_size", self.image_size, f"AlexNet's pools need {_SMALLEST_PICTURE} or more")
        if self.layout not in LAYOUTS:
            raise FieldError("layout", self.layout, f"choose from {', '.join(LAYOUTS)}")
        require_fractions(self, "window_dropout", "dense_dropout")
        if not self.width > 0:
            raise FieldError("width", self.width, "it must be a number above 0")

    @property
    def window_starts(self) -> tuple[int, ...]:
        """First frame of each window of a segment."""
        return tuple(range(0, self.frames - self.context_frames + 1, self.shift_frames))


@dataclass(frozen=True)
class BaselineConfig:
    """Sizes of the baseline 2-CNN-LSTM. Where the paper gives no value, the list gives the reason for ours.

    Attributes:
        num_classes: number of emotions.
        frames, bands, record_channels: shape of a segment in the records.
        padding: value of padded frames after normalization, from the records' segment rule.
        masked: exclude padded frames from convolutions and LSTM.
        filters: filters of the convolutions, 5×5 with stride 1.
        pool_size: size of the max-pooling after each; the paper names none, 2×2 is usual.
        lstm_units: units of the LSTM, of which the output at the last real step is used.
        dropout: dropout rate after the LSTM.
        normalization: values that share a mean and a deviation, see `FeatureNormalization`.
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
        require_fractions(self, "dropout")
