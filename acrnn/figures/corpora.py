"""Numbers and durations of the utterances of a corpus, as a matplotlib figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from matplotlib.figure import Figure

from acrnn.figures.style import SOFT


class Utterance(Protocol):
    """An utterance with the index of its emotion and its duration."""

    @property
    def label(self) -> int: ...

    @property
    def duration_seconds(self) -> float: ...


def corpus(rows: Sequence[Utterance], labels: Sequence[str]) -> Figure:
    """Draws the numbers of utterances by emotion, and the distribution of their durations.

    Args:
        rows: utterances of the corpus.
        labels: emotions in class order.
    """
    figure = Figure((4 + 0.6 * max(4, len(labels)), 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    counts = [sum(row.label == number for row in rows) for number in range(len(labels))]
    left.bar_label(left.bar(range(len(labels)), counts, color=SOFT), fontsize=8)
    left.set_ylim(0, 1.1 * max(counts))
    left.set_xticks(range(len(labels)), labels, rotation=40, ha="right")
    left.set(ylabel="utterances", title="Emotions")
    right.hist([row.duration_seconds for row in rows], bins=20, color=SOFT)
    right.set(xlabel="duration (s)", ylabel="utterances", title="Durations")
    return figure
