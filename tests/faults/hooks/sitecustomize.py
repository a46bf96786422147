"""Kills a command at its N-th rename; Python imports this file at its start where the folder is on PYTHONPATH.

The variable ACRNN_FAULTS_RENAME names a file and a number: "/tmp/renames 3". Every rename of the command and its workers adds a byte to
the file; the process that adds byte N gets SIGKILL, before the rename for an odd N and after it for an even one.
"""

import os
import signal

VARIABLE = "ACRNN_FAULTS_RENAME"


def install() -> None:
    """Wraps `os.replace` and `os.rename`, if the variable is set."""
    if VARIABLE in os.environ:
        path, number = os.environ[VARIABLE].rsplit(" ", 1)
        os.replace = _counted(os.replace, path, int(number))
        os.rename = _counted(os.rename, path, int(number))


def _counted(rename, path: str, number: int):
    def counted(*arguments, **named):
        _count(path, number)
        rename(*arguments, **named)
        _count(path, number)

    return counted


def _count(path: str, number: int) -> None:
    with open(path, "ab", buffering=0) as file:  # noqa: PTH123 - pathlib is not imported at Python's start
        file.write(b".")
        position = file.tell()
    if position == number:
        os.kill(os.getpid(), signal.SIGKILL)


install()
