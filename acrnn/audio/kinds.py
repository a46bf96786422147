"""Kinds of sound files: by their suffix, and by their content where libsndfile does not read them."""

from __future__ import annotations

import re
from typing import BinaryIO, NamedTuple

# Containers that libsndfile may report for an extension; files with other extensions are not checked.
CONTAINERS = {
    ".wav": {"WAV", "WAVEX", "RF64", "W64", "NIST"},
    ".flac": {"FLAC"},
    ".ogg": {"OGG"},
    ".oga": {"OGG"},
    ".opus": {"OGG"},
    ".mp3": {"MP3", "MPEG"},
    ".aiff": {"AIFF"},
    ".aif": {"AIFF"},
}
# Demuxers of FFmpeg for files that libsndfile does not read, by extension.
DEMUXERS = {
    ".m4a": {"mov"},
    ".mp4": {"mov"},
    ".mov": {"mov"},
    ".aac": {"aac"},
    ".webm": {"matroska"},
    ".mkv": {"matroska"},
    ".mka": {"matroska"},
    ".wma": {"asf"},
}
SUFFIXES = frozenset(CONTAINERS | DEMUXERS)


class Kind(NamedTuple):
    """A kind of file that libsndfile does not read.

    Attributes:
        title: name in messages.
        demuxer: name of the demuxer in FFmpeg.
    """

    title: str
    demuxer: str


_STARTS = (
    (re.compile(rb".{4}ftypM4[AB]", re.DOTALL), Kind("MPEG-4 audio", "mov")),
    (re.compile(rb".{4}ftypqt", re.DOTALL), Kind("QuickTime video or audio", "mov")),
    (re.compile(rb".{4}(ftyp|moov|mdat|wide)", re.DOTALL), Kind("MPEG-4 video or audio", "mov")),
    (re.compile(rb"\x1a\x45\xdf\xa3"), Kind("WebM or Matroska", "matroska")),
    (re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), Kind("Windows Media", "asf")),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), Kind("AAC audio", "aac")),
)


def kind_of(file: BinaryIO) -> Kind | None:
    """Returns the kind of a file by its first bytes; None for a file that is left to libsndfile."""
    file.seek(0)
    start = file.read(12)
    file.seek(0)
    return next((kind for pattern, kind in _STARTS if pattern.match(start)), None)
