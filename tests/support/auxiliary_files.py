"""Small files of auxiliary inputs for tests: embeddings of Kaldi, word vectors of GloVe, records with features for Peng et al."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.tiny_corpus import TINY_EMOTIONS, write_tiny_corpus

from data_prep.__main__ import main

FEATURES = ["--frontend", "peng2021", "--segments", "han2014", "--jobs", "1"]
GLOVE = "the 0.1 0.2 0.3\nsay -1 2e-1 3.5\n. . . 9 9 9\nn't 7 8 9\nhigh 1 1 1\nsay 5 5 5\n"
# Options of a short experiment with a small network.
QUICK = ["--epochs", "1", "--batch-size", "8", "--folds", "0", "--audio-kernels", "3", "--text-kernels", "2"]


def ids() -> list[str]:
    """Ids of the utterances of the tiny corpus with three speakers."""
    return [f"s{speaker}_{emotion}_{take}" for speaker in range(3) for emotion in TINY_EMOTIONS for take in range(2)]


def embeddings(size: int = 5) -> dict[str, np.ndarray]:
    """A speaker embedding float32 [size] for each of these utterances."""
    return {name: np.random.default_rng(n).normal(size=size).astype(np.float32) for n, name in enumerate(ids())}


def prepare(corpus: Path, out: Path, *options: str) -> int:
    """Prepares records of a corpus with a table, on the command line; returns the exit status."""
    return main(["manifest", "--data-dir", str(corpus), "--out", str(out), *FEATURES, *options])


def write_kaldi(folder: Path, table: dict[str, np.ndarray]) -> None:
    """Writes x.ark and x.scp."""
    kaldiio = pytest.importorskip("kaldiio", reason="the extra [kaldi] is not installed")
    with kaldiio.WriteHelper(f"ark,scp:{folder / 'x.ark'},{folder / 'x.scp'}") as write:
        for name, vector in table.items():
            write(name, vector)


def without_texts(folder: Path, speakers: int) -> Path:
    """Writes the tiny corpus without the column of its texts."""
    corpus = write_tiny_corpus(folder, speakers)
    table = corpus / "manifest.csv"
    table.write_text("\n".join(line.partition(",")[2] for line in table.read_text().splitlines()))
    return corpus
