"""Synthetic sounds as the bytes of sound files."""

import io

import numpy as np
import soundfile

from acrnn.audio import mpeg


def speech_like(seconds: float = 0.5, rate: int = 16000) -> np.ndarray:
    """Noise whose loudness rises and falls, float [samples]; the same every time."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, round(seconds * rate))
    return noise * np.sin(np.linspace(0, 20 * seconds, len(noise)))


def encoded(samples: np.ndarray, rate: int, container: str, subtype: str, **options) -> bytes:
    """The bytes of a sound file; for options see `soundfile.write`."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype, **options)
    return buffer.getvalue()


def without_xing_header(content: bytes) -> bytes:
    """An MP3 file without the first frame, which states its length."""
    return content[mpeg._frames(content)[0].size :]
