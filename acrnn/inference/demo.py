"""A web page for trying a model: takes sound files or a recording, shows predictions and figures. Works without internet."""

from __future__ import annotations

import base64
import html
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from acrnn import audio
from acrnn.errors import UsageError, missing_extra
from acrnn.inference.prediction import Prediction
from acrnn.inference.recognizer import Recognizer
from acrnn.inference.speaker_profile import SpeakerProfile
from acrnn.model_card import Card

if TYPE_CHECKING:
    from gradio import Blocks, State
    from jinja2 import Environment

MOST_FILES = 12
MOST_SECONDS = 60.0
LARGEST_MB = 20
RECORDING = "recording"
VOICE_HINT = (
    "The model adapts to a voice: add recordings of one person, ten if possible, of any emotion, and press the button. Without them it "
    "answers as it was trained."
)
_KEPT_SECONDS = 3600  # uploads that are older are deleted
_QUEUE_SIZE = 16  # requests that wait; one is answered at a time
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
_DPI = 100
_FOLDER = "GRADIO_TEMP_DIR"
# Fonts of the browser itself: those of gradio's own themes would be fetched from the internet.
_FONT, _FONT_MONO = ("system-ui", "sans-serif"), ("ui-monospace", "monospace")


@dataclass(frozen=True)
class Answer:
    """Result for a sound: a prediction and its figure, or an error.

    Attributes:
        name: file name, or "recording".
        prediction: None if the sound failed.
        png: figure of the prediction as a PNG file.
        error: message for a sound that failed.
    """

    name: str
    prediction: Prediction | None = None
    png: bytes = b""
    error: str = ""

    @property
    def picture(self) -> str:
        """The figure as a data URL."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


def serve(recognizer: Recognizer, host: str = "127.0.0.1", port: int = 7860) -> int:
    """Serves the page until it is interrupted; returns the exit status.

    Raises:
        ImportError: the extra [demo] is not installed.
        OSError: the page cannot listen on the host and port.
        UsageError: the model takes auxiliary inputs, for which the page has no fields.
    """
    if recognizer.card.auxiliary_inputs:
        name, inputs = recognizer.card.name, recognizer.card.inputs
        raise UsageError(f"{name}: takes {inputs}, and the page has a field for sound only; use acrnn predict")
    with _upload_folder():
        blocks = page(recognizer)
        try:
            launch(blocks, host, port)
            print(f"{blocks.local_url} shows {recognizer.card.name}; Ctrl-C ends it", flush=True)
            if host not in _LOCAL_HOSTS:
                print(f"host {host}: everyone who reaches this machine can use the page", file=sys.stderr)
            while blocks.is_running:
                time.sleep(0.2)
        except KeyboardInterrupt:
            print("ended", file=sys.stderr)
        finally:
            blocks.close(verbose=False)
    return 0


@contextmanager
def _upload_folder() -> Iterator[None]:
    """Sends uploads to a folder that is removed after the block; gradio's own is shared by all users and is not emptied."""
    previous = os.environ.get(_FOLDER)
    with tempfile.TemporaryDirectory(prefix="acrnn-demo-", ignore_cleanup_errors=True) as folder:
        os.environ[_FOLDER] = folder
        try:
            yield
        finally:
            os.environ.pop(_FOLDER)
            if previous is not None:
                os.environ[_FOLDER] = previous


def launch(blocks: Blocks, host: str, port: int) -> None:
    """Starts serving a page that `page` built, and returns.

    Raises:
        OSError: the page cannot listen on the host and port.
    """
    gradio = _gradio()
    try:
        blocks.queue(max_size=_QUEUE_SIZE).launch(
            server_name=host,
            server_port=port,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            ssr_mode=False,
            mcp_server=False,
            run_history=False,
            footer_links=[],
            max_file_size=f"{LARGEST_MB}mb",
            theme=gradio.themes.Base(primary_hue="rose", neutral_hue="slate", font=_FONT, font_mono=_FONT_MONO),
            css=_templates().get_template("demo.css").render(),
        )
    except OSError as error:
        raise OSError(f"{host}, port {port}: the page cannot listen there; choose another port or host") from error


def page(recognizer: Recognizer) -> Blocks:
    """Builds the page, `gradio.Blocks`, without serving it.

    Raises:
        ImportError: the extra [demo] is not installed.
    """
    gradio = _gradio()
    with gradio.Blocks(
        title=f"acrnn: {recognizer.card.name}", analytics_enabled=False, delete_cache=(_KEPT_SECONDS, _KEPT_SECONDS)
    ) as blocks:
        gradio.HTML(about(recognizer.card))
        with gradio.Row(equal_height=True):
            label = f"Sound files: up to {MOST_FILES}, each up to {_most_seconds(recognizer):g} s and {LARGEST_MB} MB"
            # no filter by extension: gradio would refuse all files because of one; the table names the wrong one
            uploads = gradio.File(file_count="multiple", label=label, height=190)
            recorded = gradio.Audio(sources=["microphone"], type="filepath", label="or a recording", buttons=[])
        with gradio.Row():
            button = gradio.Button("Recognize", variant="primary", scale=3)
            clear = gradio.ClearButton(value="Clear", scale=1)
        profile = gradio.State(None)
        if recognizer.card.takes_speaker:
            _add_voice(gradio, recognizer, [uploads, recorded], profile)
        results = gradio.HTML(elem_id="answer", min_height=60, apply_default_css=False)
        clear.add([uploads, recorded, results])
        button.click(
            lambda paths, recording, speaker: recognize(recognizer, paths, recording, speaker),
            [uploads, recorded, profile],
            results,
            api_visibility="private",
        )
    return blocks


def _add_voice(gradio: ModuleType, recognizer: Recognizer, sounds: list, profile: State) -> None:
    """Adds the buttons that make a speaker profile of the sounds on the page, and drop it again."""
    with gradio.Row():
        use = gradio.Button("Use these recordings as my voice", scale=3)
        drop = gradio.Button("Forget my voice", scale=1)
    state = gradio.HTML(VOICE_HINT, elem_id="voice", apply_default_css=False)
    use.click(
        lambda *values: enrol(recognizer, *values), [*sounds, profile], [profile, state], api_visibility="private"
    )
    drop.click(lambda: (None, VOICE_HINT), None, [profile, state], api_visibility="private")


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
            _check_length(Path(path), _most_seconds(recognizer))
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


def recognize(
    recognizer: Recognizer,
    paths: Sequence[str] | None,
    recording: str | None = None,
    speaker: SpeakerProfile | None = None,
) -> str:
    """Returns the answer of the page as HTML: a table with a row for each sound, and a figure for each prediction.

    Args:
        recognizer: the model.
        paths: uploaded files, if any.
        recording: file of the microphone's recording, if any.
        speaker: profile of the speaker of all sounds, if there is one.
    """
    sounds = [(RECORDING, Path(recording))] if recording else []
    sounds += [(Path(path).name, Path(path)) for path in paths or ()]
    answers = [answer(recognizer, name, path, speaker) for name, path in sounds[:MOST_FILES]]
    omitted = [name for name, _ in sounds[MOST_FILES:]]
    return (
        _templates()
        .get_template("demo_answers.html.j2")
        .render(answers=answers, labels=recognizer.labels, omitted=omitted, most=MOST_FILES)
    )


def answer(recognizer: Recognizer, name: str, path: Path, speaker: SpeakerProfile | None = None) -> Answer:
    """Returns the result for one sound file."""
    from acrnn.inference.command import example

    try:
        _check_length(path, _most_seconds(recognizer))
        prediction = recognizer.predict(path, speaker=speaker)
        # the page shows the file name above the figure: the figure's font may lack its letters
        figure = {**example(recognizer, prediction), "title": "waveform"}
    except (OSError, ValueError) as error:
        # the message shows the name of the upload instead of its path on the server
        return Answer(name, error=str(error).removeprefix(f"{path}: ").replace(str(path), name))
    return Answer(name, prediction, _png(figure))


def _most_seconds(recognizer: Recognizer) -> float:
    return min(MOST_SECONDS, recognizer.card.max_seconds)


def _check_length(path: Path, most: float) -> None:
    if (seconds := audio.duration_seconds(path)) > most:
        raise audio.AudioError(f"{path}: {seconds:.1f} s long, this page takes up to {most:g} s; cut it")


def _png(example: dict) -> bytes:
    from acrnn import figures

    buffer = io.BytesIO()
    figures.predictions([example]).savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def about(card: Card) -> str:
    """Returns the top of the page as HTML: the model, its training data, performance and limitations."""
    return _templates().get_template("demo_about.html.j2").render(card=card)


@cache
def _templates() -> Environment:
    import jinja2

    # file names come from visitors: everything is escaped
    loader = jinja2.PackageLoader("acrnn")
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)


def _gradio() -> ModuleType:
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before the import: gradio must not send usage data
    try:
        import gradio
    except ImportError as error:
        raise missing_extra("demo", "acrnn serve-demo", error) from error
    return gradio
