"""Output of the embeddings of many recordings: a table, a map, or both."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from acrnn import files
from acrnn.errors import FieldError
from acrnn.inference.embeddings import tables
from acrnn.inference.embeddings.collection import Embedded, of_prediction
from acrnn.inference.prediction import Failure, Prediction

NO_SPEECH = "no speech found"


class EmbeddingOutput:
    """Collects the embeddings of predictions, and writes them.

    Args:
        table: NPZ or Parquet file to write, see `tables.write`; None for none. It must not exist yet.
        figure: PNG file for a map of the embeddings; None for none. It must not exist yet.
        num_files: number of recordings that will be recognized.

    Raises:
        FieldError: a file exists or its name has another ending, or there are too few recordings for a map.
        ImportError: the extra [parquet] is missing.
    """

    def __init__(self, table: Path | None, figure: Path | None, num_files: int):
        if table:
            tables.check_path(table)
        if figure:
            _check_figure(figure, num_files)
        self._table, self._figure = table, figure
        self._rows: list[Embedded] = []

    @property
    def is_needed(self) -> bool:
        """True if a table or a map is to be written."""
        return bool(self._table or self._figure)

    def take(self, result: Prediction | Failure) -> None:
        """Keeps the embeddings of a prediction, if a table or a map needs them.

        Raises:
            ValueError: the model returns no embeddings.
        """
        if isinstance(result, Prediction) and self.is_needed:
            self._rows.append(of_prediction(result))

    def write(self) -> None:
        """Writes the files and prints their paths.

        Raises:
            ValueError: there is no map of these embeddings.
        """
        if self._table:
            tables.write(self._table, self._rows)
            print(f"embeddings: {self._table}", file=sys.stderr)
        if self._figure:
            _draw(self._figure, self._rows)


def _check_figure(path: Path, num_files: int) -> None:
    from acrnn.figures import FEWEST_ON_A_MAP

    if path.suffix.lower() != ".png":
        raise FieldError("embeddings_figure", path, "it writes PNG; let the name end with .png")
    if path.exists():
        raise FieldError("embeddings_figure", path, "it exists already; delete it, or choose another name")
    if num_files < FEWEST_ON_A_MAP:
        problem = f"a map needs at least {FEWEST_ON_A_MAP} recordings; name more, or leave it out"
        raise FieldError("embeddings_figure", path, f"{num_files} recordings, and {problem}")


def _draw(path: Path, rows: Sequence[Embedded]) -> None:
    from acrnn import figures

    emotions = [row.emotion or NO_SPEECH for row in rows]
    vectors = np.array([row.vector for row in rows], np.float32)
    drawn = figures.embedding_map(vectors, {"recognized emotion": emotions})
    files.make_folder(path.parent)
    figures.write_png(drawn.draw(), path)
    print(f"{drawn.caption}\nfigure of the embeddings: {path}", file=sys.stderr)
