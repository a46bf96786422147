"""Uploads: the folder of those of the demonstration page, which its end or its next start removes, and limits."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from acrnn import audio
from acrnn.inference.asgi import App, Receive, Scope, Send, respond, stated_length
from acrnn.inference.inputs import File
from acrnn.output import lock

MOST_MB = 1000  # of all files in the folder together
MOST_REQUESTS = 64  # at the same time; an open page waits with one or two
_FOLDER = "GRADIO_TEMP_DIR"
_PREFIX = "acrnn-demo-"


@contextmanager
def upload_folder() -> Iterator[Path]:
    """Sends uploads to a folder that is removed after the block; gradio's own is shared by all users and is not emptied.

    Folders of pages that were killed are removed first.
    """
    _remove_abandoned(Path(tempfile.gettempdir()))
    previous = os.environ.get(_FOLDER)
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder,
        lock.exclusive(Path(folder)),
    ):
        os.environ[_FOLDER] = folder
        try:
            yield Path(folder)
        finally:
            os.environ.pop(_FOLDER)
            if previous is not None:
                os.environ[_FOLDER] = previous


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError), lock.exclusive(folder):  # an error: the folder is in use, or another user's
            shutil.rmtree(folder, ignore_errors=True)


def check_length(sound: File, most_seconds: float, taker: str) -> None:
    """Refuses a sound that is too long, by its header, before it is decoded.

    Args:
        sound: sound file, or its content.
        most_seconds: length of the longest sound that is taken.
        taker: "this page", for the message.

    Raises:
        audio.AudioError: the sound is too long, or cannot be read.
        FileNotFoundError: the file does not exist.
    """
    if (seconds := audio.duration_seconds(sound)) > most_seconds:
        raise audio.AudioError(f"{sound}: {seconds:.1f} s long, {taker} takes up to {most_seconds:g} s; cut it")


class UploadLimits:
    """An ASGI application that refuses requests beyond the limits, and leaves all others to the page.

    Args:
        app: application of the page.
        folder: folder of the uploads.
        most_bytes: limit for all uploads together, those on disk and those on their way.
        most_requests: limit for requests at the same time.
    """

    def __init__(self, app: App, folder: Path, most_bytes: int = MOST_MB * 10**6, most_requests: int = MOST_REQUESTS):
        self.app, self.folder = app, folder
        self.most_bytes, self.most_requests = most_bytes, most_requests
        self.requests = self.bytes_on_their_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        size = _upload_bytes(scope)
        if refusal := self._refusal(size):
            status, message = refusal
            await respond(send, status, message.encode())
            return
        self.requests += 1
        self.bytes_on_their_way += size or 0
        try:
            await self.app(scope, receive, send)
        finally:
            self.requests -= 1
            self.bytes_on_their_way -= size or 0

    def _refusal(self, size: int | None) -> tuple[int, str] | None:
        """Status and message for a request that is refused; None for others."""
        if self.requests >= self.most_requests:
            return 503, "too many requests at the same time; try again in a minute"
        if size is None:
            return 411, "an upload must state its length"
        if size and _bytes_in(self.folder) + self.bytes_on_their_way + size > self.most_bytes:
            return 413, "the page holds too many uploads; try again in an hour"
        return None


def _upload_bytes(scope: Scope) -> int | None:
    """Size of an upload; 0 for other requests, None for an upload that does not state it."""
    if scope["method"] != "POST" or not scope["path"].endswith("/upload"):
        return 0
    return stated_length(scope)


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # gradio deletes old uploads meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total
