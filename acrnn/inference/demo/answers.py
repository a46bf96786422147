"""Answers of the demonstration page, as HTML: predictions with figures and players, errors, and facts about the model."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from acrnn.inference.prediction import Prediction
from acrnn.inference.recognizer import Recognizer
from acrnn.inference.speaker_profile import SpeakerProfile
from acrnn.inference.uploads import check_length
from acrnn.model_card import Card

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_FILES = 12
MOST_SECONDS = 60.0
LARGEST_MB = 20
RECORDING = "recording"
_DPI = 200
_TAKER = "this page"


@dataclass(frozen=True)
class Answer:
    """Result for a sound: a prediction with its figure and a player, or an error.

    Attributes:
        name: file name, or "recording".
        prediction: None if the sound failed.
        png: figure of the prediction as a PNG file.
        flac: the waveform that the model received, as a FLAC file, which every browser plays.
        error: message for a sound that failed.
    """

    name: str
    prediction: Prediction | None = None
    png: bytes = b""
    flac: bytes = b""
    error: str = ""

    @property
    def picture(self) -> str:
        """The figure as a data URL."""
        return _data_url("image/png", self.png)

    @property
    def sound(self) -> str:
        """The waveform as a data URL."""
        return _data_url("audio/flac", self.flac)


def _data_url(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def recognize(
    recognizer: Recognizer,
    paths: Sequence[str] | None,
    recording: str | None = None,
    speaker: SpeakerProfile | None = None,
) -> str:
    """Returns the answer of the page as HTML: a table of predictions with their figures and players, and a table of failures.

    Args:
        recognizer: the model.
        paths: uploaded files, if any.
        recording: file of the microphone's recording, if any.
        speaker: profile of the speaker of all sounds, if there is one.
    """
    sounds = [(RECORDING, Path(recording))] if recording else []
    sounds += [(Path(path).name, Path(path)) for path in paths or ()]
    answers = [answer(recognizer, name, path, speaker) for name, path in sounds[:MOST_FILES]]
    return (
        templates()
        .get_template("demo_answers.html.j2")
        .render(
            predicted=[each for each in answers if each.prediction],
            failed=[each for each in answers if not each.prediction],
            labels=recognizer.labels,
            omitted=[name for name, _ in sounds[MOST_FILES:]],
            most=MOST_FILES,
        )
    )


def answer(recognizer: Recognizer, name: str, path: Path, speaker: SpeakerProfile | None = None) -> Answer:
    """Returns the result for one sound file."""
    from acrnn.inference.command import example

    try:
        check_length(path, most_seconds(recognizer), _TAKER)
        prediction = recognizer.predict(path, speaker=speaker)
        waveform = recognizer.waveform(path)
        # the page shows the file name above the figure: the figure's font may lack its letters
        figure = {**example(recognizer, prediction, waveform), "title": "waveform"}
    except (OSError, ValueError) as error:
        # the message shows the name of the upload instead of its path on the server
        return Answer(name, error=str(error).removeprefix(f"{path}: ").replace(str(path), name))
    return Answer(name, prediction, _png(figure), _flac(waveform, recognizer.card.sample_rate_hz))


def most_seconds(recognizer: Recognizer) -> float:
    """Length of the longest sound that the page takes."""
    return min(MOST_SECONDS, recognizer.card.max_seconds)


def _png(example: dict) -> bytes:
    from acrnn import figures

    buffer = io.BytesIO()
    figures.without_formulas(figures.predictions([example], stacked=True)).savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def _flac(waveform: np.ndarray, sample_rate_hz: int) -> bytes:
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(waveform, -1, 1), sample_rate_hz, format="FLAC")
    return buffer.getvalue()


def enrol(
    recognizer: Recognizer, paths: Sequence[str] | None, recording: str | None, profile: SpeakerProfile | None
) -> tuple[SpeakerProfile | None, str]:
    """Returns the speaker profile of the sounds on the page, with a sentence for the page.

    Args:
        recognizer: a model that takes speaker profiles.
        paths, recording: see `recognize`.
        profile: the profile so far; it stays in place if a sound cannot be used.
    """
    sounds = [*([recording] if recording else []), *(paths or ())][:MOST_FILES]
    if not sounds:
        return profile, "No recording yet: choose sound files or record one, then press the button again."
    try:
        for path in sounds:
            check_length(path, most_seconds(recognizer), _TAKER)
        new = recognizer.enrol(sounds)
    except (OSError, ValueError) as error:
        text = str(error)
        for path in sounds:
            text = text.replace(path, RECORDING if path == recording else Path(path).name)
        return profile, f"Not used: {html.escape(text)}"
    count = "1 recording" if new.num_recordings == 1 else f"{new.num_recordings} recordings"
    return (
        new,
        f"Your voice is known from {count} ({new.seconds:.0f} s). It holds for this page only, until you close it.",
    )


def lead(card: Card) -> str:
    """Returns the top of the page as HTML: title, emotions and the most important limitation."""
    return templates().get_template("demo_lead.html.j2").render(card=card)


def about(card: Card) -> str:
    """Returns facts about the model as HTML: its training data, performance and limitations."""
    return templates().get_template("demo_about.html.j2").render(card=card)


@cache
def templates() -> Environment:
    """Templates of the page. They escape everything, since file names come from visitors."""
    import jinja2

    loader = jinja2.PackageLoader("acrnn")
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
