"""Audio: files of all formats are read as waveforms, and unusable files are refused by name with the reason."""

import numpy as np
import pytest
import soundfile

from acrnn.audio import AudioError, blocks, load_waveform, mono

RATE = 16000


def tone(seconds=0.5, rate=RATE, frequency=440.0):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)


def peak_hz(waveform, rate=RATE):
    return np.argmax(np.abs(np.fft.rfft(waveform))) * rate / len(waveform)


@pytest.mark.parametrize(
    ("name", "rate", "subtype"),
    [
        ("a.wav", 16000, "PCM_16"),
        ("b.wav", 44100, "PCM_24"),
        ("c.wav", 48000, "FLOAT"),
        ("d.wav", 8000, "ULAW"),
        ("e.flac", 22050, "PCM_16"),
        ("f.ogg", 44100, "VORBIS"),
        ("g.mp3", 44100, "MPEG_LAYER_III"),
    ],
)
def test_any_format_and_rate_gives_the_same_tone(tmp_path, name, rate, subtype):
    soundfile.write(tmp_path / name, tone(rate=rate), rate, subtype=subtype)
    waveform = load_waveform(tmp_path / name, RATE)
    assert waveform.dtype == np.float32
    assert abs(len(waveform) / RATE - 0.5) < 0.07  # mp3 pads its ends
    assert abs(peak_hz(waveform) - 440) < 5
    assert 0.4 < np.abs(waveform).max() < 0.6


def test_stereo_becomes_the_mean_of_its_channels(tmp_path):
    left, right = tone(), tone(frequency=880)
    soundfile.write(tmp_path / "two.wav", np.stack([left, right], axis=1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(load_waveform(tmp_path / "two.wav", RATE), (left + right) / 2, atol=1e-6)


def test_a_part_of_a_file_is_read(tmp_path):
    soundfile.write(tmp_path / "long.wav", np.concatenate([tone(), tone(frequency=880)]), RATE, subtype="FLOAT")
    part = load_waveform(tmp_path / "long.wav", RATE, start_seconds=0.5, end_seconds=1.0)
    assert len(part) == RATE // 2
    assert abs(peak_hz(part) - 880) < 5
    with pytest.raises(AudioError, match=r"long.wav: the part 0.500 s to 1.500 s is not in it, it ends at 1.000 s"):
        load_waveform(tmp_path / "long.wav", RATE, 0.5, 1.5)
    with pytest.raises(AudioError, match=r"long.wav: the part 0.000 s to 2.000 s is not in it"):
        load_waveform(tmp_path / "long.wav", RATE, 0, 1e308)
    with pytest.raises(AudioError, match=r"long.wav: the part 1.000 s to 1.005 s is not in it"):
        load_waveform(tmp_path / "long.wav", RATE, 1.0, 1.005)
    with pytest.raises(AudioError, match=r"long.wav: the part 0.5 s to 0.5 s is empty"):
        load_waveform(tmp_path / "long.wav", RATE, 0.5, 0.5)


def test_names_with_spaces_and_other_alphabets_are_read(tmp_path):
    path = tmp_path / "Ärger und Freude" / "грусть 01.wav"
    path.parent.mkdir()
    soundfile.write(path, tone(), RATE)
    assert len(load_waveform(path, RATE)) == RATE // 2


def with_nan():
    samples = tone()
    samples[100:103] = np.nan
    return samples


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: path.write_bytes(b""), "empty, 0 bytes"),
        (lambda path: path.write_bytes(b"this is a letter, not a sound" * 50), "not readable as audio"),
        (lambda path: soundfile.write(path, np.zeros(0), RATE), "holds no samples"),
        (lambda path: soundfile.write(path, np.zeros(RATE), RATE), "16000 samples are 0, silence"),
        (lambda path: soundfile.write(path, with_nan(), RATE, subtype="FLOAT"), "3 of 8000 samples are NaN"),
        (lambda path: soundfile.write(path, tone(), RATE, subtype="PCM_U8"), r"8-bit samples \(PCM_U8\)"),
        (lambda path: soundfile.write(path, tone(), RATE, format="FLAC"), r"holds FLAC data behind the extension .wav"),
        (lambda path: path.mkdir(), "a folder, not a file"),
    ],
    ids=["empty", "text", "zero-length", "silent", "nan", "8-bit", "wrong-extension", "folder"],
)
def test_an_unusable_file_is_refused_by_name_with_the_reason(tmp_path, write, reason):
    path = tmp_path / "bad.wav"
    write(path)
    with pytest.raises(AudioError, match=rf"bad.wav: .*{reason}"):
        load_waveform(path, RATE)


def test_a_truncated_wav_is_refused_though_the_library_would_read_it(tmp_path):
    path = tmp_path / "cut.wav"
    soundfile.write(path, tone(), RATE)
    path.write_bytes(path.read_bytes()[:-1000])
    assert len(soundfile.read(path)[0]) == 7500
    with pytest.raises(AudioError, match=r"cut.wav: truncated, 1000 bytes less"):
        load_waveform(path, RATE)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_the_blocks_of_a_file_are_the_parts_of_its_waveform(tmp_path, name):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2 * RATE + 77, 2))
    soundfile.write(tmp_path / name, noise, RATE)
    parts = list(blocks(tmp_path / name))
    assert max(map(len, parts)) <= 4096
    np.testing.assert_allclose(np.concatenate(parts), load_waveform(tmp_path / name, RATE), atol=1e-6)


@pytest.mark.parametrize("name", ["cut.flac", "cut.ogg", "cut.mp3"])
def test_the_blocks_of_a_truncated_file_end_with_an_error(tmp_path, name):
    path = tmp_path / name
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 3 * RATE), RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match=rf"{name}: "):
        list(blocks(path))


@pytest.mark.parametrize("name", ["cut.flac", "cut.ogg", "cut.mp3"])
def test_a_truncated_compressed_file_is_refused(tmp_path, name):
    path = tmp_path / name
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 3 * RATE), RATE)
    load_waveform(path, RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match=rf"{name}: "):
        load_waveform(path, RATE)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.wav: no such sound file"):
        load_waveform(tmp_path / "nowhere.wav", RATE)


def test_samples_of_any_kind_become_a_mono_waveform_in_the_unit_range():
    expected = np.array([0.5, -0.25], np.float32)
    for samples in (
        expected,
        expected.astype(float),
        np.array([16384, -8192], np.int16),
        np.stack([2 * expected, 0 * expected], 1),
    ):
        waveform = mono(samples, "x")
        assert waveform.dtype == np.float32
        np.testing.assert_allclose(waveform, expected)
