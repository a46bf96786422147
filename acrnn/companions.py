"""What accompanies the sound of utterances: what is said, and an embedding of who speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

NAMES = ("text", "speaker_embedding")


@dataclass(frozen=True)
class Companions:
    """Companions of all utterances of a table, in its order.

    Attributes:
        texts: what is said; empty texts where nothing is known.
        speaker_embeddings: float32 [utterances, size]; None where there are none.
        word_vectors: pretrained vectors of words [size], of those that the texts have; empty where there are none.
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
