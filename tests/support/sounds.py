"""Synthetic sounds as the bytes of sound files."""

import io
from pathlib import Path

import numpy as np
import soundfile

from acrnn.audio import mpeg
from data_prep.corpora import toy


def speech_like(seconds: float = 0.5, rate: int = 16000) -> np.ndarray:
    """Noise whose loudness rises and falls, float [samples]; the same every time."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, round(seconds * rate))
    return noise * np.sin(np.linspace(0, 20 * seconds, len(noise)))


def spoken_folder(folder: Path, count: int = 34) -> Path:
    """Writes synthetic speech as spoken00.wav, spoken01.wav … of different lengths, and two files that are not usable."""
    folder.mkdir(parents=True)
    emotions = ("anger", "sadness", "neutral")
    for number in range(count):
        sound = toy.utterance_waveform(1 + number % 4, emotions[number % 3], 1 + number % 2)
        sound = np.resize(sound, 8000 + 1500 * (7 * number % count))
        soundfile.write(folder / f"spoken{number:02d}.wav", sound, 16000, subtype="PCM_16")
    (folder / "empty.wav").touch()
    soundfile.write(folder / "spoken05-silent.wav", np.zeros(16000), 16000)
    return folder


def encoded(samples: np.ndarray, rate: int, container: str, subtype: str, **options) -> bytes:
    """The bytes of a sound file; for options see `soundfile.write`."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype, **options)
    return buffer.getvalue()


def without_xing_header(content: bytes) -> bytes:
    """An MP3 file without the first frame, which states its length."""
    return content[mpeg._frames(content)[0].size :]
