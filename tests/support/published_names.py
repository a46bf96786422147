"""The file names of published corpora, written down from their documentation and not by the readers' patterns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest

from data_prep.corpora import file_names

_SENTENCES = ("TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI")  # besides IEO


def cremad() -> list[str]:
    """7442 names: 82 of a complete speaker, three missing in each emotion and five in neutral, and the misspelled one."""
    speakers = range(1001, 1092)
    names = []
    for emotion in ("ANG", "DIS", "FEA", "HAP", "SAD"):
        levels = [f"{speaker}_IEO_{emotion}_{level}" for speaker in speakers for level in ("LO", "MD", "HI")]
        plain = [f"{speaker}_{sentence}_{emotion}_XX" for speaker in speakers for sentence in _SENTENCES]
        names += [*levels, *plain][:-3]
    names += [f"{speaker}_{sentence}_NEU_XX" for speaker in speakers for sentence in ("IEO", *_SENTENCES)][:-5]
    return ["AudioWAV/" + name.replace("1040_ITH_SAD_XX", "1040_ITH_SAD_X") for name in names]


def tess() -> list[str]:
    """2800 names: two speakers, 200 words (of which "bite" is the first), seven emotions, and the misspelled one."""
    words = ["bite", *(f"word{number}" for number in range(199))]
    emotions = ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad")
    names = [f"{s}_{e}/{s}_{word}_{e}" for s, word, e in product(("OAF", "YAF"), words, emotions)]
    return [name.replace("/OAF_bite_neutral", "/OA_bite_neutral") for name in names]


def savee() -> list[str]:
    """480 names: four speakers, 15 sentences of six emotions and 30 of neutral."""
    stems = [f"{emotion}{number:02d}" for emotion in ("a", "d", "f", "h", "sa", "su") for number in range(1, 16)]
    stems += [f"n{number:02d}" for number in range(1, 31)]
    return [f"ALL/{speaker}_{stem}" for speaker, stem in product(("DC", "JE", "JK", "KL"), stems)]


def esd() -> list[str]:
    """35 000 names: 20 speakers, 350 sentences in five emotions, numbered from 1 to 1750."""
    emotions = ("Neutral", "Angry", "Happy", "Sad", "Surprise")
    return [
        f"{speaker:04d}/{emotions[number // 350]}/{speaker:04d}_{number + 1:06d}"
        for speaker, number in product(range(1, 21), range(1750))
    ]


def emovo() -> list[str]:
    """588 names: six speakers, 14 sentences, seven emotions."""
    sentences = ("b1", "b2", "b3", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5", "d1", "d2")
    emotions = ("dis", "gio", "neu", "pau", "rab", "sor", "tri")
    speakers = ("f1", "f2", "f3", "m1", "m2", "m3")
    return [
        f"EMOVO/{speaker}/{e}-{speaker}-{sentence}" for speaker, e, sentence in product(speakers, emotions, sentences)
    ]


def subesco() -> list[str]:
    """7000 names: 20 speakers, ten sentences, seven emotions, five takes."""
    emotions = ("ANGRY", "DISGUST", "FEAR", "HAPPY", "NEUTRAL", "SAD", "SURPRISE")
    parts = product("FM", range(1, 11), range(1, 11), emotions, range(1, 6))
    return [f"{sex}_{number:02d}_NAME_S_{sentence}_{e}_{take}" for sex, number, sentence, e, take in parts]


def nemo() -> list[str]:
    """4481 names: nine speakers, up to ninety sentences of each emotion."""
    counts = {"anger": 749, "fear": 736, "happiness": 749, "neutral": 809, "sadness": 769, "surprised": 669}
    return [f"samples/{'ABCDEFGHI'[n % 9]}B0_{e}_{1 + n // 9}" for e, count in counts.items() for n in range(count)]


def pretend(monkeypatch: pytest.MonkeyPatch, names: Sequence[str]) -> None:
    """Lets the readers find files with these names and the extension .wav in any folder, without writing thousands of them."""

    def sound_files(data_dir: Path) -> list[Path]:
        return sorted(data_dir / f"{name}.wav" for name in names)

    monkeypatch.setattr(file_names, "sound_files", sound_files)


def write_empty(data_dir: Path, names: Sequence[str]) -> Path:
    """Writes empty files with these names and the extension .wav, and returns their folder."""
    for folder in {(data_dir / name).parent for name in names}:
        folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (data_dir / f"{name}.wav").touch()
    return data_dir
