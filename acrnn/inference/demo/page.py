"""A web page for trying a model: takes sound files or a recording, shows predictions and figures. Works without internet."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from acrnn.errors import UsageError, missing_extra
from acrnn.inference.asgi import LOCAL_HOSTS
from acrnn.inference.demo.answers import (
    LARGEST_MB,
    about,
    answer,
    enrol,
    lead,
    most_seconds,
    recognize,
    templates,
)
from acrnn.inference.recognizer import Recognizer
from acrnn.inference.uploads import UploadLimits, upload_folder

if TYPE_CHECKING:
    from gradio import Blocks, State

VOICE_HINT = (
    "The model adapts to a voice: add recordings of one person, ten if possible, of any emotion, and press the button. Without them it "
    "answers as it was trained."
)
EXAMPLE = "synthetic_example.wav"
_KEPT_SECONDS = 3600  # uploads that are older are deleted
_QUEUE_SIZE = 16  # requests that wait; one is answered at a time
# Fonts of the browser itself: those of gradio's own themes would be fetched from the internet.
_FONT, _FONT_MONO = ("system-ui", "sans-serif"), ("ui-monospace", "monospace")


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
    with upload_folder() as folder:
        example = write_example(folder)
        blocks = page(recognizer, example)
        answer(recognizer, EXAMPLE, example)  # the first answer takes longest: it loads the rest of the program
        try:
            launch(blocks, host, port, folder)
            print(f"{blocks.local_url} shows {recognizer.card.name}; Ctrl-C ends it", flush=True)
            if host not in LOCAL_HOSTS:
                print(f"host {host}: everyone who reaches this machine can use the page", file=sys.stderr)
            while blocks.is_running:
                time.sleep(0.2)
        except KeyboardInterrupt:
            print("ended", file=sys.stderr)
        finally:
            blocks.close(verbose=False)
    return 0


def launch(blocks: Blocks, host: str, port: int, uploads: Path) -> None:
    """Starts serving a page that `page` built, and returns.

    Args:
        blocks: the page.
        host, port: address to listen on.
        uploads: folder of the uploads, see `upload_folder`.

    Raises:
        OSError: the page cannot listen on the host and port.
    """
    gradio = _gradio()
    from starlette.middleware import Middleware  # comes with gradio

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
            app_kwargs={"middleware": [Middleware(UploadLimits, folder=uploads)]},
            theme=gradio.themes.Base(primary_hue="rose", neutral_hue="slate", font=_FONT, font_mono=_FONT_MONO),
            css=templates().get_template("demo.css").render(),
        )
    except OSError as error:
        raise OSError(f"{host}, port {port}: the page cannot listen there; choose another port or host") from error


def write_example(folder: Path) -> Path:
    """Writes an example, synthetic speech, and returns the file."""
    import soundfile

    from acrnn.toy_speech.speech import utterance_waveform
    from acrnn.toy_speech.synthesis import SAMPLE_RATE_HZ

    path = folder / EXAMPLE
    soundfile.write(path, utterance_waveform(1, "anger", 1), SAMPLE_RATE_HZ)
    return path


def page(recognizer: Recognizer, example: Path) -> Blocks:
    """Builds the page, `gradio.Blocks`, without serving it.

    Args:
        recognizer: the model.
        example: sound file for the example button.

    Raises:
        ImportError: the extra [demo] is not installed.
    """
    gradio = _gradio()
    card = recognizer.card
    with gradio.Blocks(
        title=f"acrnn: {card.name}", analytics_enabled=False, delete_cache=(_KEPT_SECONDS, _KEPT_SECONDS)
    ) as blocks:
        gradio.HTML(lead(card))
        with gradio.Row(equal_height=True):
            label = f"Sound files, each up to {most_seconds(recognizer):g} s and {LARGEST_MB} MB"
            uploads = gradio.File(file_count="multiple", file_types=["audio"], label=label, height=190)
            recorded = gradio.Audio(sources=["microphone"], type="filepath", label="or a recording", buttons=[])
        profile = gradio.State(None)
        with gradio.Row():
            button = gradio.Button("Recognize", variant="primary", scale=3, min_width=300)
            try_example = gradio.Button("Try an example", min_width=140)
            clear = gradio.ClearButton(value="Clear", min_width=140)
        if card.takes_speaker:
            _add_voice(gradio, recognizer, [uploads, recorded], profile)
        results = gradio.HTML(elem_id="answer", min_height=60, apply_default_css=False)
        with gradio.Accordion("About this model", open=False):
            gradio.HTML(about(card), apply_default_css=False)
        clear.add([uploads, recorded, results])
        button.click(
            lambda paths, recording, speaker: recognize(recognizer, paths, recording, speaker),
            [uploads, recorded, profile],
            results,
            api_visibility="private",
        )
        try_example.click(
            lambda speaker: ([str(example)], None, recognize(recognizer, [str(example)], None, speaker)),
            profile,
            [uploads, recorded, results],
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


def _gradio() -> ModuleType:
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before the import: gradio must not send usage data
    try:
        import gradio
    except ImportError as error:
        raise missing_extra("demo", "acrnn serve-demo", error) from error
    return gradio
