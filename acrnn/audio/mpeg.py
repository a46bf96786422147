"""MP3 files without a header that states their length: frames are counted, since libsndfile guesses from the first one.

Layer III only, ISO/IEC 11172-3 and 13818-3. The header is the de-facto standard of Xing: a first frame without sound.
"""

from __future__ import annotations

import re
from typing import NamedTuple, cast

from acrnn.audio.waveform import AudioError

_KBITS = {
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by the bits of the version
_MONO = 3
_SYNC = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]", re.DOTALL)
_TAG_HEADER = 10  # bytes of an ID3v2 tag before its content
_FRAMES_AND_BYTES = 3  # flags of a Xing header with both numbers


class _Frame(NamedTuple):
    """A frame: first byte, number of bytes, number of bytes before a Xing header in it."""

    start: int
    size: int
    before_xing: int


def with_length(content: bytes, name: str) -> bytes:
    """Returns an MP3 file with a header that states its length; unchanged if it has one.

    Args:
        content: the file.
        name: name of the file in error messages.

    Raises:
        AudioError: frames follow the number that its header states, since two files were joined.
    """
    frames = _frames(content)
    if not frames:
        return content
    first = frames[0]
    stated = _stated_frames(content, first)
    if stated is None:
        return _header(content, first, len(frames)) + content[first.start :]
    # The header is a frame of its own, which it does not count; some programs count it.
    if len(frames) > stated + 2:
        raise AudioError(
            f"{name}: its header states {stated} frames of MP3 and {len(frames) - 1} are there, since several files were "
            "joined; save each as a file of its own, or convert it with: ffmpeg -i FILE out.wav"
        )
    return content


def _frames(content: bytes) -> list[_Frame]:
    """Complete frames in order; tags and damaged bytes between them are skipped."""
    frames, position = [], 0
    while match := _SYNC.search(content, position):
        between = content[position : match.start()]
        tag = between.find(b"ID3")
        if tag >= 0 and (end := _tag_end(content, position + tag)) > match.start():
            position = end
            continue
        frame = _frame(content, match.start())
        if frame is None or frame.start + frame.size > len(content) or not _continues(content, frame):
            position = match.start() + 1
            continue
        frames.append(frame)
        position = frame.start + frame.size
    return frames


def _continues(content: bytes, frame: _Frame) -> bool:
    """True if another frame, a tag or the end of the file follows a frame, so that it is none by chance."""
    end = frame.start + frame.size
    following = content[end : end + 3]
    return len(following) < 3 or following in (b"ID3", b"TAG", b"APE") or _SYNC.match(content, end) is not None


def _tag_end(content: bytes, start: int) -> int:
    """First byte after an ID3v2 tag, whose size has seven bits a byte."""
    size = 0
    for byte in content[start + 6 : start + _TAG_HEADER]:
        size = size << 7 | byte & 0x7F
    return start + _TAG_HEADER + size


def _frame(content: bytes, start: int) -> _Frame | None:
    header = content[start : start + 4]
    if len(header) < 4:
        return None
    version, mode = header[1] >> 3 & 3, header[3] >> 6
    bitrate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version not in _RATES_HZ or rate == 3 or not 1 <= bitrate <= 14:
        return None
    is_first_version = version == 3
    kbits = _KBITS[1 if is_first_version else 2][bitrate - 1]
    size = (144 if is_first_version else 72) * kbits * 1000 // _RATES_HZ[version][rate] + padding
    side = (17 if mode == _MONO else 32) if is_first_version else (9 if mode == _MONO else 17)
    return _Frame(start, size, 4 + side)


def _stated_frames(content: bytes, frame: _Frame) -> int | None:
    """Number of frames in the header of a file; None if it has none."""
    place = frame.start + frame.before_xing
    if content[place : place + 4] in (b"Xing", b"Info") and content[place + 7] & 1:
        return int.from_bytes(content[place + 8 : place + 12], "big")
    vbri = frame.start + 4 + 32  # the header of another encoder, always at this place
    return int.from_bytes(content[vbri + 14 : vbri + 18], "big") if content[vbri : vbri + 4] == b"VBRI" else None


def _header(content: bytes, first: _Frame, num_frames: int) -> bytes:
    """A frame with a Xing header, with the properties of the first frame of the file."""
    start = bytearray(content[first.start : first.start + 4])
    start[1] |= 1  # no checksum
    start[2] = start[2] & 0x0F | 0xE0  # the highest bit rate, so that the header fits
    frame = cast(_Frame, _frame(bytes(start), 0))
    fields = (_FRAMES_AND_BYTES, num_frames, frame.size + len(content) - first.start)
    xing = b"Xing" + b"".join(field.to_bytes(4, "big") for field in fields)
    return (bytes(start) + bytes(first.before_xing - 4) + xing).ljust(frame.size, b"\0")
