"""Pretrained word vectors from text files such as GloVe's, streamed, so that memory holds only the words needed."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from acrnn.reading import check_regular

_BUFFER_BYTES = _LONGEST_LINE = 1 << 20


def read(path: Path, words: Collection[str]) -> dict[str, np.ndarray]:
    """Reads the vectors float32 [size] of words, by word; words that the file lacks are left out.

    Args:
        path: text file with a word and its values on each line, in the format of GloVe or of word2vec.
        words: words to read; the values of other words are not parsed.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: a line is not a word and its values, or the file has none of the words.
    """
    check_exists(path)
    wanted = {word.encode(): word for word in words}
    vectors: dict[str, np.ndarray] = {}
    size = 0
    with path.open("rb", buffering=_BUFFER_BYTES) as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), start=1):
            if len(line) == _LONGEST_LINE:
                raise ValueError(f"{path}, line {number}: no end after {len(line)} bytes; give GloVe's text format")
            if number == 1:
                size = _size(path, line)
                if size is None:
                    continue
            key, _, rest = line.partition(b" ")
            word = wanted.get(key)
            if word is None or word in vectors:
                continue
            values = rest.split()
            size = size or len(values)
            if len(values) == size:  # not for a "word" with spaces in it; glove.840B has some
                vectors[word] = _vector(path, number, values)
    if not vectors:
        raise ValueError(f"{path}: has none of the {len(wanted)} words; give vectors of the texts' language")
    return vectors


def check_exists(path: Path) -> None:
    """Refuses a file that does not exist.

    Raises:
        FileNotFoundError: the file does not exist.
    """
    check_regular(path, "word vectors are a text file, unzipped, such as glove.6B.300d.txt")


def _size(path: Path, line: bytes) -> int | None:
    """Returns the number of values per line, from the first line; None for the header of word2vec (words and size)."""
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
