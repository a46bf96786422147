"""Colors of all figures, and the writer of PNG files."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.text import Text

from acrnn import files

_DPI = 90
INK, ACCENT, SOFT = "#1f2a44", "#d1495b", "#8fa3bf"


def without_formulas(figure: Figure) -> Figure:
    """Returns a figure whose texts are drawn as they are: the names of speakers and emotions may have dollar signs."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    return figure


def write_png(figure: Figure, path: Path) -> bytes:
    """Writes a figure as a PNG file, atomically, and returns its bytes."""
    buffer = io.BytesIO()
    without_formulas(figure).savefig(buffer, format="png", dpi=_DPI)
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return buffer.getvalue()
