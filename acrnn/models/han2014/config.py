"""Sizes of DNN-ELM of Han, Yu and Tashev (2014); the defaults are the paper's values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from acrnn.errors import FieldError
from acrnn.models.field_checks import OMITTED_DEFAULT, require_positive_integers


@dataclass(frozen=True)
class Config:
    """Sizes and options of DNN and ELM. Where the paper gives no value, the list gives the reason for ours.

    Attributes:
        num_classes: number of emotions.
        frames, padding: segment rule of the records. Neither changes the network: it takes whole utterances of any
            length, which are reassembled from the segments, and masks its own padding.
        bands, record_channels: shape of a frame in the records.
        context_frames: frames in a window, with the center frame; an odd number.
        hidden_layers, hidden_units: number of hidden layers of the DNN, and units of each.
        energy_share: share of an utterance's windows that train the DNN: those with the highest energy.
        share_threshold: the fourth statistic is the share of windows with a posterior above this value.
        elm_units: units of the random hidden layer of the ELM.
        elm_ridge: value added to the diagonal of the ELM's normal equations. The paper has none; without it the equations
            are singular, because the 120 columns come from similar statistics.
        centered: subtract from each frame the mean of its utterance (cepstral mean normalization), which removes constant
            offsets of voice and microphone. The paper does not mention it.
    """

    num_classes: int
    frames: int = 300
    bands: int = 30
    record_channels: int = 1
    padding: Literal["mean", "zero"] = "mean"
    context_frames: int = 25
    hidden_layers: int = 3
    hidden_units: int = 256
    energy_share: float = 0.1
    share_threshold: float = 0.2
    elm_units: int = 120
    elm_ridge: float = 1e-2
    centered: bool = field(default=False, metadata=OMITTED_DEFAULT)

    def __post_init__(self):
        require_positive_integers(self, "context_frames", "hidden_layers", "hidden_units", "elm_units")
        if self.context_frames % 2 == 0:
            raise FieldError(
                "context_frames", self.context_frames, "it must be odd, so that a window has a center frame"
            )
        if not 0 < self.energy_share <= 1:
            raise FieldError("energy_share", self.energy_share, "it must be a number above 0, up to 1")
        if not 0 < self.share_threshold < 1:
            raise FieldError("share_threshold", self.share_threshold, "it must be a number between 0 and 1")
        if not 0 < self.elm_ridge < float("inf"):
            raise FieldError("elm_ridge", self.elm_ridge, "it must be a number above 0")
