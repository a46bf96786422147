"""Sounds that libsndfile reads: WAV, FLAC, Ogg, MP3 and others."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from acrnn.audio import mpeg
from acrnn.audio.containers import repaired, whole
from acrnn.audio.kinds import CONTAINERS
from acrnn.audio.track import Track
from acrnn.audio.waveform import AudioError

if TYPE_CHECKING:
    from soundfile import SoundFile

REMEDY = "convert it to 16-bit WAV or FLAC"
_BLOCK_FRAMES = 4096
_UNKNOWN_FRAMES = 2**62  # and more: libsndfile's number for a stream without a length


@contextmanager
def opened_track(name: str, file: BinaryIO) -> Iterator[Track]:
    """Opens a sound file whose structure is sound.

    Args:
        name: name of the file in error messages.
        file: the file, open for reading.

    Raises:
        AudioError: the file is truncated, damaged, or of another kind.
    """
    import soundfile

    try:
        with soundfile.SoundFile(repaired(file, name)) as sound:
            if sound.format not in CONTAINERS[".mp3"]:
                yield _track(name, sound)
                return
        with soundfile.SoundFile(io.BytesIO(mpeg.with_length(whole(file, name), name))) as sound:
            yield _track(name, sound)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{name}: not readable as audio ({error.error_string}); {REMEDY}") from error


def _track(name: str, file: SoundFile) -> Track:
    def blocks(begin: int, stop: int | None) -> Iterator[np.ndarray]:
        if begin:
            file.seek(begin)
        return _blocks(name, file, (file.frames if stop is None else stop) - begin)

    if file.frames >= _UNKNOWN_FRAMES:
        raise AudioError(f"{name}: its header does not state its length, since it was a stream; {REMEDY}")
    seconds = file.frames / file.samplerate
    return Track(file.format, file.subtype, file.samplerate, file.channels, file.frames, seconds, blocks)


def _blocks(name: str, file: SoundFile, count: int) -> Iterator[np.ndarray]:
    """Decodes samples float32 [samples, channels], block by block; a file that ends before is refused."""
    import soundfile

    file.seekable = lambda: False  # else soundfile seeks after each block, which loses sound of MP3
    done = 0
    while done < count:
        try:
            block = file.read(min(_BLOCK_FRAMES, count - done), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioError(
                f"{name}: truncated or damaged after {done / file.samplerate:.2f} s, before the {count} samples that its header "
                "states; copy or export it again"
            ) from error
        if not len(block):
            raise AudioError(f"{name}: truncated, {done} of {count} samples are there; copy or export it again")
        done += len(block)
        yield block
