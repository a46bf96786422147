"""Refusals: a served model names what is wrong with a request, and the rows that have it."""

import time

import numpy as np
import pytest
import tensorflow as tf
from support.serving import RATE, asserted_equal, contents, sound, wav_file, waveforms

SOUND = sound(0, 1.0)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"this is a text of more than forty-four bytes, and no sound", r"not a WAV file, in row\] \[1"),
        (b"RIFF", r"not a WAV file, in row\] \[1"),
        (b"", r"not a WAV file, in row\] \[1"),
        (wav_file(SOUND, container="OGG", subtype="VORBIS"), r"not a WAV file, in row\] \[1"),
        (wav_file(SOUND)[:2000], "Data too short"),
        (wav_file(SOUND, subtype="PCM_24"), "Can only read 16-bit WAV files, but received 24"),
        (wav_file(SOUND, subtype="FLOAT"), r"Bad audio format for WAV: Expected 1 \(PCM\)"),
        (
            wav_file(SOUND, 44101),
            r"a rate that cannot be resampled to 16000 Hz in the graph; convert the file:\] \[44101",
        ),
        (
            wav_file(SOUND, 1000),
            r"a rate that cannot be resampled to 16000 Hz in the graph; convert the file:\] \[1000",
        ),
        (wav_file(SOUND, 1_600_000_000), r"a rate that cannot be resampled to 16000 Hz .*\[1600000000"),
        (wav_file(np.zeros(601 * 4000, np.int16), 4000), r"longer than 600 s; cut it, in row\] \[1\] \[it has\] \[601"),
        (wav_file(SOUND[:0]), r"shorter than one analysis window of 0\.025 s\] \[in row\] \[\[1"),
        (wav_file(SOUND[:399]), r"shorter than one analysis window of 0\.025 s\] \[in row\] \[\[1"),
        (wav_file(0 * SOUND), r"all samples are equal, silence\] \[in row\] \[\[1"),
    ],
    ids=str.split("text riff nothing ogg cut 24-bit float 44101 1000 1.6GHz long empty short silent"),
)
def test_a_file_that_cannot_be_used_is_refused_at_once(server, file, message):
    started = time.monotonic()
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        server.run("wav_bytes", contents=contents(wav_file(SOUND), file))
    assert time.monotonic() - started < 30  # 44101 Hz would take minutes, and all memory, were it refused at the end


def with_fault(**changes):
    """Two waveforms, the second with a fault: samples[1, 7] = value, or another num_samples."""
    inputs = waveforms(sound(0, 1.0), sound(1, 1.0))
    if "sample" in changes:
        inputs["waveform"][1, 7] = changes["sample"]
    if "level" in changes:
        inputs["waveform"][1] = changes["level"]
    inputs["num_samples"][1] = changes.get("num_samples", RATE)
    return inputs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample": np.nan}, "NaN or infinite samples"),
        ({"sample": -np.inf}, "NaN or infinite samples"),
        ({"level": 0.0}, "all samples are equal, silence"),
        ({"level": 0.25}, "all samples are equal, silence"),
        ({"num_samples": 399}, r"shorter than one analysis window of 0\.025 s"),
        ({"num_samples": 0}, r"shorter than one analysis window of 0\.025 s"),
        ({"num_samples": -1, "level": np.nan}, r"shorter than one analysis window of 0\.025 s"),
        ({"num_samples": RATE + 1, "level": np.nan}, "num_samples is more than the waveform has"),
    ],
)
def test_a_bad_waveform_is_refused_with_its_row(server, changes, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message + r"\] \[in row\] \[\[1\]\]"):
        server.run("serving_default", **with_fault(**changes))


def test_a_waveform_longer_than_the_limit_is_refused(server):
    long = np.zeros((1, 600 * RATE + 1), np.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"longer than 600 s; cut it\] \[in row\] \[\[0\]\]"):
        server.run("serving_default", waveform=long, num_samples=np.array([long.size], np.int32))


@pytest.mark.parametrize(("rows", "counts"), [(2, 1), (1, 2), (2, 3), (0, 0)])
def test_every_row_needs_its_count(server, rows, counts):
    generator = np.random.default_rng(0)
    waveform, features = generator.normal(0, 0.1, (rows, RATE)), generator.normal(0, 1, (rows, 300, 40, 3))
    message = rf"need the same number of rows, and at least one; they have\] \[{rows} {counts}\]"
    with pytest.raises(tf.errors.InvalidArgumentError, match="waveform and num_samples " + message):
        server.run("serving_default", waveform=waveform, num_samples=np.full(counts, RATE, np.int32))
    with pytest.raises(tf.errors.InvalidArgumentError, match="features and num_frames " + message):
        server.run("segments", features=features, num_frames=np.full(counts, 300, np.int32))


@pytest.mark.parametrize("num_frames", [0, -1, 301])
def test_segments_of_an_impossible_length_are_refused(server, num_frames):
    features = np.random.default_rng(0).normal(0, 1, (2, 300, 40, 3))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"num_frames is below 1, or more .*\[in row\] \[\[1\]\]"):
        server.run("segments", features=features, num_frames=np.array([300, num_frames], np.int32))


def test_segments_with_values_that_are_not_finite_are_refused_where_they_are_real(server):
    features = np.random.default_rng(0).normal(0, 1, (2, 300, 40, 3))
    features[1, 200, 3, 1] = np.inf
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"NaN or infinite features\] \[in row\] \[\[1\]\]"):
        server.run("segments", features=features, num_frames=np.array([300, 201], np.int32))
    counts = np.array([300, 200], np.int32)
    outputs = server.run("segments", features=features, num_frames=counts)
    features[1, 200:] = 0
    asserted_equal(outputs, server.run("segments", features=features, num_frames=counts))
