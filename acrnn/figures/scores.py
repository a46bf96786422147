"""Figures of scores: confusion, speakers, differences, and UAR over a number such as that of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from acrnn.figures.style import ACCENT, INK, SOFT

if TYPE_CHECKING:
    from acrnn.crossval.summary import SpeakerScore
    from acrnn.models.published import Figure as PublishedFigure


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


def speakers(
    per_speaker: Sequence[SpeakerScore],
    mean: float,
    chance: float,
    along: str = "test speaker",
    mean_title: str = "mean over folds",
) -> Figure:
    """Draws the UAR of every speaker, with that of all and the chance level.

    Args:
        per_speaker: scores of the speakers.
        mean: UAR of all speakers.
        chance: UAR of guesses.
        along: title of the horizontal axis.
        mean_title: title of the UAR of all speakers.
    """
    figure = Figure((1.8 + 0.6 * max(5, len(per_speaker)), 3.4), layout="constrained")
    axes = figure.subplots()
    values = [100 * row.uar for row in per_speaker]
    bars = axes.bar([row.speaker for row in per_speaker], values, color=SOFT)
    axes.bar_label(bars, [f"{value:.0f}" for value in values], fontsize=8)
    axes.axhline(100 * mean, color=ACCENT, linewidth=1.2, label=f"{mean_title} {100 * mean:.1f}")
    axes.axhline(100 * chance, color=INK, linewidth=1.2, linestyle=":", label=f"chance {100 * chance:.1f}")
    axes.set(ylim=(0, 108), xlabel=along, ylabel="UAR (%)")
    axes.set_title("UAR by speaker", loc="left", fontsize=10)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=8, handlelength=1.4)
    return figure


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


def uars(points: Mapping[str, Point], chance: float, along: str) -> Figure:
    """Draws UARs with their 95 % intervals, a line for each name, and the chance level.

    Args:
        points: the points by name, one at least.
        chance: UAR of guesses.
        along: title of the horizontal axis.
    """
    figure = Figure((8, 1.4 + 0.4 * len(points)), layout="constrained")
    axes = figure.subplots()
    for position, point in enumerate(points.values()):
        low, high = point.interval or (point.uar, point.uar)
        axes.plot([100 * low, 100 * high], [position, position], color=SOFT, linewidth=3)
        axes.plot(100 * point.uar, position, "o", color=ACCENT)
        axes.annotate(f"{100 * point.uar:.1f}", (100 * point.uar, position), (0, 6), textcoords="offset points")
    axes.axvline(100 * chance, color=INK, linewidth=1.2, linestyle=":", label=f"chance {100 * chance:.1f}")
    axes.set_yticks(range(len(points)), list(points))
    axes.invert_yaxis()
    axes.margins(y=0.25)
    axes.set_xlim(0, 100)
    axes.set(xlabel=f"{along} (line: 95 % interval)")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
    return figure
