"""Word error rate of transcripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from acrnn.text import tokens


def edits(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Returns the Levenshtein distance: the fewest insertions, deletions and substitutions of words."""
    row = list(range(len(hypothesis) + 1))
    for number, word in enumerate(reference, start=1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(hypothesis, start=1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (word != other))
    return row[-1]


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float | None:
    """Returns the edits of all texts divided by the number of reference words; None if there are no reference words.

    Args:
        pairs: reference and hypothesis of each utterance, divided into the words of the networks (`acrnn.text.tokens`).
    """
    num_edits, num_words = 0, 0
    for reference, hypothesis in pairs:
        words = tokens.words(reference)
        num_edits += edits(words, tokens.words(hypothesis))
        num_words += len(words)
    return num_edits / num_words if num_words else None
