"""What accompanies the sound of utterances: what is said, and an embedding of who speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acrnn import files, vector_tables

NAMES = ("text", "speaker_embedding")  # as a network takes them
TRANSCRIPTS, SPEAKER_EMBEDDINGS, WORD_VECTORS = (
    "transcripts",
    "speaker_embeddings",
    "word_vectors",
)  # as records hold them


@dataclass(frozen=True)
class AuxiliaryInputs:
    """AuxiliaryInputs of all utterances of a table, in its order.

    Attributes:
        texts: what is said; empty texts where nothing is known.
        speaker_embeddings: float32 [utterances, size]; None where there are none.
        word_vectors: pretrained vectors [size] of words that the texts have; None where there are none.
    """

    texts: Sequence[str] = ()
    speaker_embeddings: np.ndarray | None = None
    word_vectors: Mapping[str, np.ndarray] | None = None

    def of(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Those of some utterances, by name, one after the other; only what there is."""
        found = {}
        if len(self.texts):
            found["text"] = np.array([self.texts[row] for row in rows], object)
        if self.speaker_embeddings is not None:
            found["speaker_embedding"] = self.speaker_embeddings[rows]
        return found


def read(folder: Path, entries: Mapping[str, Mapping], utterances: Sequence) -> AuxiliaryInputs:
    """The companions of a record set.

    Args:
        folder: of the records.
        entries: what their manifest says of auxiliary_inputs.
        utterances: rows of their table, with `id`, `text` and `copy_of`: a copy at another speed has the embedding of its
            utterance.

    Raises:
        ValueError: a file is not the one that the manifest was written with.
    """
    tables = {name: _table(folder, entry) for name, entry in entries.items() if "file" in entry}
    embeddings = tables.get(SPEAKER_EMBEDDINGS)
    stacked = None if embeddings is None else np.stack([embeddings[row.copy_of or row.id] for row in utterances])
    return AuxiliaryInputs(tuple(row.text for row in utterances), stacked, tables.get(WORD_VECTORS))


def _table(folder: Path, entry: Mapping) -> dict[str, np.ndarray]:
    path = folder / entry["file"]
    if not path.is_file() or files.sha256_of_file(path) != entry["sha256"]:
        raise ValueError(f"{path}: missing or changed since the records were made")
    return vector_tables.read(path)
