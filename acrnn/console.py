"""What every command line here has in common: types of arguments, and errors as a line with an exit status."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from acrnn.errors import FieldError, UsageError


def run_job(job: Callable[[], int], parser: argparse.ArgumentParser | None = None) -> int:
    """Exit status of a job: its result, 2 for wrong usage, 1 for a failure, whose message goes to stderr.

    SIGTERM ends the job like Ctrl-C, so that worker processes end and temporary files are removed.

    Args:
        job: returns an exit status.
        parser: of the command line, so that an error about a field names the option that sets it.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        return job()
    except UsageError as error:
        print(f"error: {usage_message(error, parser)}", file=sys.stderr)
        return 2
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; what is finished is kept, and the same command goes on from there", file=sys.stderr)
        return 130


def usage_message(error: UsageError, parser: argparse.ArgumentParser | None = None) -> str:
    """The message of a usage error, in which a field is named by the option that sets it.

    A field without an option of its own is set by `--network NAME=VALUE`, where the parser has that.
    """
    if not isinstance(error, FieldError):
        return str(error)
    option = f"--{error.field.replace('_', '-')}"
    known = option_strings(parser) if parser else {option}
    if option not in known and "--network" in known:
        return f"--network {error.field}={error.value}: {error.problem}"
    return error.shown_as(option if option in known else error.field)


def option_strings(parser: argparse.ArgumentParser) -> set[str]:
    """All options of a parser, those of its subcommands included."""
    options: set[str] = set()
    for action in parser._actions:
        options.update(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                options |= option_strings(command)
    return options


def _interrupt(*_) -> None:
    raise KeyboardInterrupt


def import_quietly(module: str) -> None:
    """Imports a module that loads TensorFlow, without what its native code writes to stderr meanwhile.

    Some of it comes before TensorFlow reads its log level, some is an error where a machine simply has no GPU; none of
    it is about the job.
    """
    with silenced():
        importlib.import_module(module)
        if tensorflow := sys.modules.get("tensorflow"):
            tensorflow.config.list_physical_devices()  # looks for a GPU now, and not in the middle of the job
            logging.getLogger("tensorflow").addFilter(_is_about_the_job)


def _is_about_the_job(record: logging.LogRecord) -> bool:
    """False for the advice to trace fewer shapes: whole utterances have many lengths, rounded up to few."""
    return "triggered tf.function retracing" not in record.getMessage()


@contextmanager
def silenced() -> Iterator[None]:
    """Nothing that native code writes to stderr is seen until the block ends."""
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def positive(text: str) -> int:
    """An argument that counts something: a whole number from 1 up."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def port(text: str) -> int:
    """An argument that is a TCP port."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, a number from 1 to 65535")
    return int(text)


def comma_separated(text: str) -> tuple[str, ...]:
    """An argument that lists names: "anger,neutral"."""
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of different names separated by commas")
    return names


def numbers(text: str) -> tuple[int, ...]:
    """An argument that lists numbers and ranges of them: "0,2,5-7"."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 0,2,5-7")
        found += range(int(first), int(last or first) + 1)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} names no number")
    return tuple(dict.fromkeys(found))
