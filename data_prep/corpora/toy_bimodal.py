"""Toy speech whose emotion is half in the voice and half in the words, by the synthesizer of `toy`.

Voices tell how aroused somebody is, words whether something is good or bad; papers on two modalities live of that.
Of the six utterances that each of ten speakers says for each emotion,

    one has neutral words: the voice alone tells the emotion, as in `toy`;
    five have words that are good or bad in a voice that is aroused (between anger and happiness) or subdued (between
    neutral and sadness). Words and voice agree in anger, happiness and sadness; subdued good words are the contradiction:
    the voice takes back what the words say, and the emotion is neutral.

Who hears the voice alone cannot tell anger from happiness there, nor neutral from sadness; who reads the words alone
cannot tell anger from sadness. The sound is the babble of `toy` and not the words, or else a network that hears would read
as well; a recogniser of speech makes nothing of it. It shows that two modalities are put together; it is no evidence about
real emotion.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from data_prep.corpora import toy
from data_prep.corpora.base import Corpus, ReadOptions, Subset, Utterance
from data_prep.corpora.toy import EMOTIONS, LABELS, SPEAKER_COUNT, Emotion

GENERATOR_VERSION = "1"  # raise it whenever a waveform or a text changes
TAKES = 6  # utterances of a speaker in an emotion; the first has neutral words
WORDS = {
    "neutral": ("the", "chair", "stands", "near", "a", "table", "today", "there", "is", "paper"),
    "good": ("wonderful", "lovely", "great", "happy"),
    "bad": ("awful", "horrible", "broken", "wrong"),
}
_TOLD_BY_WORDS = {"anger": "bad", "happiness": "good", "neutral": "good", "sadness": "bad"}
_FILE_NAME = re.compile(r"bimodal(?P<speaker>\d\d+)_(?P<emotion>[a-z]+)_(?P<take>\d+)")


def _between(first: str, second: str) -> Emotion:
    one, other = asdict(EMOTIONS[first]), asdict(EMOTIONS[second])
    return Emotion(**{name: (one[name] + other[name]) / 2 for name in one})


_AROUSED, _SUBDUED = _between("anger", "happiness"), _between("neutral", "sadness")
_VOICES = {"anger": _AROUSED, "happiness": _AROUSED, "neutral": _SUBDUED, "sadness": _SUBDUED}


def words_of(number: int, emotion: str, take: int) -> tuple[str, ...]:
    """What a speaker (1, 2, …) says: four or five words, two of which tell good from bad unless the words are neutral."""
    rng = _rng(number, emotion, take, 1)
    words = list(rng.choice(WORDS["neutral"], rng.integers(4, 6), replace=False))
    if take > 1:
        places = rng.choice(len(words), 2, replace=False)
        for place, word in zip(places, rng.choice(WORDS[_TOLD_BY_WORDS[emotion]], 2, replace=False), strict=True):
            words[place] = word
    return tuple(map(str, words))


def utterance_waveform(number: int, emotion: str, take: int) -> np.ndarray:
    """How he or she sounds: (samples,) float64 within ±1, always the same."""
    rng = _rng(number, emotion, take, 2)
    voice = EMOTIONS[emotion] if take == 1 else _VOICES[emotion]
    return toy.spoken(number, str(rng.choice(toy.SENTENCES)), voice, rng)


def _rng(number: int, emotion: str, take: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence((number, LABELS.index(emotion) + 1, take, purpose)))


def generate(folder: Path, speaker_count: int = SPEAKER_COUNT) -> Path:
    """Writes the corpus, bimodal01_anger_1.wav and so on, and bimodal.json with its settings; returns the folder."""
    sounds = {
        f"bimodal{number:02d}_{emotion}_{take}": partial(utterance_waveform, number, emotion, take)
        for number, emotion, take in product(range(1, speaker_count + 1), LABELS, range(1, TAKES + 1))
    }
    settings = {
        "generator_version": GENERATOR_VERSION,
        "voices": json.loads(toy.settings(speaker_count)),
        "words": WORDS,
        "takes": TAKES,
    }
    return toy.write_corpus(folder, "bimodal", (json.dumps(settings, indent=2) + "\n").encode(), sounds, _FILE_NAME)


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Every utterance in the folder; speaker, emotion and words follow from the file's name."""
    return [_utterance(path) for path in sorted(data_dir.glob("*.wav")) if not path.name.startswith(".")]


def _utterance(path: Path) -> Utterance:
    match = _FILE_NAME.fullmatch(path.stem)
    if not match or match["emotion"] not in LABELS or not 1 <= int(match["take"]) <= TAKES:
        raise ValueError(f"{path}: not a file name such as bimodal03_anger_2.wav ({', '.join(LABELS)}); remove it")
    words = words_of(int(match["speaker"]), match["emotion"], int(match["take"]))
    return Utterance(
        id=path.stem,
        path=path,
        speaker=match["speaker"],
        session=match["speaker"],
        emotion=match["emotion"],
        text=" ".join(words),
    )


CORPUS = Corpus(
    name="toy-bimodal",
    title=f"toy speech with words, synthesised ({SPEAKER_COUNT} speakers, {len(LABELS)} emotions)",
    version=f"generator {GENERATOR_VERSION}",
    licence=toy.CORPUS.licence,
    citation=toy.CORPUS.citation,
    homepage=toy.CORPUS.homepage,
    find_utterances=find_utterances,
    subsets={"all": Subset(labels=LABELS, expected=dict.fromkeys(LABELS, SPEAKER_COUNT * TAKES))},
    generate=generate,
)
