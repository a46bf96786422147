"""Odd and hostile sound files: read in full where that is possible, else refused with the reason, in little memory."""

import io
import os
import socket
import struct
import tracemalloc

import numpy as np
import pytest
import soundfile
from support.sounds import encoded, speech_like, without_xing_header

from acrnn import audio
from acrnn.audio import AudioError, Content, load_waveform, mpeg

RATE = 16000


def refusal(path) -> str:
    with pytest.raises(AudioError) as caught:
        load_waveform(path, RATE)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def test_pipes_devices_and_sockets_are_refused_without_a_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    assert "a pipe, not a file" in refusal(tmp_path / "pipe.wav")
    assert audio.duration_seconds(tmp_path / "pipe.wav") == 0
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.wav"))
        assert "a socket, not a file" in refusal(tmp_path / "socket.wav")
    assert "a device, not a file" in refusal("/dev/zero")
    with pytest.raises(AudioError, match="no name of a file"):
        load_waveform("a\0b.wav", RATE)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_placeholder_for_the_size_of_a_stream_means_to_the_end(tmp_path, size):
    whole = encoded(speech_like(), RATE, "WAV", "PCM_16")
    content = bytearray(whole)
    content[4:8] = struct.pack("<I", min(size + 36, 0xFFFFFFFF))
    content[40:44] = struct.pack("<I", size)
    (tmp_path / "pipe.wav").write_bytes(content)
    np.testing.assert_array_equal(load_waveform(tmp_path / "pipe.wav", RATE), soundfile.read(io.BytesIO(whole))[0])


def test_an_mp3_without_a_header_is_as_long_as_its_frames(tmp_path):
    waveform = np.concatenate([speech_like(1.0, 48000), np.zeros(3 * 48000)])  # the first frames are large
    content = encoded(waveform, 48000, "MP3", "MPEG_LAYER_III")
    bare = without_xing_header(content)
    (tmp_path / "bare.mp3").write_bytes(bare)
    assert abs(len(soundfile.read(io.BytesIO(bare))[0]) / 48000 - 4) > 0.5  # libsndfile's guess
    assert abs(len(load_waveform(tmp_path / "bare.mp3", RATE)) / RATE - 4) < 0.06
    assert mpeg.with_length(content, "whole") is content


def test_joined_files_are_refused(tmp_path):
    waveform = speech_like(1.0, 48000)
    for name, subtype in (("joined.mp3", "MPEG_LAYER_III"), ("joined.ogg", "VORBIS"), ("joined.opus", "OPUS")):
        content = encoded(waveform, 48000, "MP3" if name.endswith("mp3") else "OGG", subtype)
        (tmp_path / name).write_bytes(content)
        load_waveform(tmp_path / name, RATE)
        (tmp_path / name).write_bytes(content + content)
        assert "joined" in refusal(tmp_path / name)


def test_a_cut_flac_is_refused_with_the_place(tmp_path):
    content = encoded(speech_like(2.0), RATE, "FLAC", "PCM_16")
    (tmp_path / "cut.flac").write_bytes(content[: len(content) // 2])
    assert "truncated or damaged after 0.7" in refusal(tmp_path / "cut.flac")


def test_a_flac_header_of_enormous_or_unknown_length_allocates_nothing(tmp_path):
    content = bytearray(encoded(speech_like(), RATE, "FLAC", "PCM_16"))
    content[21], content[22:26] = content[21] | 15, b"\xff" * 4  # 2^36 - 1 samples
    (tmp_path / "long.flac").write_bytes(content)
    assert "4294968 s or more of 1 channels at 16000 Hz" in refusal(tmp_path / "long.flac")
    content[21], content[22:26] = content[21] & 0xF0, bytes(4)
    (tmp_path / "unknown.flac").write_bytes(content)
    assert "does not state its length" in refusal(tmp_path / "unknown.flac")


@pytest.mark.parametrize("rate", [1, 999, 2_000_000])
def test_a_rate_beyond_reason_is_refused(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", speech_like(), rate, "PCM_16")
    assert f"{rate} Hz, which is no rate of speech" in refusal(tmp_path / "a.wav")


def test_more_channels_than_a_recording_has_are_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([speech_like()] * 40, 1), RATE, "PCM_16")
    assert "40 channels; up to 32 are read" in refusal(tmp_path / "a.wav")


def test_the_memory_does_not_depend_on_the_rate_or_the_channels(tmp_path):
    with soundfile.SoundFile(tmp_path / "a.flac", "w", 655350, 8, "PCM_16") as file:
        for level in (0.1, 0.2, 0.1, 0.2):
            file.write(np.full((655350, 8), level))
    tracemalloc.start()
    waveform = load_waveform(tmp_path / "a.flac", RATE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(waveform) == 4 * RATE and peak < 4 * 2**20  # as one array, 84 MB


def test_an_mp3_takes_memory_by_its_size(tmp_path):
    (tmp_path / "a.mp3").write_bytes(encoded(speech_like(1.0, 48000), 48000, "MP3", "MPEG_LAYER_III"))
    tracemalloc.start()
    load_waveform(tmp_path / "a.mp3", RATE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20  # not that of the largest file that is read


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_decoding_in_blocks_gives_the_same_waveform_as_at_once(tmp_path, rate):
    for name, subtype in (("a.wav", "FLOAT"), ("a.mp3", "MPEG_LAYER_III"), ("a.ogg", "VORBIS"), ("a.flac", "PCM_16")):
        soundfile.write(tmp_path / name, np.stack([speech_like(2.0, rate)] * 2, 1), rate, subtype)
        at_once = soundfile.read(tmp_path / name, dtype="float32")[0].mean(axis=1)
        expected = audio.resampled(at_once, rate, RATE)
        np.testing.assert_allclose(load_waveform(tmp_path / name, RATE), expected, rtol=0, atol=1e-6)


def test_channels_that_cancel_each_other_are_not_called_silence(tmp_path):
    left = speech_like()
    soundfile.write(tmp_path / "a.wav", np.stack([left, -left], 1), RATE, "FLOAT")
    assert "its channels cancel each other" in refusal(tmp_path / "a.wav")
    soundfile.write(tmp_path / "a.wav", np.stack([left, 0 * left], 1), RATE, "FLOAT")
    load_waveform(tmp_path / "a.wav", RATE)


def test_an_ogg_file_cut_anywhere_is_refused(tmp_path):
    content = encoded(speech_like(), 48000, "OGG", "OPUS")
    for size in (5, 20, 27, 40, 100, len(content) - 30, len(content) - 1):
        (tmp_path / "a.opus").write_bytes(content[:size])
        assert "truncated or damaged" in refusal(tmp_path / "a.opus")


def test_a_sound_without_a_path_is_named_in_errors():
    content = encoded(speech_like(), RATE, "WAV", "FLOAT")
    np.testing.assert_array_equal(load_waveform(Content("standard input", content), RATE), np.float32(speech_like()))
    assert "empty, 0 bytes" in refusal(Content("standard input", b""))


def test_folders_skip_hidden_files_and_count_the_others(tmp_path):
    for name in ("b/2.WAV", "b/1.aiff", "._a.wav", ".cache/a.wav", "a.doc", "b/c.doc", "notes.txt", "LICENSE"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "broken.wav").symlink_to("nowhere.wav")
    assert [path.name for path in audio.sound_files(tmp_path)] == ["1.aiff", "2.WAV", "broken.wav"]
    assert audio.left_out(tmp_path) == "2 .doc, 1 .txt, 1 LICENSE"
    for path in audio.sound_files(tmp_path):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"no sound file in it .*; 2 .doc"):
        audio.sound_files(tmp_path)
