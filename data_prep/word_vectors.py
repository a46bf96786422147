"""Pretrained word vectors from the text files of GloVe: streamed, so that memory holds the wanted words alone."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

_BUFFER_BYTES = 1 << 20


def read(path: Path, words: Collection[str]) -> dict[str, np.ndarray]:
    """Vectors float32 [size] of those words that a file has.

    Args:
        path: a text file with a word and its values on each line, as GloVe and word2vec's text format have it.
        words: wanted. Most of a file of a gigabyte is never looked at closely.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is none, or no wanted word is there.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file; --word-vectors takes a text file, unzipped, such as glove.6B.300d.txt"
        )
    wanted = {word.encode(): word for word in words}
    found: dict[str, np.ndarray] = {}
    size = 0
    with path.open("rb", buffering=_BUFFER_BYTES) as file:
        for number, line in enumerate(file, start=1):
            if number == 1:
                size = _size(path, line)
                if size is None:
                    continue
            key, _, rest = line.partition(b" ")
            word = wanted.get(key)
            if word is None or word in found:
                continue
            values = rest.split()
            size = size or len(values)
            if len(values) == size:  # else a "word" with spaces in it, of which glove.840B has some
                found[word] = _vector(path, number, values)
    if not found:
        raise ValueError(f"{path}: has none of the {len(wanted)} words; give vectors of the texts' language")
    return found


def _size(path: Path, line: bytes) -> int | None:
    """Values on a line, by the first one; None for word2vec's header, the number of words and their size."""
    fields = line.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        return None
    if len(fields) < 3:
        raise ValueError(f"{path}, line 1: {line[:60]!r} is not a word and its values; give GloVe's text format")
    return len(fields) - 1


def _vector(path: Path, number: int, values: list[bytes]) -> np.ndarray:
    try:
        return np.array(values, np.float32)
    except ValueError as error:
        raise ValueError(f"{path}, line {number}: {error}; fetch the file again") from error
