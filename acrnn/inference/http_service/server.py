"""Runs the HTTP service: loads what it needs, warms the model, listens, and ends gracefully."""

from __future__ import annotations

import socket
import sys

from acrnn.errors import UsageError, missing_extra
from acrnn.inference.asgi import LOCAL_HOSTS
from acrnn.inference.http_service.limits import Limits
from acrnn.inference.recognizer import Recognizer


def serve(recognizer: Recognizer, host: str, port: int, limits: Limits, key: str | None = None) -> int:
    """Serves a model until SIGTERM or Ctrl-C; open requests are answered before the end. Returns the exit status.

    Args:
        recognizer: the model.
        host, port: address to listen on.
        limits: limits of the requests.
        key: key that clients must send; None takes every client.

    Raises:
        ImportError: the extra [server] is not installed.
        OSError: the service cannot listen on the host and port.
        UsageError: the model takes auxiliary inputs, which the service does not take.
    """
    if recognizer.card.auxiliary_inputs:
        name, inputs = recognizer.card.name, recognizer.card.inputs
        raise UsageError(f"{name}: takes {inputs}, and the service takes sound only; use acrnn predict")
    try:
        import uvicorn

        from acrnn.inference.http_service.app import application

        app = application(recognizer, limits, key)
    except (ImportError, RuntimeError) as error:  # FastAPI reports a missing python-multipart as RuntimeError
        raise missing_extra("server", "acrnn serve", ImportError(str(error))) from error
    # uvicorn's own configuration of logging would close the handlers of all other packages, and with them their streams
    config = uvicorn.Config(app, log_config=None, log_level="warning", timeout_graceful_shutdown=limits.request_seconds)
    _warm(recognizer)
    with _listening(host, port) as listener:
        try:
            _announce(recognizer.card.name, host, port, key)
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:  # uvicorn repeats the signal after the last response
            print("ended", file=sys.stderr)
    return 0


def _warm(recognizer: Recognizer) -> None:
    """Recognizes synthetic speech: the first answer takes longest, since it loads the rest of the program."""
    from acrnn.toy_speech.speech import utterance_waveform
    from acrnn.toy_speech.synthesis import SAMPLE_RATE_HZ

    recognizer.predict(utterance_waveform(1, "anger", 1), SAMPLE_RATE_HZ)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        message = (
            f"{host}, port {port}: the service cannot listen there ({error.strerror}); choose another port or host"
        )
        raise OSError(message) from error


def _announce(model: str, host: str, port: int, key: str | None) -> None:
    shown = f"[{host}]" if ":" in host else host
    print(f"http://{shown}:{port} serves {model}; Ctrl-C ends it", flush=True)
    if host not in LOCAL_HOSTS:
        users = "everyone who has the key" if key else "everyone who reaches this machine"
        print(f"host {host}: {users} can use the service", file=sys.stderr)
        print("the service speaks HTTP without encryption; put a proxy with TLS in front of it", file=sys.stderr)
