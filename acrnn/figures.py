"""Figures of results, as matplotlib figures: confusion, speakers, learning curves, attention over the spectrogram."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from acrnn import files

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from acrnn.crossval.run import Run
    from acrnn.crossval.summary import SpeakerScore
    from acrnn.models.published import Figure as PublishedFigure
    from acrnn.training.estimator import Epoch

_DPI = 90
INK, ACCENT, SOFT = "#1f2a44", "#d1495b", "#8fa3bf"
_ATTENTION_INK = "#0e7c7b"  # dark enough for text on white


def write_png(figure: Figure, path: Path) -> bytes:
    """Writes a figure as a PNG file, atomically, and returns its bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return buffer.getvalue()


def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> Figure:
    """Draws a confusion matrix [classes, classes] in percent of the true class, with counts."""
    counts = np.asarray(counts)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.6 + 0.75 * len(labels)
    figure = Figure((side + 0.8, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for row, column in np.ndindex(counts.shape):
        ink = "white" if percent[row, column] > 55 else INK
        text = f"{percent[row, column]:.0f}\n({counts[row, column]})"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)
    axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="recognized as", ylabel="true emotion", title="Confusion, % of the true class (predictions)")
    return figure


def speakers(per_speaker: Sequence[SpeakerScore], mean: float, chance: float) -> Figure:
    """UAR of every test speaker, with their mean and the chance level."""
    figure = Figure((1.8 + 0.6 * max(5, len(per_speaker)), 3.4), layout="constrained")
    axes = figure.subplots()
    values = [100 * row.uar for row in per_speaker]
    bars = axes.bar([row.speaker for row in per_speaker], values, color=SOFT)
    axes.bar_label(bars, [f"{value:.0f}" for value in values], fontsize=8)
    axes.axhline(100 * mean, color=ACCENT, linewidth=1.2, label=f"mean over folds {100 * mean:.1f}")
    axes.axhline(100 * chance, color=INK, linewidth=1.2, linestyle=":", label=f"chance {100 * chance:.1f}")
    axes.set(ylim=(0, 108), xlabel="test speaker", ylabel="UAR (%)", title="UAR by speaker")
    axes.legend(loc="lower right", fontsize=8)
    return figure


def learning_curves(runs: Sequence[Run]) -> Figure:
    """Training loss, validation loss and validation UAR of every run by epoch, with the epochs whose weights were kept.

    Without a validation part there is the training loss alone.
    """
    figure = Figure((11, 3.6), layout="constrained")
    panels = {"loss": "training loss", "validation_loss": "validation loss", "validation_uar": "validation UAR (%)"}
    if any(run.validation_uar is None for run in runs):
        panels = {"loss": panels["loss"]}
    for axes, (key, title) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        scale = 100 if key.endswith("uar") else 1
        for run in runs:
            epochs = [point.epoch for point in run.curve]
            values = [scale * getattr(point, key) for point in run.curve]
            best = epochs.index(run.best_epoch)
            axes.plot(epochs, values, color=SOFT, linewidth=0.9)
            axes.plot(epochs[best], values[best], "o", color=ACCENT, markersize=3.5)
        longest = max((run.curve for run in runs), key=len)
        means = [
            np.mean([scale * getattr(run.curve[i], key) for run in runs if i < len(run.curve)])
            for i in range(len(longest))
        ]
        axes.plot([point.epoch for point in longest], means, color=INK, linewidth=1.8)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.25)
    figure.suptitle("Learning curves: runs (thin), their mean (bold), kept epochs (dots)", fontsize=10)
    return figure


def mean_curves(curves: Mapping[str, Sequence[Sequence[Epoch]]]) -> Figure:
    """Learning curves of several experiments, each the mean of its runs.

    Args:
        curves: for each experiment the curves of its runs.
    """
    figure = Figure((11, 4), layout="constrained")
    panels = {"loss": "training loss", "validation_loss": "validation loss", "validation_uar": "validation UAR (%)"}
    for axes, (key, title) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        scale = 100 if key.endswith("uar") else 1
        for name, runs in curves.items():
            length = min(len(curve) for curve in runs)
            means = [scale * np.mean([getattr(curve[epoch], key) for curve in runs]) for epoch in range(length)]
            axes.plot(range(1, length + 1), means, label=name, linewidth=1.5)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.25)
    axes.legend(fontsize=7, loc="lower right")
    return figure


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
        overlay.plot((np.arange(len(weights)) + 0.5) * example.hop_seconds, weights, color="#3ddbd9", linewidth=1.4)
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
    axes.set(title=example["title"].replace("$", r"\$"), xlim=(0, _seconds(example)), ylabel="amplitude")
    axes.title.set_fontsize(9)


def _draw_bands(axes: Axes, example: dict) -> None:
    bands = np.asarray(example["bands"])
    extent = (0, len(bands) * example["hop_seconds"], 0, bands.shape[1])
    low, high = np.percentile(bands, [2, 99.5])
    axes.imshow(bands.T, origin="lower", aspect="auto", cmap="magma", extent=extent, vmin=low, vmax=high)
    axes.set(ylabel=example["band_name"], xlim=(0, _seconds(example)))
    if len(example["attention"]):
        overlay = axes.twinx()
        overlay.plot(example["attention_seconds"], example["attention"], color="#3ddbd9", linewidth=1.4)
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


def differences(comparisons: Mapping, title: str) -> Figure:
    """Draws differences in points with their 95 % intervals, a line for each name.

    Args:
        comparisons: `comparison.Comparison` by name.
        title: title of the horizontal axis.
    """
    figure = Figure((8, 1.2 + 0.5 * len(comparisons)), layout="constrained")
    axes = figure.subplots()
    for position, comparison in enumerate(comparisons.values()):
        difference = comparison.difference
        low, high = comparison.interval
        axes.plot([100 * low, 100 * high], [position, position], color=SOFT, linewidth=3)
        axes.plot(100 * difference, position, "o", color=ACCENT)
        axes.annotate(f"{100 * difference:+.1f}", (100 * difference, position), (0, 6), textcoords="offset points")
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_yticks(range(len(comparisons)), list(comparisons))
    axes.invert_yaxis()
    axes.margins(y=0.25)
    axes.set(xlabel=f"{title} (line: 95 % interval)")
    return figure


class Point(NamedTuple):
    """A point of a figure of UARs.

    Attributes:
        uar: a share from 0 to 1.
        interval: its interval; None where there is none.
        published: the published figure; None where there is none.
    """

    uar: float
    interval: tuple[float, float] | None
    published: PublishedFigure | None = None


def depths(
    points: Mapping[int, Point],
    measured: str = "test",
    along: str = "convolution layers",
    title: str = "UAR by depth, Table I",
) -> Figure:
    """Draws UAR with intervals over a number such as that of convolution layers, with published values if there are any.

    Args:
        points: the points by their number, one at least.
        measured: speakers of our UAR, "test" or "validation".
        along: title of the horizontal axis.
        title: title of the figure.
    """
    figure = Figure((7, 4), layout="constrained")
    axes = figure.subplots()
    order = sorted(points)
    ours = [100 * points[depth].uar for depth in order]
    bounds = [points[depth].interval or (points[depth].uar,) * 2 for depth in order]
    reach = [[abs(value - 100 * bound[side]) for value, bound in zip(ours, bounds, strict=True)] for side in (0, 1)]
    axes.errorbar(
        order, ours, reach, fmt="o-", color=ACCENT, capsize=4, label=f"ours, {measured} speakers (95 % interval)"
    )
    published = {depth: points[depth].published for depth in order if points[depth].published}
    if published:
        means, deviations = ([getattr(value, part) for value in published.values()] for part in ("mean", "deviation"))
        axes.errorbar(
            list(published),
            means,
            deviations,
            fmt="s--",
            color=INK,
            capsize=4,
            label="published, test speakers (± std)",
        )
    axes.set(xlabel=along, ylabel="UAR (%)", xticks=order, title=title)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8)
    return figure
