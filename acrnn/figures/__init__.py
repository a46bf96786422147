"""Figures of results, as matplotlib figures: the only part of the library that imports matplotlib."""

from acrnn.figures.corpora import corpus
from acrnn.figures.curves import learning_curves, mean_curves
from acrnn.figures.scores import Point, confusion, depths, differences, speakers
from acrnn.figures.spectrograms import AttentionExample, attention, predictions
from acrnn.figures.style import ACCENT, INK, SOFT, write_png

__all__ = [
    "ACCENT",
    "INK",
    "SOFT",
    "AttentionExample",
    "Point",
    "attention",
    "confusion",
    "corpus",
    "depths",
    "differences",
    "learning_curves",
    "mean_curves",
    "predictions",
    "speakers",
    "write_png",
]
