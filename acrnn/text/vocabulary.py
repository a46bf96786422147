"""The words a network knows, each with its number: fitted on training texts, kept with the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from acrnn.text import tokens

UNKNOWN = 0


@dataclass(frozen=True)
class Vocabulary:
    """Words in the order of their ids, which begin at 1; 0 is any other word.

    Attributes:
        words: as `tokens.words` gives them.
    """

    words: tuple[str, ...] = ()

    @classmethod
    def fit(cls, texts: Iterable[str], most: int, min_count: int = 1) -> Vocabulary:
        """The most frequent words of some texts, those of equal frequency in the order of the alphabet.

        Args:
            texts: of training utterances alone; what others say must not show in a network.
            most: how many words at most.
            min_count: rarer words are left to be unknown.
        """
        counts = Counter(word for text in texts for word in tokens.words(text))
        frequent = sorted(
            (word for word in counts if counts[word] >= min_count), key=lambda word: (-counts[word], word)
        )
        return cls(tuple(frequent[:most]))

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, start=1)}

    def ids(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Token ids of texts.

        Returns:
            tokens int32 [texts, words], zeros after a text's end; num_words int32 [texts]. A text without any word has
            one, unknown: silence is an answer too, and a mean needs something to be of.
        """
        found = [[self._numbers.get(word, UNKNOWN) for word in tokens.words(text)] or [UNKNOWN] for text in texts]
        counts = np.array([len(row) for row in found], np.int32)
        padded = np.zeros((len(found), counts.max()), np.int32)
        for row, ids in zip(padded, found, strict=True):
            row[: len(ids)] = ids
        return padded, counts
