"""Sounds on the command line: files, folders and standard input."""

import io
import sys
from pathlib import Path

import pytest
from support.sounds import encoded, speech_like

from acrnn.errors import UsageError
from acrnn.inference import sound_arguments
from acrnn.inference.sound_arguments import STANDARD_INPUT


class Input:
    """Standard input with some bytes."""

    def __init__(self, content: bytes, is_terminal: bool = False):
        self.buffer, self.isatty = io.BytesIO(content), lambda: is_terminal


def test_a_dash_is_the_sound_at_standard_input(monkeypatch):
    content = encoded(speech_like(), 16000, "WAV", "PCM_16")
    monkeypatch.setattr(sys, "stdin", Input(content))
    sound, other = sound_arguments.sounds([STANDARD_INPUT, Path("a.wav")])
    assert (str(sound), sound.content, other) == ("standard input", content, Path("a.wav"))


def test_standard_input_is_bounded_and_read_once_and_no_terminal(monkeypatch):
    monkeypatch.setattr(sound_arguments, "_MOST_BYTES", 2**20)
    monkeypatch.setattr(sys, "stdin", Input(bytes(2**20 + 1)))
    with pytest.raises(UsageError, match="more than 1 MiB at standard input; save the sound"):
        sound_arguments.sounds([STANDARD_INPUT])
    with pytest.raises(UsageError, match="only once"):
        sound_arguments.sounds([STANDARD_INPUT, STANDARD_INPUT])
    monkeypatch.setattr(sys, "stdin", Input(b"", is_terminal=True))
    with pytest.raises(UsageError, match="is a terminal"):
        sound_arguments.sounds([STANDARD_INPUT])


def test_files_of_a_folder_that_are_not_read_are_counted_on_stderr(tmp_path, capsys):
    for name in ("b.wav", "a.wav", "a.doc", "._a.wav"):
        (tmp_path / name).touch()
    assert sound_arguments.sounds([tmp_path]) == [tmp_path / "a.wav", tmp_path / "b.wav"]
    assert capsys.readouterr().err == f"{tmp_path}: left out, by their extensions: 1 .doc\n"
