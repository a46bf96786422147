"""Completion of the console command in a shell."""

from __future__ import annotations

import argparse

from acrnn.errors import missing_extra

SHELLS = ("bash", "zsh", "tcsh")


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Returns the script that makes a shell complete commands, options and files.

    Args:
        parser: parser of the command line.
        shell: one of `SHELLS`.

    Raises:
        ImportError: the extra [completion] is not installed.
    """
    try:
        import shtab
    except ImportError as error:
        raise missing_extra("completion", "completion in a shell", error) from error
    return shtab.complete(parser, shell)
