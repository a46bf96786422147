"""Faults of sound files that libsndfile does not report: missing ends, joined streams, headers of streams."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from acrnn.audio.kinds import Kind
from acrnn.audio.waveform import AudioError
from acrnn.reading import MOST_BYTES

_PLACEHOLDER = 0x7FFFF000  # sizes from here on stand for an unknown length, in the WAV headers of streams
_TO_THE_END = b"\xff" * 4  # such a size
_FIRST_PAGE, _LAST_PAGE = 2, 4  # flags of an Ogg page
_MOST_BOXES = 100_000  # of an MPEG-4 file, that are counted
_SEGMENT = b"\x18\x53\x80\x67"  # the element of a Matroska file that holds all others, after the header
_OGG_HEADER = 27  # bytes before the table of segments
_JOINED = (
    "two or more streams joined in one file, of which only the first would be heard; save each as a file of its own"
)


def repaired(file: BinaryIO, name: str) -> BinaryIO:
    """Returns a sound file at its start, with faults that libsndfile would read over repaired in a copy.

    Raises:
        AudioError: the file is truncated, or holds several streams.
    """
    start = file.read(12)
    if start[:4] == b"RIFF" and start[8:] == b"WAVE":
        return _repaired_wav(file, name)
    if start[:4] == b"OggS":
        _check_ogg(file, name)
    file.seek(0)
    return file


def whole(file: BinaryIO, name: str) -> bytes:
    """Returns the content of a file from its start, of a bounded size.

    Raises:
        AudioError: the file is larger than `MOST_BYTES`.
    """
    if _size(file) > MOST_BYTES:
        raise AudioError(
            f"{name}: more than {MOST_BYTES} bytes without a usable header; convert it to 16-bit WAV or FLAC"
        )
    file.seek(0)
    return file.read()  # without a number, for which so much memory would be taken


def check_size(file: BinaryIO, name: str, kind: Kind) -> None:
    """Refuses an MPEG-4, Matroska or Windows Media file that is shorter than its structure says; leaves it at its start."""
    stated = {"mov": _mpeg4_bytes, "matroska": _matroska_bytes, "asf": _windows_media_bytes}
    missing = stated[kind.demuxer](file) - _size(file) if kind.demuxer in stated else 0
    if missing > 0:
        raise AudioError(f"{name}: truncated, {missing} bytes less than its header says; copy or export it again")
    file.seek(0)


def _mpeg4_bytes(file: BinaryIO) -> int:
    """Sum of the sizes of the boxes at the top level; one of size 0 reaches to the end."""
    size, position = _size(file), 0
    for _ in range(_MOST_BOXES):
        file.seek(position)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:], "big")
        position += length
        if length < 8 or position >= size:
            break
    return position


def _matroska_bytes(file: BinaryIO) -> int:
    """Size of the header and the segment; 0 if the segment does not state its size, as in recordings of a browser."""
    file.seek(4)
    file.seek(_matroska_number(file) or 0, io.SEEK_CUR)
    length = _matroska_number(file) if file.read(4) == _SEGMENT else None
    return 0 if length is None else file.tell() + length


def _matroska_number(file: BinaryIO) -> int | None:
    """Reads a number whose first byte has as many zeros at the front as bytes follow; None for one with all bits set."""
    first = file.read(1)[0]
    following = 8 - first.bit_length()
    value = int.from_bytes(bytes([first & ~(0x80 >> following)]) + file.read(following), "big")
    return None if value == (1 << 7 * (following + 1)) - 1 else value


def _windows_media_bytes(file: BinaryIO) -> int:
    """Size of the header object and the data object, each after its identifier of 16 bytes."""
    file.seek(16)
    header = int.from_bytes(file.read(8), "little")
    file.seek(header + 16)
    return header + int.from_bytes(file.read(8), "little")


def _repaired_wav(file: BinaryIO, name: str) -> BinaryIO:
    """Refuses a RIFF/WAVE file whose data chunk is longer than the file; a size of 0 with samples behind it is replaced."""
    size = _size(file)
    file.seek(12)
    while len(chunk := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", chunk)
        if kind != b"data":
            file.seek(length + length % 2, io.SEEK_CUR)
            continue
        begin = file.tell()
        missing = begin + length - size
        if length < _PLACEHOLDER and missing > 0:
            raise AudioError(f"{name}: truncated, {missing} bytes less than its header says; copy or export it again")
        if length == 0 and begin < size and not _is_chunk(file.read(8), size - begin):
            content = bytearray(whole(file, name))
            content[begin - 4 : begin] = _TO_THE_END
            return io.BytesIO(content)
        break
    file.seek(0)
    return file


def _is_chunk(header: bytes, remaining: int) -> bool:
    """True if bytes are the header of another chunk in a RIFF file, and no samples."""
    return len(header) == 8 and header[:4].isalpha() and struct.unpack("<I", header[4:])[0] <= remaining - 8


def _check_ogg(file: BinaryIO, name: str) -> None:
    """Refuses an Ogg file without its last page, and one with a second stream after the first."""
    size, position, flags, is_inside = _size(file), 0, 0, False
    while position < size:
        file.seek(position)
        header = file.read(_OGG_HEADER)
        table = file.read(header[-1]) if len(header) == _OGG_HEADER and header[:4] == b"OggS" else b""
        end = position + len(header) + len(table) + sum(table)
        if not table or len(table) < header[-1] or end > size:
            break
        flags = header[5]
        if flags & _FIRST_PAGE and is_inside:
            raise AudioError(f"{name}: {_JOINED}")
        is_inside, position = is_inside or not flags & _FIRST_PAGE, end
    if position < size or not flags & _LAST_PAGE:
        raise AudioError(
            f"{name}: truncated or damaged, its Ogg stream breaks off at byte {position} of {size}; "
            "copy or export it again"
        )


def _size(file: BinaryIO) -> int:
    return file.seek(0, io.SEEK_END)
