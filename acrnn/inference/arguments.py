"""Arguments of the commands that recognize speech. This module imports no NumPy, so that `acrnn --help` answers at once."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from acrnn.console import port, positive
from acrnn.engines.arguments import add_engine_options, engine_from
from acrnn.errors import FieldError
from acrnn.inference.http_service.limits import Limits

if TYPE_CHECKING:
    from acrnn.inference.parallel import Parallel
    from acrnn.inference.recognizer import Recognizer

_FILES = "sound file, folder of sound files, or - for a WAV file at standard input"


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `acrnn predict`."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help=_FILES)
    _add_model(parser)
    parser.add_argument(
        "--speaker", type=Path, metavar="JSON", help="profile of the speaker of all files, by acrnn enrol"
    )
    output = parser.add_argument_group("output")
    style = output.add_mutually_exclusive_group()
    style.add_argument("--json", action="store_true", help="one JSON object a line, with segments and attention")
    style.add_argument(
        "--csv", action="store_true", help="a table: source, emotion, probability of each emotion, error"
    )
    output.add_argument("--plot", type=Path, metavar="PNG", help="draw waveform, features, attention, probabilities")
    output.add_argument(
        "--embeddings", type=Path, metavar="FILE", help="write the values of the last hidden layer: .npz or .parquet"
    )
    output.add_argument(
        "--embeddings-figure", type=Path, metavar="PNG", help="draw a map of them (t-SNE), colored by emotion"
    )
    _add_timeline(parser)
    add_engine_options(parser).add_argument(
        "--jobs", type=positive, default=1, metavar="N", help="files recognized in parallel (default: 1)"
    )
    auxiliary = parser.add_argument_group("auxiliary inputs", "for a model that needs more than sound; see acrnn info")
    text = auxiliary.add_mutually_exclusive_group()
    text.add_argument("--text", help="transcript of the only file")
    text.add_argument(
        "--transcripts", type=Path, metavar="FILE", help="transcripts of many files: CSV, TSV, JSON or CTM"
    )
    auxiliary.add_argument(
        "--speaker-embeddings", type=Path, metavar="FILE", help="speaker embeddings: Kaldi .scp, .ark, or .npz"
    )


def add_enrolment_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `acrnn enrol`."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help=_FILES)
    parser.add_argument("--out", type=Path, required=True, metavar="JSON", help="file to write")
    _add_model(parser)


def add_embed_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `acrnn embed`."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help=_FILES)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write: .npz or .parquet")
    parser.add_argument("--figure", type=Path, metavar="PNG", help="draw a map of them (t-SNE), colored by emotion")
    _add_model(parser)


def add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `acrnn serve-demo`."""
    _add_model(parser)
    _add_address(parser, 7860)


def add_service_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `acrnn serve`."""
    _add_model(parser)
    _add_address(parser, 8000).add_argument(
        "--api-key-file",
        type=Path,
        metavar="FILE",
        help="file with the key that clients must send (default: environment variable ACRNN_API_KEY, or no key)",
    )
    limits = parser.add_argument_group("limits")
    for name, unit, text in (
        ("requests", "NUMBER", "requests for predictions that are open at the same time; others are refused"),
        ("files", "NUMBER", "files in a request"),
        ("upload_mb", "MB", "size of a request"),
        ("sound_seconds", "SECONDS", "length of a sound"),
        ("request_seconds", "SECONDS", "time for a request, from its first byte to the answer"),
    ):
        limits.add_argument(
            f"--most-{name.replace('_', '-')}",
            type=positive,
            default=getattr(Limits, name),
            metavar=unit,
            help=f"{text} (default: %(default)s)",
        )


def service_limits(options: argparse.Namespace) -> Limits:
    """Returns the limits that the arguments of `acrnn serve` set."""
    return Limits(**{field.name: getattr(options, f"most_{field.name}") for field in fields(Limits)})


def load_recognizer(options: argparse.Namespace) -> Recognizer:
    """Loads the model that the arguments name."""
    from acrnn.inference import locate
    from acrnn.inference.recognizer import Recognizer

    return Recognizer.load(
        options.model or locate.DEFAULT, options.runtime, options.threads, check_speech=not options.no_speech_check
    )


def parallel_from(options: argparse.Namespace) -> Parallel | None:
    """Returns the recognition in other processes that the arguments of `acrnn predict` ask for; None for this process.

    Raises:
        FieldError: an option does not go with it.
        ImportError: the extra [ray] is not installed.
    """
    engine = engine_from(options, options.jobs)
    if not engine.is_cluster and options.jobs == 1:
        return None
    field, value = ("engine", options.engine) if engine.is_cluster else ("jobs", options.jobs)
    if options.timeline:
        raise FieldError(field, value, "one process makes a timeline; leave it out")
    from acrnn.inference.parallel import Parallel

    return Parallel(engine, options.threads)


def _add_address(parser: argparse.ArgumentParser, default_port: int) -> argparse._ArgumentGroup:
    server = parser.add_argument_group("server")
    server.add_argument("--host", default="127.0.0.1", help="address to listen on (default: only this machine)")
    server.add_argument("--port", type=port, default=default_port, help="port to listen on (default: %(default)s)")
    return server


def add_listen_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `acrnn listen`."""
    parser.add_argument("--device", help="number or part of the name of a microphone (default: that of the system)")
    parser.add_argument("--adapt", action="store_true", help="adapt the model to the speaker while it listens")
    parser.add_argument(
        "--window", dest="window_seconds", type=float, default=3.0, metavar="SECONDS", help="length (default: 3)"
    )
    parser.add_argument(
        "--hop", dest="hop_seconds", type=float, default=1.0, metavar="SECONDS", help="from start to start (default: 1)"
    )
    _add_model(parser)


def _add_model(parser: argparse.ArgumentParser) -> None:
    model = parser.add_argument_group("model")
    model.add_argument("--model", help="name or folder of the model (default: the included one)")
    model.add_argument(
        "--runtime",
        default="auto",
        help="onnx, litert, saved-model … (default: the fastest to start that is installed)",
    )
    model.add_argument("--threads", type=positive, help="number of threads (default: the runtime's choice)")
    model.add_argument(
        "--no-speech-check", action="store_true", help="predict an emotion even where no speech is found"
    )


def _add_timeline(predict: argparse.ArgumentParser) -> None:
    group = predict.add_argument_group("long recordings")
    group.add_argument("--timeline", action="store_true", help="a file of any length, window by window")
    group.add_argument("--window", dest="window_seconds", type=float, metavar="SECONDS", help="length (default: 3)")
    group.add_argument(
        "--hop", dest="hop_seconds", type=float, metavar="SECONDS", help="from start to start (default: 1)"
    )
    group.add_argument(
        "--out", type=Path, metavar="FILE", help="write .json, .csv, .TextGrid, .srt, or .txt (Audacity)"
    )
