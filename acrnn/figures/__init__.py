"""Figures of results, as matplotlib figures: the only part of the library that imports matplotlib."""

from acrnn.figures.corpora import corpus
from acrnn.figures.curves import learning_curves, mean_curves
from acrnn.figures.maps import FEWEST as FEWEST_ON_A_MAP
from acrnn.figures.maps import EmbeddingMap, embedding_map
from acrnn.figures.maps import problem as no_map
from acrnn.figures.scores import Point, confusion, depths, differences, speakers, uars
from acrnn.figures.spectrograms import AttentionExample, attention, predictions
from acrnn.figures.style import ACCENT, INK, SOFT, without_formulas, write_png

__all__ = [
    "ACCENT",
    "FEWEST_ON_A_MAP",
    "INK",
    "SOFT",
    "AttentionExample",
    "EmbeddingMap",
    "Point",
    "attention",
    "confusion",
    "corpus",
    "depths",
    "differences",
    "embedding_map",
    "learning_curves",
    "mean_curves",
    "no_map",
    "predictions",
    "speakers",
    "uars",
    "without_formulas",
    "write_png",
]
