"""Embeddings of recordings: the values of a network's dense layer, written as an NPZ file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from acrnn import files
from acrnn.errors import FieldError
from acrnn.inference.prediction import Failure, Prediction


class EmbeddingFile:
    """Collects the embeddings of predictions, and writes them.

    The file holds `source` [utterances], `embedding` float32 [utterances, units], the mean over the segments of each utterance, and for
    each segment `segment_source` [segments], `segment_start_seconds` [segments] and `segment_embedding` float32 [segments, units].

    Args:
        path: the NPZ file to write; it must not exist yet.

    Raises:
        FieldError: the file exists, or its name does not end with .npz.
    """

    def __init__(self, path: Path):
        if path.suffix != ".npz":
            raise FieldError("embeddings", path, "it writes NPZ; let the name end with .npz")
        if path.exists():
            raise FieldError("embeddings", path, "it exists already; delete it, or choose another name")
        self.path = path
        self._sources: list[str] = []
        self._starts: list[list[float]] = []
        self._embeddings: list[np.ndarray] = []

    def collect(self, results: Iterable[Prediction | Failure]) -> Iterator[Prediction | Failure]:
        """Yields results, and keeps the embeddings of the predictions.

        Raises:
            ValueError: the model returns no embeddings.
        """
        for result in results:
            if isinstance(result, Prediction):
                if result.embeddings is None:
                    raise ValueError(f"{result.source}: the model returns no embeddings; export it again")
                self._sources.append(result.source)
                self._starts.append([segment.start_seconds for segment in result.segments])
                self._embeddings.append(np.asarray(result.embeddings, np.float32))
            yield result

    def write(self) -> None:
        """Writes the file."""
        counts = [len(each) for each in self._embeddings]
        units = self._embeddings[0].shape[1] if self._embeddings else 0
        files.make_folder(self.path.parent)
        with files.atomic_path(self.path) as partial, partial.open("wb") as file:
            np.savez(
                file,
                source=np.array(self._sources, str),
                embedding=np.array([each.mean(axis=0) for each in self._embeddings], np.float32).reshape(-1, units),
                segment_source=np.repeat(np.array(self._sources, str), counts),
                segment_start_seconds=np.array([start for starts in self._starts for start in starts]),
                segment_embedding=np.concatenate([*self._embeddings, np.zeros((0, units), np.float32)]),
            )
