"""`acrnn listen`: recognizes emotions at a microphone, window by window, until Ctrl-C."""

from __future__ import annotations

import argparse
import queue
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from acrnn.console import Parser, run_job
from acrnn.errors import FieldError, missing_extra
from acrnn.inference.arguments import add_listen_arguments, load_recognizer
from acrnn.inference.recognizer import Recognizer
from acrnn.inference.streaming import Decision

_MOST_WAITING = 1000  # blocks of the microphone that wait to be recognized


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status: 0 after Ctrl-C."""
    parser = _parser()
    options = parser.parse_args(arguments)
    return run_job(lambda: listen(load_recognizer(options), options), parser)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="acrnn listen",
        description="Recognizes emotions at a microphone, a line every hop, until Ctrl-C. Needs the extra [microphone].",
        epilog="example:\n  acrnn listen --adapt",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_listen_arguments(parser)
    return parser


def listen(recognizer: Recognizer, options: argparse.Namespace) -> int:
    """Prints the decision for each window of the microphone's sound as soon as it is known.

    Args:
        recognizer: the model.
        options: options of `add_listen_arguments`.

    Raises:
        ImportError: the extra [microphone] is not installed.
        FieldError: there is no such microphone, or a length is out of range.
        ValueError: see `Recognizer.stream`.
    """
    waiting: queue.Queue[np.ndarray] = queue.Queue(_MOST_WAITING)
    microphone = _microphone(options.device, waiting)
    stream = recognizer.stream(round(microphone.samplerate), options.window_seconds, options.hop_seconds, options.adapt)
    with suppress(KeyboardInterrupt), microphone:
        for block in _blocks(microphone, waiting):
            for decision in stream.push(block):
                print(_line(decision), flush=True)
    return 0


def _microphone(device: str | None, waiting: queue.Queue[np.ndarray]) -> Any:
    """Opens a microphone at its own sampling rate; its samples float32 [samples, 1] are put into a queue."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: the library PortAudio is missing
        raise missing_extra("microphone", "a microphone", ImportError(str(error))) from error

    def receive(samples: np.ndarray, *_: object) -> None:
        with suppress(queue.Full):  # samples are lost if the model is slower than the sound
            waiting.put_nowait(samples.copy())

    chosen = int(device) if device is not None and device.isdecimal() else device
    try:
        return sounddevice.InputStream(device=chosen, channels=1, dtype="float32", callback=receive)
    except (sounddevice.PortAudioError, ValueError) as error:
        remedy = "choose another one, the command python -m sounddevice lists them"
        raise FieldError("device", device or "of the system", f"{error}; {remedy}") from error


def _blocks(microphone: Any, waiting: queue.Queue[np.ndarray]) -> Iterator[np.ndarray]:
    """Samples as they arrive, until the microphone stops."""
    while microphone.active or not waiting.empty():
        with suppress(queue.Empty):
            yield waiting.get(timeout=1.0)


def _line(decision: Decision) -> str:
    times = f"{decision.start_seconds:7.1f} s to {decision.end_seconds:7.1f} s"
    prediction = decision.prediction
    if prediction is None or prediction.emotion is None:
        return f"{times}  no speech"
    return f"{times}  {prediction.emotion:12}  {100 * prediction.probabilities[prediction.emotion]:5.1f} %"
