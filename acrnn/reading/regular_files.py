"""Regular files: the only kind that is read, since a pipe would block for ever and a device has no end."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

from acrnn.errors import FileError

MOST_BYTES = 2**30  # of a file that is read as a whole
_SHOWN = 200  # characters of a name that is too long
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def check_regular(path: Path, remedy: str, kind: type[FileError] = FileError) -> int:
    """Returns the size of a regular file in bytes.

    Args:
        path: the file; a symbolic link stands for the file that it leads to.
        remedy: advice at the end of error messages.
        kind: class of the error about another kind of file.

    Raises:
        FileNotFoundError: the file does not exist.
        FileError: it is a folder, a pipe, a device or a socket, or its name cannot be one.
        OSError: it cannot be reached, for want of a permission.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f"{path}: no such file; {remedy}") from error
    except ValueError as error:  # a zero byte in the name
        raise kind(f"{str(path)!r}: no name of a file ({error}); {remedy}") from error
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise kind(f"{str(path)[:_SHOWN]}…: no name of a file, it is too long; {remedy}") from error
    if not stat.S_ISREG(status.st_mode):
        raise kind(f"{path}: {_KINDS.get(stat.S_IFMT(status.st_mode), 'no regular file')}, not a file; {remedy}")
    return status.st_size


def is_file(path: Path) -> bool:
    """Returns True for a regular file; False also for a name that is too long for one, where `Path.is_file` fails."""
    try:
        return path.is_file()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return False


def read_bytes(path: Path, remedy: str, most_bytes: int = MOST_BYTES) -> bytes:
    """Returns the content of a regular file.

    Args:
        path: the file.
        remedy: advice at the end of error messages.
        most_bytes: largest size that is accepted.

    Raises:
        FileNotFoundError, OSError: see `check_regular`.
        FileError: it is no regular file, or too large.
    """
    size = check_regular(path, remedy)
    if size > most_bytes:
        raise FileError(f"{path}: {size} bytes; a file of this kind has {most_bytes} at most; {remedy}")
    return path.read_bytes()


def read_text(path: Path, remedy: str, most_bytes: int = MOST_BYTES) -> str:
    """Returns the content of a regular file in UTF-8, without a byte order mark; see `read_bytes`.

    Raises:
        FileError: it is not UTF-8; the message names the position.
    """
    try:
        return read_bytes(path, remedy, most_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: byte {error.start} is not UTF-8; {remedy}") from error
