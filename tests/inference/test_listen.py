"""`acrnn listen`, at a microphone that plays a recording."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from support.sounds import speech_like

from acrnn.cli import main

RATE = 48000


class Microphone:
    """Stands for `sounddevice.InputStream`: gives two and a half seconds in blocks, then Ctrl-C is pressed."""

    samplerate = float(RATE)

    def __init__(self, device, channels, dtype, callback):
        if device == "none":
            raise ValueError("No input device matching 'none'")
        assert (device, channels, dtype) == (3, 1, "float32")
        self.callback, self.was_closed = callback, False
        Microphone.last = self

    def __enter__(self):
        buffer = np.zeros((480, 1), np.float32)  # PortAudio uses its memory again
        for part in speech_like(2.5, RATE).reshape(-1, 480, 1):
            buffer[:] = part
            self.callback(buffer, 480, None, None)

    def __exit__(self, *_):
        self.was_closed = True

    @property
    def active(self):
        self.looks = getattr(self, "looks", 0) + 1
        if self.looks > 250:
            raise KeyboardInterrupt
        return True


@pytest.fixture
def microphone(monkeypatch):
    fake = SimpleNamespace(InputStream=Microphone, PortAudioError=OSError)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return Microphone


LENGTHS = ["--window", "1", "--hop", "0.5"]


@pytest.mark.parametrize("options", [[], ["--no-speech-check"]])
def test_every_hop_has_a_line_until_ctrl_c_ends_it_well(microphone, capsys, options):
    assert main(["listen", "--device", "3", *LENGTHS, *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:5] for line in lines[:2]] == [["0.0", "s", "to", "1.0", "s"], ["0.5", "s", "to", "1.5", "s"]]
    assert len(lines) in (3, 4)  # the resampler holds the last samples back
    assert all(line.endswith("%" if options else "no speech") for line in lines)
    assert microphone.last.was_closed


def test_an_unknown_microphone_is_wrong_usage(microphone, capsys):
    assert main(["listen", "--device", "none"]) == 2
    assert "error: --device none: No input device matching 'none'; choose another" in capsys.readouterr().err


def test_the_lengths_and_the_adaptation_are_passed_on(microphone, capsys):
    assert main(["listen", "--device", "3", "--window", "1", "--hop", "2"]) == 2
    assert "--hop 2.0: the hop must be above 0" in capsys.readouterr().err


def test_without_the_extra_its_name_is_told(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert main(["listen"]) == 1
    assert 'install it with: pip install "acrnn[microphone]"' in capsys.readouterr().err
