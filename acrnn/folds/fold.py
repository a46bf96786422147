"""A fold, and the hash of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acrnn.files import sha256_of_json


@dataclass(frozen=True)
class Fold:
    """One split of a corpus into training, validation and test sets.

    Attributes:
        name: name of the test set, such as "speaker 03".
        train: ids of the training utterances.
        validation: ids of the utterances for checkpoint selection and early stopping.
        test: ids of the utterances that are scored once.
        speaker_independent: True if no speaker may be in two of the sets.
        sentence_independent: True if no sentence of the test set may be in another set.
    """

    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    speaker_independent: bool = True
    sentence_independent: bool = False

    def to_dict(self) -> dict:
        """Returns name and ids as a dict for JSON."""
        return {
            "name": self.name,
            "train": list(self.train),
            "validation": list(self.validation),
            "test": list(self.test),
        }


def split_sha256(folds: Sequence[Fold]) -> str:
    """Returns the SHA-256 of the ids in every part of every fold; equal hashes mean equal splits."""
    return sha256_of_json([fold.to_dict() for fold in folds])
