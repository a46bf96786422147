"""Declaration of the figures that a system's paper reports, and of the experiments that may be compared with them. Imports no Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class Figure(NamedTuple):
    """A published figure in percent.

    Attributes:
        mean: the figure.
        deviation: its standard deviation; None where the paper gives none.
        where: paper and table.
    """

    mean: float
    deviation: float | None
    where: str

    def cell(self) -> str:
        """The figure in a table cell: "82.82 ± 4.99"."""
        return f"{self.mean:.2f}" if self.deviation is None else f"{self.mean:.2f} ± {self.deviation:.2f}"

    def __str__(self) -> str:
        return f"{self.cell()} ({self.where})"


class Corpus(Protocol):
    """The properties of a corpus that a published figure depends on; see `acrnn.crossval.settings.CorpusInfo`."""

    name: str
    subset: str | None


class Settings(Protocol):
    """The settings that a published figure depends on; see `acrnn.crossval.settings.Settings`."""

    corpus: Corpus
    protocol: str
    config: Any
    speeds: tuple[float, ...] | None
    initial_weights_kind: str | None
    auxiliary_inputs: Mapping


def no_figure(settings: Settings) -> Figure | None:
    """No figure, for a score that a paper does not report."""
    return None


@dataclass(frozen=True)
class Published:
    """The published figures of a system.

    Attributes:
        experiments: the paper's experiments: (corpus, subset, protocol) each.
        uar: returns the paper's UAR for settings of one of these experiments, with a network of full size; None where the
            paper has none.
        wa: the same for the weighted accuracy.
        free: fields of the system's `Config` that may differ from the paper's value in a network of full size: those that the
            paper sweeps or leaves open, and those that belong to training, such as dropout.
    """

    experiments: frozenset[tuple[str, str, str]] = frozenset()
    uar: Callable[[Settings], Figure | None] = no_figure
    wa: Callable[[Settings], Figure | None] = no_figure
    free: tuple[str, ...] = ()
