"""Builds a tree with the real ids, labels and lengths of IEMOCAP and nothing else of it, to try the long commands on.

    (cd tests && python -m support.iemocap_shape …/iemocap_index.csv …/shape)
    /usr/bin/time -v python experiments/peng2021_tables.py --dataset iemocap --data-dir shape/IEMOCAP_full_release \\
        --subset all-4-merged --transcripts shape/asr.csv --speaker-embeddings shape/xvector.scp \\
        --word-vectors shape/glove.txt --folds 0 --epochs 1 --audio-kernels 1 --text-kernels 1

Tones and made-up words carry a little of the emotion; figures measured on them say nothing about speech.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import kaldiio
import numpy as np
import soundfile
from support.iemocap_tree import Turn, build_iemocap_tree

RATE_HZ = 16000
WORDS, GLOVE_WORDS, VECTOR_SIZE, SPEAKER_SIZE = 2800, 400_000, 300, 512
TELLING = {"neu": "fine", "ang": "damn", "sad": "sorry", "hap": "great", "exc": "wow"}
SOUND = {"neu": (0.02, 120), "ang": (0.2, 220), "sad": (0.01, 100), "hap": (0.1, 200), "exc": (0.15, 230)}  # level, Hz


def speaker_of(utterance: str) -> str:
    """Session and sex of who speaks, such as Ses01F."""
    return utterance[:5] + utterance.rpartition("_")[2][0]


class Shape:
    """What is made up for the rows of an index.

    Args:
        index: a CSV with the columns utterance, emotion and num_samples_16khz.
        seed: of everything random.
    """

    def __init__(self, index: Path, seed: int = 0):
        self.generator = np.random.default_rng(seed)
        with index.open(encoding="utf-8", newline="") as file:
            self.rows = {row["utterance"]: row for row in csv.DictReader(file)}
        self.words = [f"w{number}" for number in range(WORDS)]
        self.noise = self.generator.normal(size=RATE_HZ * 60)
        frequency = 1 / np.arange(1, WORDS + 1)
        self.turns = [self._turn(row, frequency / frequency.sum()) for row in self.rows.values()]

    def _turn(self, row: dict, frequency: np.ndarray) -> Turn:
        """Two and a half words a second; in six of ten turns one that tells the emotion."""
        count = max(1, int(2.5 * int(row["num_samples_16khz"]) / RATE_HZ))
        said = [str(word) for word in self.generator.choice(self.words, count, p=frequency)]
        if self.generator.random() < 0.6:
            said.insert(int(self.generator.integers(len(said) + 1)), TELLING[row["emotion"]])
        return Turn(row["utterance"], row["emotion"], " ".join(said).capitalize() + ".")

    def write_sound(self, path: Path) -> None:
        """A trembling tone in noise, as long as the utterance; half a second for turns that the index does not list."""
        row = self.rows.get(path.stem, {"emotion": "neu", "num_samples_16khz": RATE_HZ // 2})
        level, pitch_hz = SOUND[row["emotion"]]
        time = np.arange(int(row["num_samples_16khz"])) / RATE_HZ
        tone = (
            np.sin(2 * np.pi * pitch_hz * self.generator.uniform(0.8, 1.2) * time) * (1 + np.sin(8 * np.pi * time)) / 2
        )
        noise = np.resize(self.noise[self.generator.integers(RATE_HZ) :], len(time))
        sound = level * self.generator.uniform(0.5, 1.5) * (tone + 0.3 * noise)
        soundfile.write(path, np.clip(sound, -1, 1), RATE_HZ, subtype="PCM_16")

    def write_recognised(self, path: Path) -> None:
        """Texts of which some six words in a hundred are others."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["utterance", "text"])
            for turn in self.turns:
                wrong = self.generator.random(len(turn.text.split())) < 0.06
                others = self.generator.choice(self.words, len(wrong))
                heard = [
                    other if is_wrong else word
                    for word, other, is_wrong in zip(turn.text.split(), others, wrong, strict=True)
                ]
                writer.writerow([turn.utterance, " ".join(heard)])

    def write_speakers(self, folder: Path) -> None:
        """x-vectors in Kaldi's archive: one a speaker, and a little noise."""
        names = sorted({speaker_of(utterance) for utterance in self.rows})
        own = {name: self.generator.normal(size=SPEAKER_SIZE) for name in names}
        with kaldiio.WriteHelper(f"ark,scp:{folder / 'xvector.ark'},{folder / 'xvector.scp'}") as archive:
            for utterance in self.rows:
                vector = own[speaker_of(utterance)] + self.generator.normal(0, 0.3, SPEAKER_SIZE)
                archive(utterance, vector.astype(np.float32))

    def write_word_vectors(self, path: Path, words: int = GLOVE_WORDS) -> None:
        """A file as large as GloVe's, with the words of the turns among others."""
        known = [*self.words, *sorted(set(TELLING.values()))]
        places = dict(zip(np.linspace(0, words - 1, len(known), dtype=int).tolist(), known, strict=True))
        filler = " ".join(f"{value:.5f}" for value in self.generator.normal(0, 0.4, VECTOR_SIZE))
        with path.open("w", encoding="utf-8") as file:
            for number in range(words):
                if number in places:
                    values = self.generator.normal(0, 0.4, VECTOR_SIZE)
                    file.write(f"{places[number]} {' '.join(f'{value:.5f}' for value in values)}\n")
                else:
                    file.write(f"x{number} {filler}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path, help="CSV with the columns utterance, emotion and num_samples_16khz")
    parser.add_argument("out", type=Path, help="folder to write")
    options = parser.parse_args()
    shape = Shape(options.index)
    build_iemocap_tree(options.out / "IEMOCAP_full_release", shape.turns, shape.write_sound)
    shape.write_recognised(options.out / "asr.csv")
    shape.write_speakers(options.out)
    shape.write_word_vectors(options.out / "glove.txt")


if __name__ == "__main__":
    main()
