"""Builds a corpus with the real ids, labels and lengths of IEMOCAP and synthetic contents, to try long commands.

    (cd tests && python -m support.iemocap_shape …/iemocap_index.csv …/shape)
    /usr/bin/time -v python experiments/peng2021_tables.py --dataset iemocap --data-dir shape/IEMOCAP_full_release \\
        --subset all-4-merged --transcripts shape/asr.csv --speaker-embeddings shape/xvector.scp \\
        --word-vectors shape/glove.txt --folds 0 --epochs 1 --audio-kernels 1 --text-kernels 1

The tones and invented words depend on the emotion a little; results on them do not hold for speech.
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
EMOTION_WORDS = {"neu": "fine", "ang": "damn", "sad": "sorry", "hap": "great", "exc": "wow"}
SOUND = {"neu": (0.02, 120), "ang": (0.2, 220), "sad": (0.01, 100), "hap": (0.1, 200), "exc": (0.15, 230)}  # level, Hz


def speaker_of(utterance: str) -> str:
    """Returns session and sex of the speaker, such as Ses01F."""
    return utterance[:5] + utterance.rpartition("_")[2][0]


class Shape:
    """Synthetic contents for the utterances of an index.

    Args:
        index: CSV with the columns utterance, emotion and num_samples_16khz.
        seed: random seed.
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
        """Returns a turn with 2.5 words per second; six of ten turns contain a word that indicates the emotion."""
        count = max(1, int(2.5 * int(row["num_samples_16khz"]) / RATE_HZ))
        words = [str(word) for word in self.generator.choice(self.words, count, p=frequency)]
        if self.generator.random() < 0.6:
            words.insert(int(self.generator.integers(len(words) + 1)), EMOTION_WORDS[row["emotion"]])
        return Turn(row["utterance"], row["emotion"], " ".join(words).capitalize() + ".")

    def write_sound(self, path: Path) -> None:
        """Writes a tone with tremolo in noise, as long as the utterance, or 0.5 s for turns outside the index."""
        row = self.rows.get(path.stem, {"emotion": "neu", "num_samples_16khz": RATE_HZ // 2})
        level, pitch_hz = SOUND[row["emotion"]]
        time = np.arange(int(row["num_samples_16khz"])) / RATE_HZ
        tone = (
            np.sin(2 * np.pi * pitch_hz * self.generator.uniform(0.8, 1.2) * time) * (1 + np.sin(8 * np.pi * time)) / 2
        )
        noise = np.resize(self.noise[self.generator.integers(RATE_HZ) :], len(time))
        sound = level * self.generator.uniform(0.5, 1.5) * (tone + 0.3 * noise)
        soundfile.write(path, np.clip(sound, -1, 1), RATE_HZ, subtype="PCM_16")

    def write_transcripts(self, path: Path) -> None:
        """Writes transcripts with a word error rate of about 6 %."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["utterance", "text"])
            for turn in self.turns:
                wrong = self.generator.random(len(turn.text.split())) < 0.06
                others = self.generator.choice(self.words, len(wrong))
                words = [
                    other if is_wrong else word
                    for word, other, is_wrong in zip(turn.text.split(), others, wrong, strict=True)
                ]
                writer.writerow([turn.utterance, " ".join(words)])

    def write_speakers(self, folder: Path) -> None:
        """Writes x-vectors as a Kaldi archive: one vector per speaker plus a little noise."""
        names = sorted({speaker_of(utterance) for utterance in self.rows})
        means = {name: self.generator.normal(size=SPEAKER_SIZE) for name in names}
        with kaldiio.WriteHelper(f"ark,scp:{folder / 'xvector.ark'},{folder / 'xvector.scp'}") as archive:
            for utterance in self.rows:
                vector = means[speaker_of(utterance)] + self.generator.normal(0, 0.3, SPEAKER_SIZE)
                archive(utterance, vector.astype(np.float32))

    def write_word_vectors(self, path: Path, words: int = GLOVE_WORDS) -> None:
        """Writes word vectors with as many words as GloVe, among them the words of the turns."""
        used = [*self.words, *sorted(set(EMOTION_WORDS.values()))]
        places = dict(zip(np.linspace(0, words - 1, len(used), dtype=int).tolist(), used, strict=True))
        filler = " ".join(f"{value:.5f}" for value in self.generator.normal(0, 0.4, VECTOR_SIZE))
        with path.open("w", encoding="utf-8") as file:
            for number in range(words):
                if number in places:
                    values = self.generator.normal(0, 0.4, VECTOR_SIZE)
                    file.write(f"{places[number]} {' '.join(f'{value:.5f}' for value in values)}\n")
                else:
                    file.write(f"x{number} {filler}\n")


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path, help="CSV with the columns utterance, emotion and num_samples_16khz")
    parser.add_argument("out", type=Path, help="folder to write")
    options = parser.parse_args()
    shape = Shape(options.index)
    build_iemocap_tree(options.out / "IEMOCAP_full_release", shape.turns, shape.write_sound)
    shape.write_transcripts(options.out / "asr.csv")
    shape.write_speakers(options.out)
    shape.write_word_vectors(options.out / "glove.txt")


if __name__ == "__main__":
    main()
