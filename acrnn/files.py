"""Reads and writes files: atomic writing, checksums, canonical JSON."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from acrnn.errors import FileError
from acrnn.reading import foreign_errors, read_text

_PARTIAL = ".partial-"
_DEEPEST = 50  # levels of a JSON file
_PARTIAL_SECONDS = 24 * 3600  # temporary files of other hosts that are older belong to no running process
_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


def partial_path(path: Path) -> Path:
    """Returns a temporary path in the same folder, with host and process in its name."""
    return path.with_name(f"{_PARTIAL}{_host()}.{os.getpid()}-{path.name}")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path in the same folder, which replaces `path` at the end of the block, or is removed on an error.

    Raises:
        OSError: the disk is full, or the folder cannot be written; the message names the path and the remedy.
    """
    temporary = partial_path(path)
    with named_errors(path):
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turns the errors of a full disk and of a place that cannot be written into one that names `path` and the remedy.

    Raises:
        OSError: such an error occurred in the block.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        remedy = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "change its permissions"
        raise OSError(f"{path}: cannot be written ({error.strerror}); {remedy}, or choose another folder") from error


def make_folder(path: Path) -> None:
    """Creates a folder and its parents, if they do not exist.

    Raises:
        OSError: the folder cannot be created; the message names it and the remedy.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"{path}: no folder can be made here ({error.strerror}); choose another place") from error


def remove_partial(folder: Path) -> None:
    """Removes temporary files and folders of killed processes from a folder.

    Those of running processes stay, and those of other hosts for a day.
    """
    for path in folder.glob(f"{_PARTIAL}*"):
        host, _, process = path.name.removeprefix(_PARTIAL).partition("-")[0].partition(".")
        if host == _host() and process.isdecimal():
            is_left = not _is_alive(int(process))
        else:
            is_left = time.time() - path.stat().st_mtime > _PARTIAL_SECONDS
        if is_left:
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@cache
def _host() -> str:
    """Short name of this host for file names."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_text(path: Path, text: str) -> None:
    """Writes a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value, indent: int | None = 1) -> None:
    """Writes a value as JSON, atomically. Refuses NaN and infinity, which JSON does not have."""
    write_text(path, json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, remedy: str):
    """Returns the value in a JSON file.

    Args:
        path: the file.
        remedy: advice at the end of error messages.

    Raises:
        FileNotFoundError: the file does not exist.
        FileError: the file is no regular one, or not valid JSON, because it is damaged or truncated; the message names the
            position.
    """
    content = read_text(path, remedy)
    with foreign_errors(path, "damaged, not valid JSON", remedy):
        value = json.loads(content, parse_constant=_refuse_constant)
        _check_depth(value, _DEEPEST)
    return value


def _refuse_constant(name: str):
    raise ValueError(f"{name} is no number of JSON")


def _check_depth(value, left: int) -> None:
    """Refuses values that are nested more deeply than the code behind a reader follows."""
    if left == 0:
        raise RecursionError
    for entry in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(entry, dict | list):
            _check_depth(entry, left - 1)


def write_sealed_json(path: Path, content: dict) -> None:
    """Writes a dict as JSON, atomically, with a checksum of its content under the key "sha256"."""
    write_json(path, {"sha256": sha256_of_json(content), **content}, None)


def read_sealed_json(path: Path, remedy: str) -> dict:
    """Returns the dict in a file that `write_sealed_json` wrote.

    Args:
        path: the file.
        remedy: advice at the end of error messages.

    Raises:
        FileNotFoundError: the file does not exist.
        FileError: the file is not valid JSON, or its checksum is wrong.
    """
    values = read_json(path, remedy)
    with foreign_errors(path, "damaged", remedy):
        is_sound = isinstance(values, dict) and values.pop("sha256", None) == sha256_of_json(values)
    if not is_sound:
        raise FileError(f"{path}: damaged or changed by hand, its checksum does not fit; {remedy}")
    return values


def differences(existing: Mapping, current: Mapping, prefix: str = "") -> list[str]:
    """Describes the differences of two nested dicts, one text each: "network.dropout is 0.0 there, 0.5 here".

    Args:
        existing: values that were written earlier ("there").
        current: values of this call ("here").
        prefix: prefix of the keys, for nested dicts.
    """
    texts = []
    for key in sorted({*existing, *current}):
        old, new = existing.get(key), current.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            texts += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            texts.append(f"{prefix}{key} is {old!r} there, {new!r} here")
    return texts


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_json(value) -> str:
    """SHA-256 of the canonical JSON of a value, which does not depend on the order of keys, as hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()).hexdigest()
