"""Refusals: a served model answers a row that it cannot use with an error, and the rows beside it as without that row."""

import time

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from support.serving import RATE, asserted_equal, contents, sound, wav_file, waveforms

from acrnn.export import onnx_model, row_checks
from acrnn.export.trained_model import TrainedModel
from acrnn.model_card import ROW_ERRORS

SOUND = sound(0, 1.0)
SHORT = "shorter than one analysis window"
SILENT = "all samples are equal, silence"


def asserted_refused(outputs, message, mates):
    """Asserts that the second row has an error and no values, and that the others have the outputs `mates` and no error."""
    assert [text.decode() for text in outputs["error"]] == ["", message, ""]
    assert ROW_ERRORS[int(outputs["error_code"][1])] == message
    for name, value in outputs.items():
        if name not in ("error", "error_code"):
            assert not np.any(value[1] != np.zeros_like(value[1], dtype=value.dtype) if name != "emotion" else value[1])
    asserted_equal({name: value[[0, 2]] for name, value in outputs.items()}, mates, 1e-5)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"this is a text of more than forty-four bytes, and no sound", "not a WAV file"),
        (b"RIFF", "not a WAV file"),
        (b"", "not a WAV file"),
        (b"RIFF\xff\xff\xff\xffWAVE" + 5000 * b"LIST\0\0\0\0", "not a WAV file"),
        (b"RIFF\x24\0\0\0WAVEfmt \xff\xff\xff\xff", "not a WAV file"),
        (wav_file(SOUND)[:36], "not a WAV file"),
        (wav_file(SOUND, container="OGG", subtype="VORBIS"), "not a WAV file"),
        (wav_file(SOUND)[:2000], "the WAV file ends before its samples do"),
        (wav_file(SOUND, subtype="PCM_24"), "not a WAV file of 16-bit integers"),
        (wav_file(SOUND, subtype="FLOAT"), "not a WAV file of 16-bit integers"),
        (wav_file(SOUND, 44101), "a sampling rate that cannot be converted in the graph; convert the file"),
        (wav_file(SOUND, 1000), "a sampling rate that cannot be converted in the graph; convert the file"),
        (wav_file(SOUND, 1_600_000_000), "a sampling rate that cannot be converted in the graph; convert the file"),
        (wav_file(np.zeros(601 * 4000, np.int16), 4000), "longer than 600 s; cut it"),
        (wav_file(SOUND[:0]), SHORT),
        (wav_file(SOUND[:399]), SHORT),
        (wav_file(0 * SOUND), SILENT),
    ],
    ids=str.split(
        "text riff nothing chunks endless-chunk header ogg cut 24-bit float 44101 1000 1.6GHz long empty short silent"
    ),
)
def test_a_file_that_cannot_be_used_has_an_error_at_once_and_its_batch_mates_are_answered(server, file, message):
    mates = [wav_file(SOUND), wav_file(sound(1, 3.4))]
    expected = server.run("wav_bytes", contents=contents(*mates))
    started = time.monotonic()
    outputs = server.run("wav_bytes", contents=contents(mates[0], file, mates[1]))
    assert time.monotonic() - started < 30  # 44101 Hz would take minutes, and all memory, were it refused at the end
    asserted_refused(outputs, message, expected)


def test_a_batch_of_bad_files_alone_is_answered(server):
    outputs = server.run("wav_bytes", contents=contents(b"", wav_file(SOUND[:0])))
    assert [text.decode() for text in outputs["error"]] == ["not a WAV file", SHORT]
    assert not outputs["probabilities"].any() and not outputs["num_segments"].any()


FAULTS = [
    ({"sample": np.nan}, "NaN or infinite samples"),
    ({"sample": -np.inf}, "NaN or infinite samples"),
    ({"level": np.nan}, "NaN or infinite samples"),
    ({"level": 0.0}, SILENT),
    ({"level": 0.25}, SILENT),
    ({"num_samples": 399}, SHORT),
    ({"num_samples": 0}, SHORT),
    ({"num_samples": -1, "level": np.nan}, SHORT),
    ({"num_samples": 4 * RATE + 1, "level": np.nan}, "num_samples is more than the waveform has"),
    ({"num_samples": 2**31 - 1}, "num_samples is more than the waveform has"),
]


def with_fault(**changes):
    """Three waveforms, the second with a fault: samples[1, 7] = value, a constant level, or another num_samples."""
    inputs = waveforms(sound(0, 1.0), sound(1, 1.0), sound(2, 4.0))
    if "level" in changes:
        inputs["waveform"][1] = changes["level"]
    if "sample" in changes:
        inputs["waveform"][1, 7] = changes["sample"]
    inputs["num_samples"][1] = changes.get("num_samples", RATE)
    return inputs


@pytest.mark.parametrize(("changes", "message"), FAULTS)
def test_a_bad_waveform_has_an_error_and_its_batch_mates_are_answered(server, changes, message):
    expected = server.run("serving_default", **waveforms(sound(0, 1.0), sound(2, 4.0)))
    asserted_refused(server.run("serving_default", **with_fault(**changes)), message, expected)


@pytest.fixture(scope="module")
def onnx(run_folder, tmp_path_factory):
    """A function that runs the ONNX file of the model."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    onnx_model.write(TrainedModel.of_run(run_folder, 0), path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    dense = np.zeros((1, *session.get_inputs()[2].shape[1:]), np.float32)

    def run(waveform, num_samples):
        inputs = {
            "waveform": waveform,
            "num_samples": num_samples,
            "speaker_dense": dense.repeat(len(waveform), axis=0),
        }
        return dict(zip([each.name for each in session.get_outputs()], session.run(None, inputs), strict=True))

    return run


@pytest.mark.parametrize(("changes", "message"), FAULTS)
def test_a_bad_waveform_has_an_error_in_onnx_too(onnx, changes, message):
    outputs, expected = onnx(**with_fault(**changes)), onnx(**waveforms(sound(0, 1.0), sound(2, 4.0)))
    assert [ROW_ERRORS[code] for code in outputs["error_code"].tolist()] == ["", message, ""]
    assert not any(value[1].any() for name, value in outputs.items() if name != "error_code")
    asserted_equal({name: value[[0, 2]] for name, value in outputs.items()}, expected, 1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_what_lies_beyond_the_end_of_an_utterance_changes_no_output_in_onnx(onnx, value):
    inputs = waveforms(sound(0, 0.4), sound(1, 3.7))
    expected = onnx(**inputs)
    inputs["waveform"][0, int(0.4 * RATE) :] = value
    asserted_equal(onnx(**inputs), expected)
    assert np.ptp(expected["probabilities"], axis=0).max() > 1e-3


def test_a_waveform_longer_than_the_limit_has_an_error(server):
    long = np.zeros((1, 600 * RATE + 1), np.float32)
    outputs = server.run("serving_default", waveform=long, num_samples=np.array([long.size], np.int32))
    assert outputs["error"].tolist() == [b"longer than 600 s; cut it"] and outputs["emotion"].tolist() == [b""]


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "NaN or infinite speaker statistics"), (-1.0, "negative deviations of a speaker")]
)
def test_a_bad_speaker_profile_has_an_error_and_its_batch_mates_are_answered(server, value, message):
    sounds = waveforms(sound(0, 1.0), sound(1, 1.0), sound(2, 4.0))
    dense = np.ones((3, 2, server.signatures["speaker"].inputs["speaker_dense"].tensor_shape.dim[2].size), np.float32)
    mates = {name: rows[[0, 2]] for name, rows in {**sounds, "speaker_dense": dense}.items()}
    expected = server.run("speaker", **mates)
    dense[1, 1, 3] = value
    asserted_refused(server.run("speaker", **sounds, speaker_dense=dense), message, expected)


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
def test_a_segment_of_an_impossible_length_has_an_error(server, num_frames):
    features = np.random.default_rng(0).normal(0, 1, (3, 300, 40, 3))
    counts = np.array([300, num_frames, 20], np.int32)
    expected = server.run("segments", features=features[[0, 2]], num_frames=counts[[0, 2]])
    outputs = server.run("segments", features=features, num_frames=counts)
    asserted_refused(outputs, "num_frames is below 1, or more than the features have", expected)


def test_a_segment_with_values_that_are_not_finite_has_an_error_where_they_are_real(server):
    features = np.random.default_rng(0).normal(0, 1, (3, 300, 40, 3))
    features[1, 200, 3, 1] = np.inf
    counts = np.array([300, 201, 20], np.int32)
    expected = server.run("segments", features=features[[0, 2]], num_frames=counts[[0, 2]])
    asserted_refused(server.run("segments", features=features, num_frames=counts), "NaN or infinite features", expected)
    counts[1] = 200
    outputs = server.run("segments", features=features, num_frames=counts)
    features[1, 200:] = 0
    asserted_equal(outputs, server.run("segments", features=features, num_frames=counts))


def test_a_row_without_finite_probabilities_has_an_error_unless_it_has_another():
    probabilities = tf.constant([[0.5, 0.5], [np.nan, 0.5], [0.1, np.inf], [np.nan, np.nan]])
    codes = row_checks.with_outputs(tf.constant([0, 0, 0, 7]), probabilities).numpy()
    assert codes.tolist() == [0, 14, 14, 7]
    assert ROW_ERRORS[14] == "the model gives no finite numbers for these inputs"
