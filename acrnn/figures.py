"""Figures of results, as matplotlib figures: confusion, speakers, learning curves, attention over the spectrogram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

_INK, _ACCENT, _SOFT = "#1f2a44", "#d1495b", "#8fa3bf"


def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> Figure:
    """Confusion matrix in percent of the true class, with counts."""
    counts = np.asarray(counts)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.6 + 0.75 * len(labels)
    figure = Figure((side + 0.8, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for row, column in np.ndindex(counts.shape):
        ink = "white" if percent[row, column] > 55 else _INK
        text = f"{percent[row, column]:.0f}\n({counts[row, column]})"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)
    axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="recognised as", ylabel="true emotion", title="Confusion, % of the true class (predictions)")
    return figure


def speakers(per_speaker: Sequence[dict], mean: float) -> Figure:
    """UAR of every test speaker."""
    figure = Figure((1.8 + 0.6 * max(5, len(per_speaker)), 3.4), layout="constrained")
    axes = figure.subplots()
    values = [100 * row["uar"] for row in per_speaker]
    bars = axes.bar([row["speaker"] for row in per_speaker], values, color=_SOFT)
    axes.bar_label(bars, [f"{value:.0f}" for value in values], fontsize=8)
    axes.axhline(100 * mean, color=_ACCENT, linewidth=1.2, label=f"mean over folds {100 * mean:.1f}")
    axes.set(ylim=(0, 108), xlabel="test speaker", ylabel="UAR (%)", title="UAR by speaker")
    axes.legend(loc="lower right", fontsize=8)
    return figure


def learning_curves(runs: Sequence[dict]) -> Figure:
    """Training loss, validation loss and validation UAR of every run by epoch, with the epochs whose weights were kept."""
    figure = Figure((11, 3.6), layout="constrained")
    panels = {"loss": "training loss", "validation_loss": "validation loss", "validation_uar": "validation UAR (%)"}
    for axes, (key, title) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        scale = 100 if key.endswith("uar") else 1
        for run in runs:
            epochs = [point["epoch"] for point in run["curve"]]
            values = [scale * point[key] for point in run["curve"]]
            best = epochs.index(run["best_epoch"])
            axes.plot(epochs, values, color=_SOFT, linewidth=0.9)
            axes.plot(epochs[best], values[best], "o", color=_ACCENT, markersize=3.5)
        longest = max((run["curve"] for run in runs), key=len)
        means = [
            np.mean([scale * run["curve"][i][key] for run in runs if i < len(run["curve"])])
            for i in range(len(longest))
        ]
        axes.plot([point["epoch"] for point in longest], means, color=_INK, linewidth=1.8)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.25)
    figure.suptitle("Learning curves: runs (thin), their mean (bold), kept epochs (dots)", fontsize=10)
    return figure


def attention(examples: Sequence[dict]) -> Figure:
    """Attention laid over the log-Mel spectrogram of some utterances.

    Args:
        examples: for each {"title", "log_mel": [frames, bands], "weights": [frames], "hop_seconds"}.
    """
    figure = Figure((9, 1.9 * len(examples)), layout="constrained")
    for axes, example in zip(figure.subplots(len(examples), squeeze=False)[:, 0], examples, strict=True):
        log_mel, weights = np.asarray(example["log_mel"]), np.asarray(example["weights"])
        seconds = len(log_mel) * example["hop_seconds"]
        low, high = np.nanpercentile(log_mel, [2, 99.5])
        extent = (0, seconds, 0, log_mel.shape[1])
        axes.imshow(log_mel.T, origin="lower", aspect="auto", cmap="magma", extent=extent, vmin=low, vmax=high)
        axes.set(ylabel="Mel band", title=example["title"])
        axes.title.set_fontsize(9)
        overlay = axes.twinx()
        overlay.plot((np.arange(len(weights)) + 0.5) * example["hop_seconds"], weights, color="#3ddbd9", linewidth=1.4)
        overlay.set(ylim=(0, 1.15 * np.nanmax(weights)), yticks=[], xlim=(0, seconds))
    axes.set_xlabel("seconds (line: attention weight)")
    return figure
