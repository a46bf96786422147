"""Spectrograms with attention, alone or beside waveform and probabilities, as matplotlib figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from acrnn.figures.style import ACCENT, INK, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ATTENTION_LINE = "#3ddbd9"  # bright enough over a spectrogram
_ATTENTION_INK = "#0e7c7b"  # dark enough for text on white


@dataclass(frozen=True)
class AttentionExample:
    """One utterance with its attention.

    Attributes:
        title: emotion, utterance and speaker.
        log_mel: static features, float [frames, bands]; NaN where no segment lies.
        weights: attention by frame, float [frames]; 1 is an even share, NaN where no segment lies.
        hop_seconds: time from one frame to the next.
    """

    title: str
    log_mel: np.ndarray
    weights: np.ndarray
    hop_seconds: float


def attention(examples: Sequence[AttentionExample]) -> Figure:
    """Attention laid over the log-Mel spectrogram of some utterances.

    Args:
        examples: utterances, one at least.
    """
    figure = Figure((9, 1.9 * len(examples)), layout="constrained")
    for axes, example in zip(figure.subplots(len(examples), squeeze=False)[:, 0], examples, strict=True):
        log_mel, weights = example.log_mel, example.weights
        seconds = len(log_mel) * example.hop_seconds
        low, high = np.nanpercentile(log_mel, [2, 99.5])
        extent = (0, seconds, 0, log_mel.shape[1])
        axes.imshow(log_mel.T, origin="lower", aspect="auto", cmap="magma", extent=extent, vmin=low, vmax=high)
        axes.set(ylabel="Mel band", title=example.title)
        axes.title.set_fontsize(9)
        overlay = axes.twinx()
        overlay.plot(
            (np.arange(len(weights)) + 0.5) * example.hop_seconds, weights, color=_ATTENTION_LINE, linewidth=1.4
        )
        overlay.set(ylim=(0, 1.15 * np.nanmax(weights)), yticks=[], xlim=(0, seconds))
    axes.set_xlabel("seconds (line: attention weight)")
    return figure


def predictions(examples: Sequence[dict], stacked: bool = False) -> Figure:
    """Draws predictions, one in a row: waveform, features with attention weights, probabilities.

    Args:
        examples: one dict per utterance with "title", "waveform" [samples], "sample_rate_hz", "bands" [frames, bands],
            "band_name", "hop_seconds", "attention_seconds" [frames], "attention" [frames] or empty, and "probabilities"
            by emotion.
        stacked: the three parts of a prediction below each other, for a narrow screen.
    """
    count = len(examples)
    if stacked:
        figure, shape = Figure((5, 5.4 * count), layout="constrained"), (3 * count, 1)
        ratios = {"height_ratios": [2, 3, 2.6] * count}
    else:
        figure, shape = Figure((12, 2.4 * count), layout="constrained"), (count, 3)
        ratios = {"width_ratios": [3, 4, 2]}
    panels = figure.subplots(*shape, squeeze=False, gridspec_kw=ratios).reshape(count, 3)
    for (wave, picture, bars), example in zip(panels, examples, strict=True):
        _draw_waveform(wave, example)
        _draw_bands(picture, example)
        _draw_probabilities(bars, example["probabilities"])
    wave.set_xlabel("seconds")
    picture.set_xlabel("seconds")
    bars.set_xlabel("probability, %")
    return figure


def _draw_waveform(axes: Axes, example: dict) -> None:
    waveform = np.asarray(example["waveform"])
    seconds = np.arange(len(waveform)) / example["sample_rate_hz"]
    axes.plot(seconds, waveform, color=INK, linewidth=0.5)
    axes.set(title=example["title"], xlim=(0, _seconds(example)), ylabel="amplitude")
    axes.title.set_fontsize(9)


def _draw_bands(axes: Axes, example: dict) -> None:
    bands = np.asarray(example["bands"])
    extent = (0, len(bands) * example["hop_seconds"], 0, bands.shape[1])
    low, high = np.percentile(bands, [2, 99.5])
    axes.imshow(bands.T, origin="lower", aspect="auto", cmap="magma", extent=extent, vmin=low, vmax=high)
    axes.set(ylabel=example["band_name"], xlim=(0, _seconds(example)))
    if len(example["attention"]):
        overlay = axes.twinx()
        overlay.plot(example["attention_seconds"], example["attention"], color=_ATTENTION_LINE, linewidth=1.4)
        overlay.set(ylim=(0, 1.15 * max(example["attention"])), xlim=(0, _seconds(example)))
        overlay.set_ylabel("attention (1: even share)", fontsize=8, color=_ATTENTION_INK)
        overlay.tick_params(axis="y", labelsize=8, colors=_ATTENTION_INK)


def _draw_probabilities(axes: Axes, probabilities: Mapping[str, float]) -> None:
    names, shares = list(probabilities), list(probabilities.values())
    axes.barh(
        names,
        [100 * share for share in shares],
        color=[ACCENT if share == max(shares) else SOFT for share in shares],
    )
    axes.set(xlim=(0, 100))
    axes.invert_yaxis()
    axes.tick_params(labelsize=8)


def _seconds(example: dict) -> float:
    return len(example["waveform"]) / example["sample_rate_hz"]
