"""Word error rate: how far a transcript is from what was said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from acrnn.text import tokens


def edits(said: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest words to be put in, left out or changed to make one of the other (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, start=1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(heard, start=1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (word != other))
    return row[-1]


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float | None:
    """Edits over words said, all texts together; None where no word was said.

    Args:
        pairs: what was said and what was heard. Words are those that a network reads, see `acrnn.text.tokens`.
    """
    wrong, count = 0, 0
    for said, heard in ((tokens.words(said), tokens.words(heard)) for said, heard in pairs):
        wrong, count = wrong + edits(said, heard), count + len(said)
    return wrong / count if count else None
