"""Recognition of long recordings: a prediction for each window of a file. Memory does not depend on its length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from acrnn import audio
from acrnn.inference.recognizer import Recognizer
from acrnn.inference.speaker_profile import SpeakerProfile
from acrnn.inference.streaming import Decision, Stream


@dataclass(frozen=True)
class Window:
    """Prediction for a window of a recording.

    Attributes:
        start_seconds, end_seconds: position in the recording. Windows overlap if the hop is shorter than a window.
        emotion: the most probable emotion; None where no speech was found.
        probabilities: probability of each emotion, in the model's order; empty for silence.
    """

    start_seconds: float
    end_seconds: float
    emotion: str | None
    probabilities: dict[str, float]

    @property
    def middle_seconds(self) -> float:
        """Position of the middle of the window in the recording."""
        return (self.start_seconds + self.end_seconds) / 2


@dataclass(frozen=True)
class Stretch:
    """A stretch of a recording with one emotion. The stretches of a recording follow each other without overlap.

    Attributes:
        start_seconds, end_seconds: position in the recording.
        emotion: emotion of all windows whose middles are in the stretch; None where no speech was found.
    """

    start_seconds: float
    end_seconds: float
    emotion: str | None


def windows(
    recognizer: Recognizer,
    path: str | Path,
    window_seconds: float = 3.0,
    hop_seconds: float = 1.0,
    speaker: SpeakerProfile | None = None,
) -> Iterator[Window]:
    """Returns the predictions for the windows of a sound file of any length, in temporal order.

    A prediction equals that for a file of the samples of the window; if the end of the recording is in no window, the
    last one is shorter. The file is read while the predictions are taken, so that errors of the file come then.

    Args:
        recognizer: the model.
        path: sound file.
        window_seconds, hop_seconds: length of a window, and distance between the starts of windows.
        speaker: profile of the speaker, see `Recognizer.enrol`.

    Raises:
        FieldError: a length is out of range.
        ValueError: the model takes more than sound.
        FileNotFoundError, audio.AudioError: see `audio.load_waveform`; a recording of silence is no error.
    """
    stream = recognizer.stream(audio.sample_rate_hz(path), window_seconds, hop_seconds, speaker=speaker)
    return map(_window, _decisions(stream, audio.blocks(path)))


def _decisions(stream: Stream, blocks: Iterable[np.ndarray]) -> Iterator[Decision]:
    for block in blocks:
        yield from stream.push(block)
    yield from stream.finish()


def _window(decision: Decision) -> Window:
    prediction = decision.prediction
    emotion, probabilities = (prediction.emotion, prediction.probabilities) if prediction else (None, {})
    return Window(decision.start_seconds, decision.end_seconds, emotion, probabilities)


def stretches(windows: Iterable[Window]) -> Iterator[Stretch]:
    """Joins windows to stretches of one emotion: every moment has the emotion of the window whose middle is nearest.

    Args:
        windows: windows in temporal order.
    """
    stretch: Stretch | None = None
    middle = 0.0
    for window in windows:
        if stretch is None:
            stretch = Stretch(window.start_seconds, window.end_seconds, window.emotion)
        elif window.emotion == stretch.emotion:
            stretch = replace(stretch, end_seconds=window.end_seconds)
        else:
            border = (middle + window.middle_seconds) / 2
            yield replace(stretch, end_seconds=border)
            stretch = Stretch(border, window.end_seconds, window.emotion)
        middle = window.middle_seconds
    if stretch:
        yield stretch
