"""Origins of sounds: a regular file, a part of one, or the content of a stream that was read before."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from acrnn.audio.waveform import AudioError
from acrnn.reading import check_regular

_REMEDY = "check the path, or save the sound as a file; acrnn predict - reads a WAV from standard input"


@dataclass(frozen=True)
class Content:
    """The bytes of a sound file that has no path, with a name for messages."""

    name: str
    content: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Part:
    """A part of a sound file.

    Attributes:
        path: the file.
        start_seconds, end_seconds: start and end of the part; None for the start and the end of the file.
    """

    path: Path
    start_seconds: float | None
    end_seconds: float | None

    def __str__(self) -> str:
        end = "its end" if self.end_seconds is None else f"{self.end_seconds:g} s"
        return f"{self.path} from {self.start_seconds or 0:g} s to {end}"


@contextmanager
def opened(source: str | Path | Content) -> Iterator[BinaryIO]:
    """Opens a sound for reading.

    Raises:
        FileNotFoundError: the file does not exist.
        AudioError: it is a folder, a pipe or a device, or has no bytes.
    """
    size = len(source.content) if isinstance(source, Content) else _size(Path(source))
    if size == 0:
        raise AudioError(f"{source}: empty, 0 bytes; copy it again or leave it out")
    with io.BytesIO(source.content) if isinstance(source, Content) else Path(source).open("rb") as file:
        yield file


def _size(path: Path) -> int:
    try:
        return check_regular(path, _REMEDY, AudioError)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: no such sound file; check the path") from error
