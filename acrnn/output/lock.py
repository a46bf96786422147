"""Locks on output folders: one process writes a folder at a time, or several share the tasks of one experiment.

A lock is a file in the folder with the process and the host of its holder, so that machines with a shared file system see it
too. The lock of a process that died on this host is replaced. A process of another host cannot be examined: the message
then names the file to delete.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import SoftFileLock, Timeout

from acrnn import files

LOCK = ".lock"
_PLACE = ".at-work-"  # one file for each process that shares a folder
_PATIENCE_SECONDS = 10.0  # sharing processes hold the lock of the folder for moments only
_UNWRITTEN_SECONDS = 5.0  # a process writes its name into a new lock within milliseconds


class FolderInUseError(OSError):
    """An output folder that another process writes."""


@contextmanager
def exclusive(folder: Path, patience_seconds: float = 0.0) -> Iterator[None]:
    """Keeps a folder for this process alone until the block ends; makes the folder if it does not exist.

    Args:
        folder: the output folder.
        patience_seconds: time to wait for another process.

    Raises:
        FolderInUseError: another process has it; the message names the process.
        OSError: the folder cannot be written.
    """
    files.make_folder(folder)
    path = folder / LOCK
    _remove_unwritten(path, 2 * _UNWRITTEN_SECONDS)
    lock = _acquired(path, patience_seconds)
    if lock is None:
        raise FolderInUseError(in_use(folder, holder(path)))
    try:
        yield
    finally:
        lock.release()


@contextmanager
def shared(folder: Path, claim: Callable[[list[str]], None]) -> Iterator[None]:
    """Shares a folder with other processes until the block ends; makes the folder if it does not exist.

    Args:
        folder: the output folder.
        claim: called once before the block with descriptions of the other processes that share the folder, while none can
            join or leave with `claim`; it raises an error to refuse.

    Raises:
        FolderInUseError: another process has the folder for itself.
        OSError: the folder cannot be written.
    """
    with exclusive(folder, _PATIENCE_SECONDS):
        claim([holder(path) for path in sorted(folder.glob(f"{_PLACE}*")) if not is_free(path)])
        place = next(
            lock for number in itertools.count() if (lock := _acquired(folder / f"{_PLACE}{number}")) is not None
        )
    try:
        yield
    finally:
        place.release()


@contextmanager
def task(result: Path) -> Iterator[bool]:
    """Yields True if this process may do a task alone until the block ends, False if another process does it.

    Args:
        result: file that the task writes.
    """
    lock = _acquired(task_lock(result))
    try:
        yield lock is not None
    finally:
        if lock is not None:
            lock.release()


def task_lock(result: Path) -> Path:
    """Path of the lock of the task that writes a file."""
    return result.with_name(f"{LOCK}-{result.stem}")


def is_free(path: Path) -> bool:
    """True if no process holds a lock; the lock of a killed process is removed."""
    if not path.exists():
        return True
    lock = _acquired(path)
    if lock is None:
        return False
    lock.release()
    return True


def remove_left(folder: Path) -> None:
    """Removes the locks of tasks from a folder whose processes were killed, such as after they had written the result."""
    for path in folder.glob(f"{LOCK}-*"):
        is_free(path)


def in_use(folder: Path, holder: str) -> str:
    """Returns the message about a folder that a process writes, as `holder` describes it."""
    return f"{folder}: {holder} is writing here; wait for its end, or choose another folder"


def holder(path: Path) -> str:
    """Describes the process that holds a lock, with a remedy if it cannot be examined: "process 12 on host, since …"."""
    try:
        process, host, *_ = path.read_text(encoding="utf-8").splitlines()
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(path.stat().st_mtime))
    except (OSError, ValueError):
        return f"another process (if none is running, delete {path})"
    return f"process {process} on {host.partition('?')[0]} since {since} (if it has ended, delete {path})"


def _acquired(path: Path, patience_seconds: float = 0.0) -> SoftFileLock | None:
    """Returns the lock, held by this process; None if another process holds it."""
    _remove_unwritten(path)
    lock = SoftFileLock(path, timeout=patience_seconds)
    try:
        with files.named_errors(path.parent):
            lock.acquire(poll_interval=0.02)
    except Timeout:
        return None
    return lock


def _remove_unwritten(path: Path, watch_seconds: float = 0.0) -> None:
    """Removes an empty lock, left by a process that was killed before it wrote its name; filelock would keep it for ever.

    Args:
        path: the lock.
        watch_seconds: time to wait for the name in a young lock, whose process may be about to write it.
    """
    started = time.monotonic()
    with suppress(OSError):
        while (status := path.stat()).st_size == 0:
            watched = time.monotonic() - started
            if time.time() - status.st_mtime > _UNWRITTEN_SECONDS or watched > _UNWRITTEN_SECONDS:
                path.unlink()
            elif watched < watch_seconds:
                time.sleep(0.02)
            else:
                break
