"""Sounds that the arguments of a command stand for: files, folders, and standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from acrnn import audio
from acrnn.errors import UsageError

STANDARD_INPUT = Path("-")
_MOST_BYTES = 256 * 2**20  # at standard input: ten minutes at 48 kHz with two channels, twice


def sounds(paths: Sequence[Path]) -> list[Path | audio.Content]:
    """Returns the sounds to read, and tells on stderr which files in folders are left out.

    Args:
        paths: sound files, folders that stand for the sound files in them, and `STANDARD_INPUT`.

    Raises:
        UsageError: standard input is named twice, is a terminal, or is too long.
        FileNotFoundError: a folder holds no sound file.
    """
    if list(paths).count(STANDARD_INPUT) > 1:
        raise UsageError("-: standard input can be read only once; name it once")
    found: list[Path | audio.Content] = []
    for path in paths:
        if path == STANDARD_INPUT:
            found.append(_standard_input())
        elif path.is_dir():
            found += audio.sound_files(path)
            if others := audio.left_out(path):
                print(f"{path}: left out, by their extensions: {others}", file=sys.stderr)
        else:
            found.append(path)
    return found


def _standard_input() -> audio.Content:
    if sys.stdin.isatty():
        raise UsageError("-: standard input is a terminal; send a WAV file into it, with: acrnn predict - < speech.wav")
    content = sys.stdin.buffer.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise UsageError(f"-: more than {_MOST_BYTES // 2**20} MiB at standard input; save the sound as a file")
    return audio.Content("standard input", content)
