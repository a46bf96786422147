"""A text's words: small letters, without punctuation, contractions taken apart as GloVe has them (do n't, i 'm).

The rules are few and plain so that they can be said in TensorFlow operations as well: see `in_graph.py`.
"""

from __future__ import annotations

import re

# What both twins do, in this order, to a text in small letters between two spaces. Python's \w is any letter, digit or
# "_"; RE2 knows the same as classes of Unicode.
APOSTROPHES = "[\u2019\u02bc`]"
NO_WORD, NO_WORD_RE2 = r"(?:[^\w']|_)+", r"[^\p{L}\p{N}']+"
LOOSE = r"'* '*"  # apostrophes that are no part of a word
CONTRACTIONS = ((r"n't ", r" n't "), (r"'(s|m|re|ve|ll|d) ", r" '\1 "))


def words(text: str) -> list[str]:
    """The words of a text, in order; "[LAUGHTER] I don't know!" gives laughter, i, do, n't, know."""
    text = re.sub(NO_WORD, " ", re.sub(APOSTROPHES, "'", f" {text.lower()} "))
    text = re.sub(LOOSE, " ", text)
    for pattern, written in CONTRACTIONS:
        text = re.sub(pattern, written, text)
    return text.split()
