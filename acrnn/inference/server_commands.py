"""Commands that serve a model: the demonstration page and the HTTP service."""

from __future__ import annotations

import argparse
import sys

from acrnn.console import add_command
from acrnn.inference.arguments import (
    add_demo_arguments,
    add_service_arguments,
    load_recognizer,
    service_limits,
)


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Adds the commands to those of the console."""
    serve = add_command(
        commands,
        "serve",
        run_service,
        "serve a model to programs, by HTTP; needs the extra [server]",
        "Serves a model to programs, by HTTP with JSON. Needs the extra [server], no internet.",
        "acrnn serve --port 8000 & curl -F files=@speech.wav http://127.0.0.1:8000/v1/predict",
    )
    add_service_arguments(serve)
    demo = add_command(
        commands,
        "serve-demo",
        run_demo,
        "serve a web page for trying a model; needs the extra [demo]",
        "Serves a web page that recognizes uploaded sound files and recordings. Needs the extra [demo], no internet.",
        "acrnn serve-demo --port 7860",
    )
    add_demo_arguments(demo)


def run_service(options: argparse.Namespace) -> int:
    """Serves the model by HTTP until it is interrupted."""
    from acrnn.inference.http_service import api_key, server

    key = api_key.read(options.api_key_file)
    print("loading…", file=sys.stderr, flush=True)
    return server.serve(load_recognizer(options), options.host, options.port, service_limits(options), key)


def run_demo(options: argparse.Namespace) -> int:
    """Serves the demonstration page until it is interrupted."""
    print("loading…", file=sys.stderr, flush=True)
    from acrnn.inference.demo import page

    return page.serve(load_recognizer(options), options.host, options.port)
