"""m4a, webm, videos and other files that libsndfile does not read: decoded by PyAV or ffmpeg, or refused with the remedy."""

import contextlib
import io
import os
import shutil
import time
import tracemalloc

import numpy as np
import pytest
import soundfile
from support.sounds import speech_like

from acrnn import audio
from acrnn.audio import AudioError, Content, load_waveform, media

pytest.importorskip("av")
from support.media_files import chirp, encoded

RATE = 48000
M4A = encoded(chirp(), container="mp4", codec="aac").replace(b"ftypisom", b"ftypM4A ")
DECODERS = ["pyav", pytest.param("ffmpeg", marks=pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg"))]


@pytest.fixture(params=DECODERS)
def decoder(request, monkeypatch):
    """Either decoder, as if it was the only one."""
    if request.param == "ffmpeg":
        monkeypatch.setattr(media, "find_spec", lambda name: None)
    else:
        monkeypatch.setattr(media.shutil, "which", lambda name: None)
    return request.param


@pytest.fixture
def without_decoder(monkeypatch):
    monkeypatch.setattr(media, "find_spec", lambda name: None)
    monkeypatch.setattr(media.shutil, "which", lambda name: None)


def refusal(source) -> str:
    with pytest.raises(AudioError) as caught:
        load_waveform(source, RATE)
    assert str(caught.value).startswith(f"{source}: ")
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [
        ("a.m4a", "mp4", "alac"),
        ("a.mp4", "mp4", "flac"),
        ("a.mov", "mov", "pcm_s16le"),
        ("a.mkv", "matroska", "flac"),
        ("a.mka", "matroska", "pcm_s16le"),
    ],
)
def test_a_lossless_file_has_exactly_the_samples_of_the_wav(decoder, name, container, codec):
    samples = np.stack([chirp(), chirp()[::-1]], 1)
    waveform = load_waveform(Content(name, encoded(samples, container=container, codec=codec)), RATE)
    np.testing.assert_array_equal(waveform, (samples / np.float32(2**15)).astype(np.float32).mean(axis=1))


@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [
        ("a.m4a", "mp4", "aac"),
        ("a.aac", "adts", "aac"),
        ("a.webm", "webm", "libopus"),
        ("a.mp4", "mp4", "libopus"),
        ("a.mkv", "matroska", "aac"),
        ("a.wma", "asf", "wmav2"),
    ],
)
def test_a_lossy_file_is_close_to_the_wav_after_the_delay_of_the_codec(decoder, name, container, codec):
    expected = (chirp(2.0) / 2**15).astype(np.float32)
    waveform = load_waveform(Content(name, encoded(chirp(2.0), container=container, codec=codec)), RATE)
    assert abs(len(waveform) - len(expected)) <= 4096
    middle = expected[RATE // 2 : RATE]
    delay = int(np.argmax(np.correlate(waveform[: RATE + 4096], middle))) - RATE // 2
    assert abs(delay) <= 4096
    start = RATE // 2 + delay
    difference = waveform[start : start + len(middle)] - middle
    assert np.sqrt(np.mean(difference**2)) < 0.05 * np.sqrt(np.mean(middle**2))


def test_a_path_is_read_in_parts_and_in_blocks(decoder, tmp_path):
    samples = chirp(2.0)
    path = tmp_path / "-a video.mkv"
    path.write_bytes(encoded(samples, container="matroska", codec="flac", with_video=True))
    expected = (samples / 2**15).astype(np.float32)
    np.testing.assert_array_equal(load_waveform(path, RATE, 0.5, 1.25), expected[RATE // 2 : 5 * RATE // 4])
    np.testing.assert_array_equal(np.concatenate(list(audio.blocks(path))), expected)
    assert audio.sample_rate_hz(path) == RATE
    resampled = audio.resampled(expected, RATE, 16000)
    np.testing.assert_allclose(load_waveform(path, 16000), resampled, atol=1e-6)
    for part in ((1.5, 2.5), (3.0, None)):
        with pytest.raises(AudioError, match=r"not in it, it ends at 2.000 s"):
            load_waveform(path, RATE, *part)


def test_the_duration_is_that_of_the_header():
    assert audio.duration_seconds(Content("a.m4a", M4A)) == pytest.approx(1.0)


def test_the_first_of_several_tracks_is_taken(decoder):
    content = encoded(chirp(), chirp()[::-1].copy(), container="matroska", codec="flac")
    np.testing.assert_array_equal(load_waveform(Content("a.mkv", content), RATE), (chirp() / 2**15).astype(np.float32))


def test_a_video_without_sound_is_refused(decoder):
    content = encoded(container="mp4", codec="aac", with_video=True)
    assert "a.mp4: " in refusal(Content("a.mp4", content))


@pytest.mark.parametrize(
    ("container", "codec"), [("mp4", "aac"), ("matroska", "flac"), ("asf", "wmav2"), ("webm", "libopus")]
)
def test_a_truncated_file_is_refused(decoder, container, codec):
    content = encoded(chirp(), container=container, codec=codec)
    load_waveform(Content("a", content), RATE)
    for size in (len(content) - 1, len(content) // 2):
        assert "truncated" in refusal(Content("a", content[:size]))


def test_a_damaged_file_is_refused_in_seconds(decoder):
    random = np.random.default_rng(0)
    began = time.monotonic()
    for content in (M4A, encoded(chirp(), container="webm", codec="libopus")):
        for _ in range(5 if decoder == "ffmpeg" else 40):
            damaged = bytearray(content)
            for place in random.integers(4, len(content), 30):
                damaged[place] = random.integers(256)
            with contextlib.suppress(AudioError):
                load_waveform(Content("damaged", bytes(damaged)), RATE)
    assert time.monotonic() - began < 60


def test_memory_does_not_depend_on_the_length_or_the_channels(tmp_path):
    path = tmp_path / "a.mka"
    path.write_bytes(encoded(np.stack([chirp(60.0)] * 2, 1), container="matroska", codec="flac"))
    for _ in audio.blocks(path):  # imports the decoder
        break
    tracemalloc.start()
    assert sum(len(block) for block in audio.blocks(path)) == 60 * RATE
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20  # as one array, 23 MB


def test_the_length_is_limited_while_a_file_is_decoded(monkeypatch):
    monkeypatch.setattr("acrnn.audio.decoding.LONGEST_SECONDS", 0.5)
    assert "1 s or more of 1 channels at 48000 Hz; up to 0.5 s are read at once" in refusal(Content("a.m4a", M4A))


@pytest.mark.parametrize("playlist", [b"#EXTM3U\n#EXTINF:1,\n%s\n", b"ffconcat version 1.0\nfile '%s'\n"])
def test_no_playlist_is_followed(decoder, tmp_path, playlist):
    secret = tmp_path / "secret.wav"
    soundfile.write(secret, speech_like(), 16000)
    path = tmp_path / "a.m4a"
    path.write_bytes(playlist % os.fsencode(secret))
    assert "not readable as audio" in refusal(path)


def test_data_of_another_kind_than_the_extension_says_are_refused(tmp_path):
    assert "holds mov data behind the extension .mp3" in refusal(Content("a.mp3", M4A))
    buffer = io.BytesIO()
    soundfile.write(buffer, speech_like(), 16000, format="WAV")
    assert "holds WAV data behind the extension .m4a" in refusal(Content("a.m4a", buffer.getvalue()))


def test_without_a_decoder_the_kind_and_the_remedy_are_named(without_decoder):
    assert refusal(Content("a.m4a", M4A)) == (
        'a.m4a: MPEG-4 audio; to read it, install the extra [av] with: pip install "acrnn[av]", or ffmpeg, or convert it to WAV'
    )
    webm = encoded(chirp(), container="webm", codec="libopus")
    assert "a.webm: WebM or Matroska; to read it, install" in refusal(Content("a.webm", webm))


def test_folders_count_files_without_a_decoder_among_those_left_out(tmp_path, monkeypatch):
    for name in ("a.wav", "b.m4a", "c.MKV", "d.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in audio.sound_files(tmp_path)] == ["a.wav", "b.m4a", "c.MKV"]
    assert audio.left_out(tmp_path) == "1 .txt"
    monkeypatch.setattr(media, "is_installed", lambda: False)
    assert [path.name for path in audio.sound_files(tmp_path)] == ["a.wav"]
    assert audio.left_out(tmp_path).startswith("1 .m4a, 1 .mkv, 1 .txt (to read .m4a, .mkv, install the extra [av]")


def test_ffmpeg_gets_no_network_and_its_output_is_the_sound(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "out.au", np.stack([chirp() / 2**15] * 2, 1), RATE, subtype="FLOAT", endian="BIG")
    program = tmp_path / "ffmpeg"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\ncat {tmp_path}/out.au\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(media, "find_spec", lambda name: None)
    waveform = load_waveform(Content("a.m4a", M4A), RATE)
    np.testing.assert_array_equal(waveform, (chirp() / 2**15).astype(np.float32))
    arguments = (tmp_path / "arguments").read_text()
    assert "-protocol_whitelist file,pipe" in arguments and "-f mov -i file:" in arguments


def test_a_failure_of_ffmpeg_is_an_error_with_its_reason(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho 'moov atom not found' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(media, "find_spec", lambda name: None)
    assert "not readable as audio (moov atom not found)" in refusal(Content("a.m4a", M4A))
