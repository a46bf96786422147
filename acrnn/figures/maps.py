"""A map of utterances: t-SNE of their embeddings, colored by emotion and by speaker, as a matplotlib figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from acrnn.figures.style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST, MOST = 10, 2000  # utterances on a map
PERPLEXITY = 30.0  # where there are enough utterances
SEED = 0
_COLORS = ("#d1495b", "#2e6f95", "#edae49", "#3a9d5d", "#7b5ea7", "#1f2a44", "#66c3cf", "#a0765b", "#e377c2", "#8fa3bf")
_MARKERS = "o^sDvP*X"
_LEGEND_ROWS = 14  # in a column
_MOST_NAMES = 3 * _LEGEND_ROWS  # in a legend


@dataclass(frozen=True)
class EmbeddingMap:
    """Positions of utterances on a plane.

    Attributes:
        positions: float [utterances, 2].
        groups: values of each utterance by the title of their panel, such as "speaker".
        total: number of utterances that the ones on the map were drawn from.
        units: number of values of an embedding.
        perplexity: perplexity of the t-SNE.
        seed: seed of the t-SNE and of the choice of utterances.
    """

    positions: np.ndarray
    groups: Mapping[str, Sequence[str]]
    total: int
    units: int
    perplexity: float
    seed: int

    @property
    def caption(self) -> str:
        """The facts of the map in a few sentences."""
        count = len(self.positions)
        drawn = f"{count} utterances" if count == self.total else f"{count} of {self.total} utterances, drawn at random"
        return (
            f"t-SNE of the embeddings of {drawn}: {self.units} values each, the mean over the segments; perplexity "
            f"{self.perplexity:g}, seed {self.seed}. Points that lie close together have similar embeddings; the sizes of groups "
            f"and the distances between them say little."
        )

    def draw(self) -> Figure:
        """Draws the map once for each kind of group."""
        figure = Figure((6.6 * len(self.groups), 5.2), layout="constrained")
        panels = figure.subplots(1, len(self.groups), squeeze=False)[0]
        for axes, (title, values) in zip(panels, self.groups.items(), strict=True):
            _draw_groups(axes, self.positions, values)
            axes.set(title=f"By {title}", xticks=[], yticks=[])
        return figure


def problem(vectors: np.ndarray) -> str | None:
    """Returns why there is no map of some embeddings [utterances, units], in a sentence; None if there is one."""
    if len(vectors) < FEWEST:
        return f"A map of embeddings needs at least {FEWEST} utterances; there are {len(vectors)}."
    if not np.ptp(vectors, axis=0).any():
        return f"The embeddings of all {len(vectors)} utterances are the same, so that there is no map of them."
    return None


def embedding_map(vectors: np.ndarray, groups: Mapping[str, Sequence[str]]) -> EmbeddingMap:
    """Returns a map of embeddings, by t-SNE; the same embeddings give the same map.

    van der Maaten, Hinton (2008): Visualizing Data using t-SNE. Journal of Machine Learning Research 9.

    Args:
        vectors: float [utterances, units].
        groups: values of each utterance by the title of their panel.

    Raises:
        ValueError: see `problem`.
    """
    if reason := problem(vectors):
        raise ValueError(reason)
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    chosen = np.arange(len(vectors))
    if len(vectors) > MOST:
        chosen = np.sort(np.random.default_rng(SEED).choice(len(vectors), MOST, replace=False))
    perplexity = min(PERPLEXITY, (len(chosen) - 1) // 3)
    reduction = TSNE(perplexity=perplexity, init="pca" if vectors.shape[1] > 1 else "random", random_state=SEED)
    with threadpool_limits(1):  # the number of threads would decide the order of sums, and with it the map
        positions = reduction.fit_transform(np.asarray(vectors[chosen], np.float32))
    shown = {title: [values[number] for number in chosen] for title, values in groups.items()}
    return EmbeddingMap(positions, shown, len(vectors), vectors.shape[1], perplexity, SEED)


def _shown(name: str) -> str:
    """A name for a legend, which leaves out those that begin with an underscore."""
    return f" {name}" if name.startswith("_") else name


def _draw_groups(axes: Axes, positions: np.ndarray, values: Sequence[str]) -> None:
    """Draws points with a color and a marker for each value, in alphabetical order, and their legend."""
    names = sorted(set(values))
    for number, name in enumerate(names):
        own = positions[[value == name for value in values]]
        color, marker = _COLORS[number % len(_COLORS)], _MARKERS[number // len(_COLORS) % len(_MARKERS)]
        axes.scatter(*own.T, s=16, color=color, marker=marker, linewidths=0, alpha=0.8, label=_shown(name))
    if len(names) > _MOST_NAMES:
        axes.set_xlabel(f"{len(names)} colors and shapes, without a legend", fontsize=8, color=INK)
        return
    columns = math.ceil(len(names) / _LEGEND_ROWS)
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, ncols=columns, frameon=False, borderaxespad=0.2
    )
