"""Copies of a recording at other speeds, made offline: the data enhancement of Zhang et al. (2021), Section 3.2."""

from __future__ import annotations

import argparse
from typing import Literal

import numpy as np

from acrnn import audio

SPEED_BY = ("resampling", "stretching")
_SLOWEST, _FASTEST = 0.5, 2.0


def at_speed(
    waveform: np.ndarray, speed: float, sample_rate_hz: int, by: Literal["resampling", "stretching"] = "resampling"
) -> np.ndarray:
    """Changes the speed of a waveform.

    Args:
        waveform: mono float32 [samples].
        speed: playing speed; above 1 is faster and shorter.
        sample_rate_hz: sampling rate of the waveform and of the result.
        by: "resampling" changes the pitch with the speed, as a tape does ("according to the sampling frequency and the
            playing speed"); "stretching" keeps the pitch, by a phase vocoder.

    Returns:
        float32 [about samples / speed].
    """
    if by == "resampling":
        return audio.resampled(waveform, round(speed * sample_rate_hz), sample_rate_hz)
    from librosa.effects import time_stretch

    return time_stretch(waveform, rate=speed)


def speeds(text: str) -> tuple[float, ...]:
    """Parses an argument that lists speeds, 1 among them, such as "0.9,1.0,1.1"; returns them in ascending order."""
    try:
        values = tuple(sorted(float(part) for part in text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 0.9,1.0,1.1") from error
    if 1.0 not in values or len(set(values)) < len(values):
        raise argparse.ArgumentTypeError(f"{text!r}: the recordings as they are, 1.0, must be among different speeds")
    if not all(_SLOWEST <= speed <= _FASTEST for speed in values):
        raise argparse.ArgumentTypeError(f"{text!r}: speeds lie from {_SLOWEST:g} to {_FASTEST:g}")
    return values
