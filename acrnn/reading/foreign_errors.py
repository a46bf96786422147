"""Errors of other libraries at a damaged file, turned into errors that name the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from acrnn.errors import FileError

_LONGEST_REASON = 200  # characters


@contextmanager
def foreign_errors(name: object, problem: str, remedy: str, kind: type[FileError] = FileError) -> Iterator[None]:
    """Turns every exception in a block that reads a file into "name: problem (reason); remedy".

    A damaged file raises whatever the code behind a reader meets first: `KeyError`, `MemoryError`, `RecursionError`, errors
    of zip archives and so on. Errors that name a file already, and a missing package, pass.

    Args:
        name: the file, as messages name it.
        problem: the fault in words, such as "not a network that can be loaded".
        remedy: advice at the end of the message.
        kind: class of the error.
    """
    try:
        yield
    except (FileError, FileNotFoundError, ImportError):
        raise
    except Exception as error:
        raise kind(f"{name}: {problem} ({reason(error)}); {remedy}") from error


def reason(error: Exception) -> str:
    """Returns the first line of an error's message, or words for an error without a message that helps."""
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, KeyError):
        return f"{error} is missing"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return lines[0][:_LONGEST_REASON] if lines else type(error).__name__
