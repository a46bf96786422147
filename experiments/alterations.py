"""Alterations of a recording that keep its speech: level, noise, silence, bandwidth, speed, and lossy formats.

Every alteration takes and returns a waveform, float32 [samples] at SAMPLE_RATE_HZ.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from acrnn import audio

SAMPLE_RATE_HZ = 16000
Alteration = Callable[[np.ndarray], np.ndarray]


def louder(waveform: np.ndarray, decibels: float) -> np.ndarray:
    """Returns the waveform at another level; a negative number makes it softer."""
    return waveform * np.float32(10 ** (decibels / 20))


def clipped(waveform: np.ndarray) -> np.ndarray:
    """Returns the waveform 6 dB louder, with its peaks cut off at 0.7 of their height."""
    return np.clip(2 * waveform, *(np.array([-1.4, 1.4], np.float32) * np.abs(waveform).max()))


def full_scale(waveform: np.ndarray) -> np.ndarray:
    """Returns the waveform as a file of 16 bits holds it: rounded, and cut off at ±1."""
    return np.round(np.clip(waveform, -1, 1 - 2**-15) * 2**15).astype(np.float32) / np.float32(2**15)


def coded(container: str, subtype: str, **options) -> Alteration:
    """Returns the alteration that encodes and decodes a waveform in a format of libsndfile.

    Args:
        container, subtype: names of the format, such as "OGG" and "VORBIS".
        options: further arguments of `soundfile.write`.
    """

    def alter(waveform: np.ndarray) -> np.ndarray:
        import soundfile

        buffer = io.BytesIO()
        soundfile.write(buffer, waveform, SAMPLE_RATE_HZ, format=container, subtype=subtype, **options)
        buffer.seek(0)
        return soundfile.read(buffer, dtype="float32")[0]

    return alter


MP3 = coded("MP3", "MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=0.6)  # 64 kbit/s


def narrow(waveform: np.ndarray) -> np.ndarray:
    """Returns the waveform after resampling to 8 kHz and back: without frequencies above 4 kHz."""
    return audio.resampled(audio.resampled(waveform, SAMPLE_RATE_HZ, 8000), 8000, SAMPLE_RATE_HZ)


def noisy(waveform: np.ndarray, snr_db: float = 20) -> np.ndarray:
    """Returns the waveform in white noise at a signal-to-noise ratio in dB."""
    return waveform + _noise(len(waveform), waveform, -snr_db, len(waveform))


def faster(waveform: np.ndarray, speed: float) -> np.ndarray:
    """Returns the waveform at another speed, which changes the pitch as well; a speed below 1 makes it slower."""
    return audio.resampled(waveform, round(speed * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)


def padded(waveform: np.ndarray, seconds: float = 1.0, decibels: float = -60.0) -> np.ndarray:
    """Returns the waveform between two stretches of near-silence.

    Args:
        waveform: float32 [samples].
        seconds: length of each stretch.
        decibels: level of its white noise, relative to the root mean square of the waveform.
    """
    count = round(seconds * SAMPLE_RATE_HZ)
    ends = [_noise(count, waveform, decibels, seed) for seed in (0, 1)]
    return np.concatenate([ends[0], waveform, ends[1]])


def cut(waveform: np.ndarray) -> np.ndarray:
    """Returns the waveform without its first 0.3 s."""
    return waveform[round(0.3 * SAMPLE_RATE_HZ) :]


def _noise(count: int, waveform: np.ndarray, decibels: float, seed: int) -> np.ndarray:
    deviation = np.sqrt(np.mean(waveform**2)) * 10 ** (decibels / 20)
    return np.random.default_rng(seed).normal(0, deviation, count).astype(np.float32)
