"""Silence at the ends of a recording: removed alike in NumPy and in the graph, and speech is left whole."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from acrnn import frontends
from acrnn.errors import FieldError
from acrnn.frontends import FRONTENDS, silence

RATE = 16000
TRIMMED = {name: replace(spec, trim_db=30.0) for name, spec in FRONTENDS.items()}


def speech(seconds, seed=0, rate=RATE):
    """Modulated noise with quiet and loud syllables, all of them within 15 dB."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(size=len(time))
    return 0.2 * noise * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))


def between(sound, before, after, level=0.0, seed=1):
    rng = np.random.default_rng(seed)
    ends = [level * rng.normal(size=round(seconds * RATE)) for seconds in (before, after)]
    return np.concatenate([ends[0], sound, ends[1]])


@pytest.mark.parametrize("level", [0.0, 0.001], ids=["digital silence", "quiet noise"])
@pytest.mark.parametrize(("before", "after"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.3), (0.73, 2.0)])
def test_what_is_kept_is_the_speech_and_at_most_a_tenth_of_a_second_around_it(before, after, level):
    sound = speech(1.7)
    first, end = silence.bounds(between(sound, before, after, level), RATE, 30.0, 160, 400)
    start, stop = before * RATE, before * RATE + len(sound)
    assert first % 160 == 0
    assert first <= start + 160 and end >= stop - 160  # speech within a hop
    assert start - first <= 0.11 * RATE and end - stop <= 0.11 * RATE


def test_a_quiet_syllable_and_a_pause_are_kept_and_a_click_far_from_speech_does_not_set_the_level():
    quiet = 0.1 * speech(0.3, 2)  # 20 dB below
    sound = np.concatenate([quiet, np.zeros(8000), speech(1.0)])
    first, _ = silence.bounds(between(sound, 1.0, 0.0), RATE, 30.0, 160, 400)
    assert 0.88 * RATE <= first <= RATE + 160
    clicked = between(speech(1.0), 1.0, 1.0)
    clicked[8000:8016] += 3.0  # 1 ms: with its power over 200 ms, still near that of the speech
    first, end = silence.bounds(clicked, RATE, 30.0, 160, 400)
    assert first <= RATE and end >= 2 * RATE - 160


@pytest.mark.parametrize(
    "waveform", [np.zeros(5000), np.full(3000, 0.5), np.eye(1, 4000, 17)[0]], ids=["0", "constant", "impulse"]
)
def test_a_waveform_without_speech_keeps_at_least_one_window(waveform):
    first, end = silence.bounds(waveform, RATE, 30.0, 160, 400)
    assert first >= 0 and end <= len(waveform) and end - first >= 400


@pytest.mark.parametrize("name", TRIMMED)
def test_the_graph_trims_a_batch_as_numpy_does_and_ignores_what_follows_an_utterance(name):
    spec = TRIMMED[name]
    rate = spec.sample_rate_hz
    waveforms = [
        between(speech(1.1), 0.5, 0.8, 0.0005), speech(0.4, 3), between(speech(2.0, 4), 1.21, 0.0), 0.01 * between(speech(0.2), 0.0, 0.3)
    ]  # fmt: skip
    lengths = np.array([len(waveform) for waveform in waveforms], np.int32)
    batch = np.full((4, lengths.max() + 999), np.nan)
    for row, waveform in zip(batch, waveforms, strict=True):
        row[: len(waveform)] = waveform
    moved, counts, firsts = silence.trimmed_in_graph(
        tf.constant(batch), tf.constant(lengths), rate, 30.0, spec.hop_samples, spec.window_samples
    )
    for row, count, first, waveform in zip(moved.numpy(), counts.numpy(), firsts.numpy(), waveforms, strict=True):
        start, end = spec.bounds(waveform)
        assert (first, count) == (start, end - start)
        np.testing.assert_array_equal(row[:count], waveform[start:end])
        assert not row[count:].any()
    features, num_frames = spec.in_graph(tf.constant(np.nan_to_num(batch)), tf.constant(lengths))
    for row, count, waveform in zip(features.numpy(), num_frames.numpy(), waveforms, strict=True):
        expected = spec.extract(waveform)
        assert count == len(expected)
        np.testing.assert_allclose(row[:count], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", TRIMMED)
def test_digital_silence_at_the_ends_changes_nothing_and_without_trimming_it_does(name):
    sound = between(speech(1.5), 0.2, 0.2)
    longer = between(sound, 1.0, 1.5)
    spec = TRIMMED[name]
    shift = round(spec.hop_samples * round(RATE / spec.hop_samples))
    longer = longer[RATE - shift :]  # whole hops
    np.testing.assert_allclose(spec.extract(longer), spec.extract(sound), rtol=1e-4, atol=2e-3)
    assert FRONTENDS[name].extract(longer).shape != FRONTENDS[name].extract(sound).shape


def test_a_front_end_without_trimming_is_written_as_before_and_a_threshold_out_of_range_is_refused():
    for name, spec in FRONTENDS.items():
        assert "trim_db" not in spec.to_dict()
        assert frontends.from_dict(TRIMMED[name].to_dict()) == TRIMMED[name]
    with pytest.raises(FieldError, match="trim_db 0: it must lie between 0 and 100 dB"):
        replace(FRONTENDS["chen2018"], trim_db=0)
