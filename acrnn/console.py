"""Common parts of every command line here: argument types, and errors shown as one line with an exit status."""

from __future__ import annotations

import argparse
import importlib
import io
import logging
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from acrnn.errors import FieldError, UsageError, missing_tensorflow


def run_job(job: Callable[[], int], parser: argparse.ArgumentParser | None = None, resumes: bool = False) -> int:
    """Runs a job and returns its exit status: 2 after a usage error and 1 after a failure, with the message on stderr.

    SIGTERM ends the job like Ctrl-C, so that worker processes end and temporary files are removed. Warnings are shown without
    the line of code that gives them.

    Args:
        job: returns an exit status.
        parser: parser of the command line; an error about a field then names the option that sets the field.
        resumes: whether the same command continues from finished parts after an interruption.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
    _escape_what_the_terminal_lacks()
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        status = job()
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader of the output ended, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except UsageError as error:
        print(f"error: {usage_message(error, parser)}", file=sys.stderr)
        return 2
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"error: {_with_options(str(error), parser)}", file=sys.stderr)
        return 1
    except MemoryError as error:
        return _too_little_memory(str(error))
    except KeyboardInterrupt:
        kept = "; finished parts are kept, and the same command continues from there" if resumes else ""
        print(f"interrupted{kept}", file=sys.stderr)
        return 130
    except Exception as error:
        if type(error).__name__ != "ResourceExhaustedError":  # TensorFlow's own, which is no MemoryError
            raise
        return _too_little_memory(str(error).partition("\n")[0])


def _too_little_memory(reason: str) -> int:
    shown = f" ({reason})" if reason else ""
    print(f"error: too little memory{shown}; end other programs, or run with fewer jobs", file=sys.stderr)
    return 1


def _escape_what_the_terminal_lacks() -> None:
    """Lets output escape characters that its encoding does not have, such as those of odd file names, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def usage_message(error: UsageError, parser: argparse.ArgumentParser | None = None) -> str:
    """Returns the message of a usage error, with fields named by the options that set them.

    A field without an option of its own is set by `--network NAME=VALUE`, if the parser has that option.
    """
    return _with_options(_shown(error, parser) if isinstance(error, FieldError) else str(error), parser)


def _shown(error: FieldError, parser: argparse.ArgumentParser | None) -> str:
    if parser is None:
        return error.shown_as(f"--{error.field.replace('_', '-')}")
    options = options_by_field(parser)
    if error.field in options:
        return error.shown_as(options[error.field])
    if "--network" in options.values():
        return f"--network {error.field}={error.value}: {error.problem}"
    return str(error)


def _with_options(message: str, parser: argparse.ArgumentParser | None) -> str:
    """Returns a message in which "the option skip_bad" is --skip-bad, if the parser has that option."""
    options = options_by_field(parser) if parser else {}
    return re.sub(r"\bthe option (\w+)", lambda match: options.get(match[1], match[0]), message)


def options_by_field(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Returns the long option that sets each field, including the options of subcommands.

    A field is the destination of an option (`dest` in argparse), or the name of the option with underscores.
    """
    options: dict[str, str] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                options |= options_by_field(command)
        for option in action.option_strings:
            if option.startswith("--"):
                options.setdefault(action.dest, option)
                options.setdefault(option.removeprefix("--").replace("-", "_"), option)
    return options


def _interrupt(*_) -> None:
    raise KeyboardInterrupt


def import_quietly(module: str) -> None:
    """Imports a module that loads TensorFlow, and hides the messages of its native code on stderr meanwhile.

    Some messages come before TensorFlow reads its log level, others report a missing GPU as an error; none of them
    concerns the job.

    Raises:
        ImportError: TensorFlow is missing; the message says what does without it.
    """
    with silenced():
        try:
            importlib.import_module(module)
        except ImportError as error:
            if (error.name or "").split(".")[0] == "tensorflow":
                raise missing_tensorflow(error) from error
            raise
        if tensorflow := sys.modules.get("tensorflow"):
            tensorflow.config.list_physical_devices()  # searches for a GPU now, not in the middle of the job
            logging.getLogger("tensorflow").addFilter(_is_about_the_job)


def _is_about_the_job(record: logging.LogRecord) -> bool:
    """False for the advice to trace fewer shapes: lengths of whole utterances are already rounded to a few values."""
    return "triggered tf.function retracing" not in record.getMessage()


@contextmanager
def silenced() -> Iterator[None]:
    """Discards the output of native code to stderr until the block ends."""
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


class Parser(argparse.ArgumentParser):
    """Argument parser with errors of one line, which explain how to write a value that begins with a dash."""

    def error(self, message: str) -> NoReturn:
        """Prints the message, and ends the program with exit status 2."""
        if match := re.match(r"argument .*?(--[\w-]+)[^:]*: expected (?:one|at least one) argument", message):
            message = f"{message}; a value that begins with a dash follows an equals sign, as in {match[1]}=-x"
        self.exit(2, f"error: {message}; see {self.prog} --help\n")


def add_command(
    commands, name: str, run: Callable[[argparse.Namespace], int], summary: str, description: str, example: str
) -> argparse.ArgumentParser:
    """Adds a subcommand with its description and one example, and returns its parser."""
    command = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def positive(text: str) -> int:
    """Parses a count: a whole number from 1 up."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def port(text: str) -> int:
    """Parses a TCP port."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, a number from 1 to 65535")
    return int(text)


def comma_separated(text: str) -> tuple[str, ...]:
    """Parses a list of names: "anger,neutral"."""
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of different names separated by commas")
    return names


def numbers(text: str) -> tuple[int, ...]:
    """Parses a list of numbers and ranges: "0,2,5-7"."""
    values: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 0,2,5-7")
        values += range(int(first), int(last or first) + 1)
    if not values:
        raise argparse.ArgumentTypeError(f"{text!r} names no number")
    return tuple(dict.fromkeys(values))
