"""Learning curves, as matplotlib figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from acrnn.figures.style import ACCENT, INK, SOFT

if TYPE_CHECKING:
    from acrnn.crossval.run import Run
    from acrnn.training.estimator import Epoch


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
