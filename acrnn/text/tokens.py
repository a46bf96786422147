"""Splits texts into words: lower case, no punctuation, contractions split as in GloVe's vocabulary (do n't, i 'm).

The rules are few and simple, so that TensorFlow operations can apply them too: see `in_graph.py`.
"""

from __future__ import annotations

import re

# Substitutions of both implementations, in this order, in a lower-case text between two spaces. Python's \w matches any
# letter, digit or "_"; in RE2 Unicode classes match the same.
APOSTROPHES = "[\u2019\u02bc`]"
NO_WORD, NO_WORD_RE2 = r"(?:[^\w']|_)+", r"[^\p{L}\p{N}']+"
LOOSE = r"'* '*"  # apostrophes that are no part of a word
CONTRACTIONS = ((r"n't ", r" n't "), (r"'(s|m|re|ve|ll|d) ", r" '\1 "))


def words(text: str) -> list[str]:
    """Returns the words of a text: ["laughter", "i", "do", "n't", "know"] for "[LAUGHTER] I don't know!"."""
    text = re.sub(NO_WORD, " ", re.sub(APOSTROPHES, "'", f" {text.lower()} "))
    text = re.sub(LOOSE, " ", text)
    for pattern, replacement in CONTRACTIONS:
        text = re.sub(pattern, replacement, text)
    return text.split()
