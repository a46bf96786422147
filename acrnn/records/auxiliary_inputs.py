"""Auxiliary inputs of utterances, beside their sound: transcripts, speaker embeddings and pretrained word vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acrnn import files, vector_tables

# Names of the inputs of a network.
NAMES = ("text", "speaker_embedding")
# Names of the entries in a manifest.
TRANSCRIPTS, SPEAKER_EMBEDDINGS, WORD_VECTORS = ("transcripts", "speaker_embeddings", "word_vectors")


@dataclass(frozen=True)
class AuxiliaryInputs:
    """Auxiliary inputs of all utterances of a record set.

    Attributes:
        texts: transcript of each utterance, "" where there is none; empty for utterances without texts.
        speaker_embeddings: float32 [utterances, size]; None where the records have none.
        word_vectors: pretrained vectors float32 [size] of words in the texts; None where the records have none.
    """

    texts: Sequence[str] = ()
    speaker_embeddings: np.ndarray | None = None
    word_vectors: Mapping[str, np.ndarray] | None = None

    def of(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the auxiliary inputs of some utterances, by the names in NAMES; without those that the records lack.

        Args:
            rows: int [n], rows of the table of utterances.

        Returns:
            "text" object [n] and "speaker_embedding" float32 [n, size].
        """
        inputs: dict[str, np.ndarray] = {}
        if len(self.texts):
            inputs["text"] = np.array([self.texts[row] for row in rows], object)
        if self.speaker_embeddings is not None:
            inputs["speaker_embedding"] = self.speaker_embeddings[rows]
        return inputs


def read(folder: Path, entries: Mapping[str, Mapping], utterances: Sequence) -> AuxiliaryInputs:
    """Reads the auxiliary inputs of a record set.

    Args:
        folder: folder of the record set.
        entries: `auxiliary_inputs` of its manifest.
        utterances: rows of its table, with `id`, `text` and `copy_of`; a copy at another speed has the speaker embedding of
            its utterance.

    Raises:
        ValueError: a file is missing or changed since the manifest was written.
    """
    tables = {name: _table(folder, entry) for name, entry in entries.items() if "file" in entry}
    embeddings = tables.get(SPEAKER_EMBEDDINGS)
    stacked = None if embeddings is None else np.stack([embeddings[row.copy_of or row.id] for row in utterances])
    return AuxiliaryInputs(tuple(row.text for row in utterances), stacked, tables.get(WORD_VECTORS))


def _table(folder: Path, entry: Mapping) -> dict[str, np.ndarray]:
    """Reads a table of vectors, float32 [size] by name, after its checksum is compared."""
    path = folder / entry["file"]
    if not path.is_file() or files.sha256_of_file(path) != entry["sha256"]:
        raise ValueError(f"{path}: missing or changed since the records were made")
    return vector_tables.read(path)
