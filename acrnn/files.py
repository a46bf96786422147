"""Files that are whole or not there: atomic writing, checksums, canonical JSON."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_PARTIAL = ".partial-"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and is removed when it does not."""
    temporary = path.with_name(f"{_PARTIAL}{os.getpid()}-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Makes a folder with all above it, if it is not there.

    Raises:
        OSError: it cannot be made; the message names it and the remedy.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"{path}: no folder can be made here ({error.strerror}); choose another place") from error


def remove_partial(folder: Path) -> None:
    """Removes the temporary files that killed processes left in a folder; those of living ones stay."""
    for path in folder.glob(f"{_PARTIAL}*"):
        process = path.name.removeprefix(_PARTIAL).partition("-")[0]
        if not (process.isdecimal() and _is_alive(int(process))):
            path.unlink(missing_ok=True)


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
    """Writes a value as JSON, atomically; NaN and infinity are refused, since JSON has none."""
    write_text(path, json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, remedy: str):
    """The value in a JSON file.

    Raises:
        FileNotFoundError: there is no such file; the message ends with the remedy.
        ValueError: it is not JSON (damaged, cut off); the message names the place and the remedy.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; {remedy}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: damaged, not valid JSON ({error}); {remedy}") from error


def write_sealed_json(path: Path, content: dict) -> None:
    """Writes a dict as JSON with a checksum of its content, atomically."""
    write_json(path, {"sha256": sha256_of_json(content), **content}, None)


def read_sealed_json(path: Path, remedy: str) -> dict:
    """The dict that `write_sealed_json` wrote.

    Raises:
        FileNotFoundError, ValueError: see `read_json`; also when the checksum does not fit the content.
    """
    values = read_json(path, remedy)
    if not isinstance(values, dict) or values.pop("sha256", None) != sha256_of_json(values):
        raise ValueError(f"{path}: damaged or changed by hand, its checksum does not fit; {remedy}")
    return values


def differences(there: Mapping, wanted: Mapping, prefix: str = "") -> list[str]:
    """Where two nested dicts differ, a text each: "network.dropout is 0.0 there, 0.5 here"."""
    found = []
    for key in sorted({*there, *wanted}):
        old, new = there.get(key), wanted.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key} is {old!r} there, {new!r} here")
    return found


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_json(value) -> str:
    """SHA-256 of a value's canonical JSON: the same for equal values whatever the order of their keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()).hexdigest()
