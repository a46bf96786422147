"""Toy speech with words: a synthetic corpus in which voice and words carry different parts of the emotion.

In real speech, the voice indicates arousal and the words indicate valence; bimodal systems rely on it. Ten speakers say six
utterances in each of four emotions: 240 utterances, 60 of each emotion, as 16-bit WAV files at 16 kHz. Of the six,

    one has neutral words and the voice of the emotion, as in `toy`;
    five have good or bad words in an aroused voice (between anger and happiness) or a subdued voice (between neutral and
    sadness). Anger is bad and aroused, happiness good and aroused, sadness bad and subdued. Good words in a subdued voice
    contradict each other; their emotion is neutral.

In these five, the voice alone does not separate anger from happiness or neutral from sadness, and the words alone do not
separate anger from sadness or happiness from neutral. The sound is the nonsense of `toy` and not the words, since an acoustic
network could otherwise learn the words; a speech recognizer cannot transcribe it. The corpus tests the fusion of two
modalities; it is no evidence about real emotion.

Licence: CC0 1.0. Citation: as for `toy`.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from acrnn.toy_speech.speech import SENTENCES, spoken
from acrnn.toy_speech.voices import EMOTIONS, LABELS, Emotion
from data_prep.corpora import toy
from data_prep.corpora.base import Corpus, ReadOptions, Subset, Utterance
from data_prep.corpora.toy import SPEAKER_COUNT

GENERATOR_VERSION = "1"  # increase it with any change of a waveform or a text
TAKES = 6  # utterances per speaker and emotion; the first has neutral words
WORDS = {
    "neutral": ("the", "chair", "stands", "near", "a", "table", "today", "there", "is", "paper"),
    "good": ("wonderful", "lovely", "great", "happy"),
    "bad": ("awful", "horrible", "broken", "wrong"),
}
_VALENCE = {"anger": "bad", "happiness": "good", "neutral": "good", "sadness": "bad"}
_FILE_NAME = re.compile(r"bimodal(?P<speaker>\d\d+)_(?P<emotion>[a-z]+)_(?P<take>\d+)")


def _between(first: str, second: str) -> Emotion:
    """Returns the mean of the changes of two emotions."""
    a, b = asdict(EMOTIONS[first]), asdict(EMOTIONS[second])
    return Emotion(**{name: (a[name] + b[name]) / 2 for name in a})


AROUSED, SUBDUED = _between("anger", "happiness"), _between("neutral", "sadness")
VOICES = {"anger": AROUSED, "happiness": AROUSED, "neutral": SUBDUED, "sadness": SUBDUED}


def words_of(number: int, emotion: str, take: int) -> tuple[str, ...]:
    """Returns the words of an utterance: four or five, of which two are good or bad if take is above 1.

    Args:
        number: speaker, from 1.
        emotion: one of LABELS.
        take: utterance of this speaker and emotion, from 1; the first has neutral words only.
    """
    rng = _rng(number, emotion, take, 1)
    words = list(rng.choice(WORDS["neutral"], rng.integers(4, 6), replace=False))
    if take > 1:
        places = rng.choice(len(words), 2, replace=False)
        for place, word in zip(places, rng.choice(WORDS[_VALENCE[emotion]], 2, replace=False), strict=True):
            words[place] = word
    return tuple(map(str, words))


def utterance_waveform(number: int, emotion: str, take: int) -> np.ndarray:
    """Returns the waveform of an utterance, float64 [samples] within ±1, the same in each call; see `words_of`."""
    rng = _rng(number, emotion, take, 2)
    voice = EMOTIONS[emotion] if take == 1 else VOICES[emotion]
    return spoken(number, str(rng.choice(SENTENCES)), voice, rng)


def _rng(number: int, emotion: str, take: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence((number, LABELS.index(emotion) + 1, take, purpose)))


def generate(folder: Path, speaker_count: int = SPEAKER_COUNT) -> Path:
    """Writes the corpus and returns the folder.

    The files are bimodal01_anger_1.wav and so on, and bimodal.json with the settings of the generator.
    """
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
    """Returns the utterances in a folder; speaker, emotion and words follow from the file name (bimodal03_anger_2.wav)."""
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
