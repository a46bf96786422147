"""Sizes of DNN-ELM of Han, Yu and Tashev (2014); the defaults are the paper's values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acrnn.errors import UsageError


@dataclass(frozen=True)
class Config:
    """The network and what it is fitted with, with the values of the paper; a field it leaves open says why it is so.

    Attributes:
        frames, padding: of the records' segments, of which the utterances are put together again. They change nothing:
            the network is of no fixed length, and no padding is left but its own, which is masked.
        bands, record_channels: of a frame in the records.
        context_frames: of a window, the frame in its middle included; odd.
        hidden_layers, hidden_units: of the DNN.
        energy_share: the loudest windows of an utterance, which alone train the DNN.
        share_threshold: a posterior above it counts for the fourth statistic.
        elm_units: of the random hidden layer.
        elm_ridge: added to the diagonal of the ELM's normal equations; the paper has none, and 120 columns of
            neighboring statistics are singular without.
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

    def __post_init__(self):
        for name in ("context_frames", "hidden_layers", "hidden_units", "elm_units"):
            if getattr(self, name) < 1:
                raise UsageError(f"{_option(name)} {getattr(self, name)}: it must be a whole number from 1 up")
        if self.context_frames % 2 == 0:
            raise UsageError(f"--context-frames {self.context_frames}: it must be odd, so that a window has a middle")
        if not 0 < self.energy_share <= 1:
            raise UsageError(f"--energy-share {self.energy_share}: it must be a share above 0, up to 1")
        if not 0 < self.share_threshold < 1:
            raise UsageError(f"--share-threshold {self.share_threshold}: it must lie between 0 and 1")
        if not 0 < self.elm_ridge < float("inf"):
            raise UsageError(f"--elm-ridge {self.elm_ridge}: it must be a number above 0")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
