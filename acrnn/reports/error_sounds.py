"""The sounds of the most confident errors, for the report of an evaluation: they are embedded in the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from acrnn import audio
from acrnn.reports.scored import Answer, Evaluation
from acrnn.reports.tables import percent

MOST = 50  # sounds in a page
LONGEST_SECONDS = 10.0  # of a sound, at 16 kHz at most 430 KiB of the page


class ErrorSound(NamedTuple):
    """A recording that was recognized wrongly, as cells of the page; `source` is the sound as a data URI."""

    name: str
    speaker: str
    emotion: str
    recognized: str
    probabilities: str
    duration: str
    source: str


class ErrorSounds(NamedTuple):
    """The part of the page with the sounds."""

    caption: str
    sounds: list[ErrorSound]


def error_sounds(evaluation: Evaluation, most: int) -> ErrorSounds:
    """Returns the errors with the highest probabilities of the wrong emotion, with their sounds.

    Args:
        evaluation: the evaluation; its first number of enrolment utterances counts.
        most: number of sounds.

    Raises:
        OSError, audio.AudioError: a sound cannot be read any more.
    """
    answers, rate = evaluation.results[0].answers, evaluation.card.sample_rate_hz
    wrong = [each for each in answers if each.recognized != each.label]
    wrong.sort(key=lambda each: (-each.probabilities.max(), each.id))
    chosen = wrong[:most]
    sounds = [_error_sound(each, evaluation.emotions, rate) for each in chosen]
    cut = sum(each.duration_seconds > LONGEST_SECONDS for each in chosen)
    return ErrorSounds(_caption(len(chosen), len(wrong), len(answers), cut, rate), sounds)


def _caption(shown: int, wrong: int, total: int, cut: int, rate: int) -> str:
    if not wrong:
        return f"All {total} recordings are recognized correctly."
    return (
        f"{shown} of {wrong} errors among {total} recordings, those with the highest probability of the wrong emotion. The sounds are "
        f"part of this page, as mono FLAC at {rate} Hz{f'; {cut} of them end after {LONGEST_SECONDS:g} s' if cut else ''}. Whoever "
        f"receives the page receives the recordings."
    )


def _error_sound(answer: Answer, emotions: Sequence[str], rate: int) -> ErrorSound:
    order = np.argsort(-answer.probabilities)
    return ErrorSound(
        name=_name(answer.sound),
        speaker=answer.speaker,
        emotion=emotions[answer.label],
        recognized=emotions[answer.recognized],
        probabilities=", ".join(f"{emotions[number]} {percent(answer.probabilities[number])} %" for number in order),
        duration=f"{answer.duration_seconds:.1f} s",
        source=f"data:audio/flac;base64,{base64.b64encode(_flac(answer.sound, rate)).decode()}",
    )


def _name(sound) -> str:
    """Name of the file without its folder, with the times of a part."""
    path = sound.path if isinstance(sound, audio.Part) else sound
    return f"{path.name}{str(sound).removeprefix(str(path))}"


def _flac(sound, rate: int) -> bytes:
    """The start of a sound as FLAC, mono with 16 bits."""
    import soundfile

    if isinstance(sound, audio.Part):
        waveform = audio.load_waveform(sound.path, rate, sound.start_seconds, sound.end_seconds)
    else:
        waveform = audio.load_waveform(sound, rate)
    buffer = io.BytesIO()
    shown = np.clip(waveform[: round(LONGEST_SECONDS * rate)], -1, 1)
    soundfile.write(buffer, shown, rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
