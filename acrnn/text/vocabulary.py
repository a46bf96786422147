"""The vocabulary of a network: words and their ids, fitted on training texts and saved with the network."""

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
    """Words in the order of their ids, from 1; the id of every other word is 0.

    Attributes:
        words: words as `tokens.words` returns them.
    """

    words: tuple[str, ...] = ()

    @classmethod
    def fit(cls, texts: Iterable[str], most: int, min_count: int = 1) -> Vocabulary:
        """Returns the vocabulary of the most frequent words of texts; ties are broken alphabetically.

        Args:
            texts: texts of the training utterances only, so that validation and test texts do not leak into a network.
            most: maximum number of words.
            min_count: minimum number of occurrences; rarer words stay unknown.
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
        """Converts texts into token ids.

        Returns:
            tokens int32 [texts, words], zero after the end of a text; num_words int32 [texts]. A text without words counts
            as one unknown word, so that a mean over words is defined.
        """
        tokens_by_text = [
            [self._numbers.get(word, UNKNOWN) for word in tokens.words(text)] or [UNKNOWN] for text in texts
        ]
        counts = np.array([len(row) for row in tokens_by_text], np.int32)
        padded = np.zeros((len(tokens_by_text), counts.max()), np.int32)
        for row, ids in zip(padded, tokens_by_text, strict=True):
            row[: len(ids)] = ids
        return padded, counts
