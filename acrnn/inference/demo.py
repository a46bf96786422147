"""A page to try a model on: sound files or the microphone in, emotions compared and drawn out. Works without internet."""

from __future__ import annotations

import base64
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

from acrnn import audio
from acrnn.errors import UsageError, missing_extra
from acrnn.inference import Prediction, Recognizer
from acrnn.model_card import Card

MOST_FILES = 12
MOST_SECONDS = 60.0
LARGEST_MB = 20
RECORDING = "recording"
_KEPT_SECONDS = 3600  # uploads that are older are deleted
_WAITING = 16  # people in the queue; one is answered at a time
_HERE = ("127.0.0.1", "localhost", "::1")
_DPI = 100
_FOLDER = "GRADIO_TEMP_DIR"
# What the browser has: plain names are not fetched, unlike the fonts of gradio's own themes.
_FONT, _FONT_MONO = ("system-ui", "sans-serif"), ("ui-monospace", "monospace")


@dataclass(frozen=True)
class Answer:
    """What the page shows of a sound: a prediction with its figure as PNG, or what is wrong with the sound."""

    name: str
    prediction: Prediction | None = None
    png: bytes = b""
    error: str = ""

    @property
    def picture(self) -> str:
        """The figure as an address that needs no server."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


def serve(recognizer: Recognizer, host: str = "127.0.0.1", port: int = 7860) -> int:
    """Serves the page until it is interrupted; returns the exit status.

    Raises:
        ImportError: the extra [demo] is not installed.
        OSError: nothing can listen there.
        UsageError: the model takes more than sound, which the page does not ask for.
    """
    if recognizer.card.auxiliary_inputs:
        raise UsageError(f"--model {recognizer.card.name}: it takes more than sound; use acrnn predict --text")
    with _own_folder():
        built = page(recognizer)
        try:
            launch(built, host, port)
            print(f"{built.local_url} shows {recognizer.card.name}; Ctrl-C ends it", flush=True)
            if host not in _HERE:
                print(f"--host {host}: everyone who reaches this machine can use the page", file=sys.stderr)
            while built.is_running:
                time.sleep(0.2)
        except KeyboardInterrupt:
            print("ended", file=sys.stderr)
        finally:
            built.close(verbose=False)
    return 0


@contextmanager
def _own_folder() -> Iterator[None]:
    """Uploads go to a folder that ends with the block; gradio's is shared by a machine's users, and some of it stays."""
    before = os.environ.get(_FOLDER)
    with tempfile.TemporaryDirectory(prefix="acrnn-demo-", ignore_cleanup_errors=True) as folder:
        os.environ[_FOLDER] = folder
        try:
            yield
        finally:
            os.environ.pop(_FOLDER)
            if before is not None:
                os.environ[_FOLDER] = before


def launch(built, host: str, port: int) -> None:
    """Starts to serve a page that `page` built, and returns.

    Raises:
        OSError: nothing can listen there.
    """
    gradio = _gradio()
    try:
        built.queue(max_size=_WAITING).launch(
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
        raise OSError(f"{host}, port {port}: the page cannot listen there; choose another --port or --host") from error


def page(recognizer: Recognizer):
    """The page as `gradio.Blocks`, not served yet.

    Raises:
        ImportError: the extra [demo] is not installed.
    """
    gradio = _gradio()
    with gradio.Blocks(
        title=f"acrnn: {recognizer.card.name}", analytics_enabled=False, delete_cache=(_KEPT_SECONDS, _KEPT_SECONDS)
    ) as built:
        gradio.HTML(about(recognizer.card))
        with gradio.Row(equal_height=True):
            label = f"Sound files: up to {MOST_FILES}, each up to {_most_seconds(recognizer):g} s and {LARGEST_MB} MB"
            # no filter by extension: gradio would refuse all files for one that is wrong, the table tells which it is
            uploads = gradio.File(file_count="multiple", label=label, height=190)
            recorded = gradio.Audio(sources=["microphone"], type="filepath", label="or the microphone", buttons=[])
        with gradio.Row():
            button = gradio.Button("Recognize", variant="primary", scale=3)
            clear = gradio.ClearButton(value="Clear", scale=1)
        shown = gradio.HTML(elem_id="answer", min_height=60, apply_default_css=False)
        clear.add([uploads, recorded, shown])
        button.click(
            lambda paths, recording: recognize(recognizer, paths, recording),
            [uploads, recorded],
            shown,
            api_visibility="private",
        )
    return built


def recognize(recognizer: Recognizer, paths: Sequence[str] | None, recording: str | None = None) -> str:
    """What the button shows, as HTML: a table of all sounds with a line for each, and the figures of the good ones.

    Args:
        paths: the files that were uploaded, if any.
        recording: the file of the microphone, if it was used.
    """
    sounds = [(RECORDING, Path(recording))] if recording else []
    sounds += [(Path(path).name, Path(path)) for path in paths or ()]
    answers = [answer(recognizer, name, path) for name, path in sounds[:MOST_FILES]]
    left = [name for name, _ in sounds[MOST_FILES:]]
    return (
        _templates()
        .get_template("demo_answers.html.j2")
        .render(answers=answers, labels=recognizer.labels, left=left, most=MOST_FILES)
    )


def answer(recognizer: Recognizer, name: str, path: Path) -> Answer:
    """What the page shows of a sound file."""
    from acrnn.inference.command import example

    try:
        _check_length(path, _most_seconds(recognizer))
        said = recognizer.predict(path)
        # the page names the file above the figure, in letters that a figure may not have
        drawn = {**example(recognizer, said), "title": "waveform"}
    except (OSError, ValueError) as error:
        # the path is one of the server's: it says nothing to who sent the file
        return Answer(name, error=str(error).removeprefix(f"{path}: ").replace(str(path), name))
    return Answer(name, said, _png(drawn))


def _most_seconds(recognizer: Recognizer) -> float:
    return min(MOST_SECONDS, recognizer.card.max_seconds)


def _check_length(path: Path, most: float) -> None:
    if (seconds := audio.duration_seconds(path)) > most:
        raise audio.AudioError(f"{path}: {seconds:.1f} s long, this page hears up to {most:g} s; cut it")


def _png(example: dict) -> bytes:
    from acrnn import figures

    buffer = io.BytesIO()
    figures.predictions([example]).savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def about(card: Card) -> str:
    """The top of the page, as HTML: what the model is, was fitted on, how well it does, and what it is not for."""
    return _templates().get_template("demo_about.html.j2").render(card=card)


@cache
def _templates():
    import jinja2

    # names of files are written by strangers: everything is escaped
    loader = jinja2.PackageLoader("acrnn")
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)


def _gradio():
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before the import: nothing is to be sent anywhere
    try:
        import gradio
    except ImportError as error:
        raise missing_extra("demo", "acrnn serve-demo", error) from error
    return gradio
