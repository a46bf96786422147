"""Toy speech: a synthetic corpus for trying out the whole pipeline; it is no evidence about real emotion.

Ten speakers say four nonsense sentences in four emotions: 160 utterances of 1 to 4 s, 40 of each emotion, as 16-bit WAV files at
16 kHz. The strength of an emotion varies from utterance to utterance, so that the emotions overlap across speakers. The
corpus is generated on the spot by a formant synthesizer after Klatt (1980), and is equal in all runs and on all machines.

Licence: CC0 1.0. Citation: D. H. Klatt (1980), see `synthesis.py` in `acrnn/toy_speech/`; for the acoustics of the emotions, see
`voices.py` there.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from acrnn import files
from acrnn.toy_speech.speech import SENTENCES, utterance_waveform
from acrnn.toy_speech.synthesis import SAMPLE_RATE_HZ
from acrnn.toy_speech.voices import CHANGES, LABELS
from data_prep.corpora.base import Corpus, ReadOptions, Subset, Utterance

GENERATOR_VERSION = "1"  # increase it with any change of a waveform; files of another version are generated again
SPEAKER_COUNT = 10
_FILE_NAME = re.compile(r"toy(?P<speaker>\d\d+)_(?P<emotion>[a-z]+)_(?P<sentence>\d+)")


def generate(folder: Path, speaker_count: int = SPEAKER_COUNT) -> Path:
    """Writes the corpus and returns the folder.

    The files are toy01_anger_1.wav and so on, and toy.json with the settings of the generator.
    """
    utterances = product(range(1, speaker_count + 1), LABELS, range(1, len(SENTENCES) + 1))
    sounds = {
        f"toy{number:02d}_{emotion}_{sentence}": partial(utterance_waveform, number, emotion, sentence)
        for number, emotion, sentence in utterances
    }
    return write_corpus(folder, "toy", settings(speaker_count), sounds, _FILE_NAME)


def write_corpus(
    folder: Path, name: str, settings: bytes, sounds: Mapping[str, Callable[[], np.ndarray]], file_name: re.Pattern
) -> Path:
    """Writes the sound files of a generated corpus and its settings; returns the folder.

    Existing files are kept if their settings are the same, and generated again if not. A file gets its final name when it
    is complete.

    Args:
        folder: folder to write to.
        name: stem of the settings file NAME.json.
        settings: content of the settings file.
        sounds: file name without extension → function that returns the waveform, float [samples] within ±1.
        file_name: pattern of the names in `sounds`, and of those of other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings_path = folder / f"{name}.json"
    if not settings_path.exists() or settings_path.read_bytes() != settings:
        settings_path.unlink(missing_ok=True)
        for path in folder.glob("*.wav"):
            if file_name.fullmatch(path.stem):
                path.unlink(missing_ok=True)
    for stem, make in sounds.items():
        path = folder / f"{stem}.wav"
        if not path.exists():
            _write(path, _wav_bytes(make()))
    _write(settings_path, settings)
    return folder


def settings(speaker_count: int) -> bytes:
    """Returns the content of toy.json: all settings that determine the waveforms."""
    values = {
        "generator_version": GENERATOR_VERSION,
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "speakers": speaker_count,
        "sentences": SENTENCES,
        "labels": LABELS,
        "changes": CHANGES,
    }
    return (json.dumps(values, indent=2) + "\n").encode()


def _wav_bytes(waveform: np.ndarray) -> bytes:
    from scipy.io import wavfile

    stream = io.BytesIO()
    wavfile.write(stream, SAMPLE_RATE_HZ, np.round(waveform * 32767).astype(np.int16))
    return stream.getvalue()


def _write(path: Path, content: bytes) -> None:
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(content)


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Returns the utterances in a folder; the file name holds speaker, emotion and sentence (toy03_anger_2.wav)."""
    return [_utterance(path) for path in _sound_files(data_dir)]


def _sound_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.wav") if not path.name.startswith("."))


def _utterance(path: Path) -> Utterance:
    match = _FILE_NAME.fullmatch(path.stem)
    if not match or match["emotion"] not in LABELS or not 1 <= int(match["sentence"]) <= len(SENTENCES):
        raise ValueError(f"{path}: not a toy file name such as toy03_anger_2.wav ({', '.join(LABELS)}); remove it")
    return Utterance(
        id=path.stem,
        path=path,
        speaker=match["speaker"],
        session=match["speaker"],
        emotion=match["emotion"],
        text=SENTENCES[int(match["sentence"]) - 1],
    )


CORPUS = Corpus(
    name="toy",
    title=f"toy speech, synthesised ({SPEAKER_COUNT} speakers, {len(LABELS)} emotions)",
    version=f"generator {GENERATOR_VERSION}",
    licence="CC0 1.0 (generated)",
    citation=(
        "Generated by this project, after D. H. Klatt: Software for a cascade/parallel formant synthesizer. "
        "J. Acoust. Soc. Am. 67 (1980), pp. 971-995"
    ),
    homepage="https://doi.org/10.1121/1.383940",
    find_utterances=find_utterances,
    subsets={
        "all": Subset(labels=LABELS, expected=dict.fromkeys(LABELS, SPEAKER_COUNT * len(SENTENCES))),
    },
    generate=generate,
)
