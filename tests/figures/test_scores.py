"""Figures of scores: names are drawn as they are."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.text import Text

from acrnn import figures

NAMES = [r"a$\frac$b", "$x$", "_anna"]


@pytest.mark.parametrize("kind", ["speakers", "confusion", "map"])
def test_names_with_dollar_signs_and_underscores_are_drawn_as_they_are(kind, tmp_path):
    if kind == "speakers":
        figure = figures.speakers([SimpleNamespace(speaker=name, uar=0.5) for name in NAMES], 0.5, 0.2)
    elif kind == "confusion":
        figure = figures.confusion([[3, 1, 0]] * 3, NAMES)
    else:
        drawn = figures.EmbeddingMap(np.eye(3)[:, :2], {"speaker": NAMES}, 3, 2, 1, 0)
        figure = drawn.draw()
    assert figures.write_png(figure, tmp_path / "f.png").startswith(b"\x89PNG")
    texts = {text.get_text().strip() for text in figure.findobj(Text)}
    assert set(NAMES) <= texts


def test_uars_are_drawn_with_their_intervals_and_the_chance_level():
    points = {"a": figures.Point(0.5, (0.4, 0.6)), "b": figures.Point(0.3, None)}
    (axes,) = figures.uars(points, 0.25, "UAR").axes
    lines = [line.get_xdata() for line in axes.lines]
    assert [list(map(float, xs)) for xs in map(np.atleast_1d, lines)] == [[40, 60], [50], [30, 30], [30], [25, 25]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
