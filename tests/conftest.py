"""What several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_prep.__main__ import main as data_prep_main
from data_prep.corpora import toy

if "PYTEST_XDIST_WORKER" in os.environ:  # a worker a core: threads of one would only wait for those of another
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def toy_corpus_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole toy corpus, generated once for all tests; to be read only."""
    return toy.generate(tmp_path_factory.mktemp("toy"))


TINY_EMOTIONS = {"high": 900.0, "low": 250.0, "noisy": None}
TINY_NETWORK = {"first_filters": 4, "linear_units": 8, "lstm_units": 4, "dense_units": 8}


def tiny_sound(emotion: str, seconds: float, seed: int) -> np.ndarray:
    """A tone of the emotion's pitch in noise, or the noise alone: learnt in seconds, and not by chance."""
    generator = np.random.default_rng(seed)
    time = np.arange(int(seconds * 16000)) / 16000
    noise = generator.normal(0, 0.05, len(time))
    pitch = TINY_EMOTIONS[emotion]
    return noise if pitch is None else noise + 0.3 * np.sin(2 * np.pi * pitch * generator.uniform(0.95, 1.05) * time)


def write_tiny_corpus(folder: Path, speakers: int = 5) -> Path:
    """A table with five speakers, three emotions, two utterances of each; one is longer than a segment."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["text,path,label,speaker"]
    for speaker in range(speakers):
        for emotion in TINY_EMOTIONS:
            for take in range(2):
                seconds = 3.4 if (emotion, take) == ("low", 1) else 0.6 + 0.1 * speaker
                name = f"s{speaker}_{emotion}_{take}.wav"
                soundfile.write(folder / name, tiny_sound(emotion, seconds, speaker * 10 + take), 16000)
                lines.append(f"I don't say {emotion} {take},{name},{emotion},s{speaker}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny corpus; to be read only."""
    return write_tiny_corpus(tmp_path_factory.mktemp("tiny") / "corpus")


@pytest.fixture(scope="session")
def tiny_records(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record set of the tiny corpus; to be read only."""
    out = tmp_path_factory.mktemp("tiny-records") / "records"
    assert data_prep_main(["manifest", "--data-dir", str(tiny_corpus), "--out", str(out), "--jobs", "1"]) == 0
    return out
