"""Formats: every system predicts the same in every format and in Python."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from support.exports import LABELS, sharp, sounds
from support.long_tests import long_test
from support.networks import texts

from acrnn import segments
from acrnn.audio import load_waveform
from acrnn.export import version_folder
from acrnn.inference import Recognizer
from acrnn.model_card import FORMATS
from acrnn.models import MODELS
from acrnn.segments import RULES, SegmentRule
from acrnn.text.embedding import embedding_of


def speech():
    """Real speech, as single utterances and concatenated; empty if EMODB_ROOT is not set."""
    if "EMODB_ROOT" not in os.environ:
        return []
    paths = sorted(Path(os.environ["EMODB_ROOT"]).rglob("*.wav"))[::90]
    waveforms = [load_waveform(path, 16000) for path in paths]
    return [*waveforms, np.concatenate(waveforms)]


def auxiliary_inputs(trained, count):
    """Auxiliary inputs of a system for some utterances."""
    values = {"text": texts(count)}
    return [{name: values[name][row] for name in trained.auxiliary_inputs} for row in range(count)]


def predicted_alone(recognizer, waveforms, auxiliary):
    return [
        recognizer.predict(waveform, 16000, **inputs) for waveform, inputs in zip(waveforms, auxiliary, strict=True)
    ]


def predicted_together(recognizer, waveforms, auxiliary):
    return recognizer.predict_batch(waveforms, 16000, [inputs.get("text") for inputs in auxiliary])


# Other systems of the same papers have the parts of these, and an export takes a third of a minute.
ALIKE = {
    "chen2018-2d",
    "lim2016-cnn",
    "lim2016-lstm",
    "peng2021-audio",
    "peng2021-bimodal",
    "peng2021-text",
    "zhang2021-2cnn-lstm",
    "zhang2021-no-attention",
}


LONG = {"chen2018-original", "lim2016-tdcnn"}  # layers and front ends of others in another order
SYSTEMS = [pytest.param(name, marks=[long_test] if name in LONG else []) for name in MODELS if name not in ALIKE]


@pytest.fixture(scope="module", params=SYSTEMS)
def exported(request, tmp_path_factory):
    """A system in every float32 format, its network, its inputs and the posteriors in Python."""
    trained = sharp(request.param)
    out = tmp_path_factory.mktemp("exported") / "model" / "1"
    version_folder.export(trained, out, ("saved-model", "onnx", "litert"))
    waveforms = [*sounds(), *speech()]
    auxiliary = auxiliary_inputs(trained, len(waveforms))
    return out, trained, (waveforms, auxiliary), trained.posteriors(waveforms, auxiliary)


def shares(predictions):
    return np.array([list(prediction.probabilities.values()) for prediction in predictions])


@pytest.mark.parametrize("runtime", ["saved-model", "onnx", "litert"])
def test_an_export_predicts_as_python_does_alone_and_in_a_batch(exported, runtime):
    folder, trained, utterances, expected = exported
    assert np.ptp(expected, axis=0).max() > 0.2  # otherwise the comparison would show nothing
    recognizer = Recognizer.load(folder, runtime, check_speech=False)
    # float32 may choose another of two equal pitch periods; the others agree to rounding
    tolerance = 1e-2 if (runtime, trained.settings.model) == ("litert", "han2014-dnn-elm") else 1e-4
    alone = shares(predicted_alone(recognizer, *utterances))
    np.testing.assert_allclose(alone, expected, atol=tolerance)
    np.testing.assert_allclose(
        shares(predicted_together(recognizer, *utterances)), alone, atol=5e-5
    )  # means of a minute's frames


def _with_tokens(trained, inputs):
    """Inputs of a format without strings: token ids for texts."""
    if "text" not in inputs:
        return inputs
    tokens, num_words = embedding_of(trained.model).vocabulary.ids(inputs["text"])
    return {**inputs, "tokens": tokens, "num_words": num_words}


def test_samples_beyond_the_end_of_an_utterance_change_nothing(exported):
    folder, trained, (waveforms, auxiliary), expected = exported
    function = tf.saved_model.load(str(folder)).signatures["serving_default"]
    chosen = [1, 3, 6, 2]
    lengths = np.array([len(waveforms[n]) for n in chosen], np.int32)
    batch = np.random.default_rng(0).normal(0, 50, (len(chosen), lengths.max() + 1234)).astype(np.float32)
    batch[:, -5:] = np.nan
    for row, n in zip(batch, chosen, strict=True):
        row[: len(waveforms[n])] = waveforms[n]
    inputs = {name: [auxiliary[n][name] for n in chosen] for name in trained.auxiliary_inputs}
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    outputs = function(waveform=tf.constant(batch), num_samples=tf.constant(lengths), **tensors)
    np.testing.assert_allclose(outputs["probabilities"], expected[chosen], atol=1e-4)
    batch[:, -5:] = 99  # the conversion to ONNX makes a product of the choice, and NaN passes a product
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    values = {"waveform": batch, "num_samples": lengths, **_with_tokens(trained, inputs)}
    for node in session.get_inputs():  # no speaker profile
        if node.name.startswith("speaker_") and node.name not in values:
            values[node.name] = np.zeros((len(chosen), 2, *node.shape[2:]), np.float32)
    (in_onnx,) = session.run(["probabilities"], {node.name: values[node.name] for node in session.get_inputs()})
    np.testing.assert_allclose(in_onnx, expected[chosen], atol=1e-4)
    assert [name.decode() for name in outputs["emotion"].numpy()] == [
        LABELS[n] for n in expected[chosen].argmax(axis=1)
    ]


def test_the_formats_agree_on_segments_and_attention(exported):
    folder, trained, utterances, _ = exported
    eighth = [part[8:9] for part in utterances]
    predictions = [
        predicted_alone(Recognizer.load(folder, name, check_speech=False), *eighth)[0]
        for name in ("saved-model", "onnx", "litert")
    ]
    hop, num_frames = trained.frontend.hop_seconds, len(trained.frontend.extract(utterances[0][8]))
    starts = trained.rule.starts(num_frames) if not trained.system.whole_utterances else [0]
    covered = 3.015 if trained.rule.tail == "drop" else 7.5
    for prediction in predictions:
        assert [segment.start_seconds for segment in prediction.segments] == pytest.approx(
            [hop * start for start in starts]
        )
        assert prediction.segments[-1].end_seconds == pytest.approx(covered, abs=hop + 0.001)
        np.testing.assert_allclose(prediction.attention, predictions[0].attention, atol=1e-3)
        assert bool(prediction.attention) == any(layer.name == "attention" for layer in trained.model.layers)


def test_the_segments_of_the_records_are_recognized_as_those_of_the_waveform(exported):
    folder, trained, (waveforms, auxiliary), expected = exported
    features = trained.frontend.extract(waveforms[2])
    parts, counts = (
        (features[None], np.array([len(features)], np.int32))
        if trained.system.whole_utterances
        else trained.rule.cut(features)
    )
    function = tf.saved_model.load(str(folder)).signatures["segments"]
    tensors = {name: tf.constant([value] * len(parts)) for name, value in auxiliary[2].items()}
    outputs = function(features=tf.constant(parts), num_frames=tf.constant(counts), **tensors)
    pooled = segments.pool_logits(outputs["logits"].numpy(), np.zeros(len(parts), int), 1, trained.pooling)
    np.testing.assert_allclose(pooled[0], expected[2], atol=1e-4)
    np.testing.assert_allclose(outputs["probabilities"], tf.nn.softmax(outputs["logits"]), atol=1e-6)
    if "attention" in outputs:
        np.testing.assert_allclose(np.sum(outputs["attention"], axis=1), 1.0, atol=1e-5)
        assert (outputs["attention"].numpy()[0, counts[0] :] == 0).all()


def test_the_litert_signature_of_one_segment_is_the_whole_recognizer(exported):
    from ai_edge_litert.interpreter import Interpreter

    folder, trained, (waveforms, auxiliary), expected = exported
    runner = Interpreter(str(folder / FORMATS["litert"].file)).get_signature_runner("serving_default")
    spec = trained.frontend
    samples = spec.window_samples + (trained.rule.frames - 1) * round(spec.hop_seconds * spec.sample_rate_hz)
    longest = max((n for n in range(9) if len(waveforms[n]) <= samples), key=lambda n: len(waveforms[n]))
    batch = np.zeros((1, samples), np.float32)
    batch[0, : len(waveforms[longest])] = waveforms[longest]
    values = {"waveform": batch, "num_samples": np.array([len(waveforms[longest])], np.int32)}
    values |= _with_tokens(trained, {name: [value] for name, value in auxiliary[longest].items()})
    outputs = runner(**{name: values[name] for name in runner.get_input_details()})
    tolerance = 1e-2 if trained.system.whole_utterances else 1e-4
    np.testing.assert_allclose(outputs["probabilities"][0], expected[longest], atol=tolerance)


SMALL_FORMATS = tuple(name for name, each in FORMATS.items() if each.weights != "float32")


@pytest.fixture(scope="module")
def exported_small(tmp_path_factory):
    """A larger network in the formats with small weights, and in the exact ones of the same runtimes."""
    trained = sharp("chen2018-3d", filters=32, linear_units=192, lstm_units=64)
    out = tmp_path_factory.mktemp("small") / "model" / "1"
    version_folder.export(trained, out, ("onnx", "litert", *SMALL_FORMATS))
    return out, trained


@pytest.mark.parametrize("small", SMALL_FORMATS)
def test_small_weights_are_smaller_and_predict_nearly_the_same(small, exported_small):
    out, trained = exported_small
    exact = "onnx" if small == "onnx-int8" else "litert"
    size = {name: (out / FORMATS[name].file).stat().st_size for name in (exact, small)}
    assert size[small] < size[exact]
    waveforms = sounds()[2:8]
    difference = shares(
        Recognizer.load(out, small, check_speech=False).predict_batch(waveforms, 16000)
    ) - trained.posteriors(waveforms)
    assert 0 < np.abs(difference).mean() < 0.03 and np.abs(difference).max() < 0.2


def test_onnx_runs_where_tensorflow_cannot_be_imported(exported_small):
    out, _ = exported_small
    program = (
        "import sys\n"
        "for name in ('tensorflow', 'keras', 'jax', 'librosa', 'sklearn', 'matplotlib'): sys.modules[name] = None\n"
        "import numpy, acrnn\n"
        "sound = numpy.sin(numpy.arange(16000) / 9)\n"
        f"for name in ('auto', 'litert'):\n"
        f"    recognizer = acrnn.Recognizer.load({str(out.parent)!r}, name, check_speech=False)\n"
        "    print(recognizer.runtime, recognizer.predict(sound, 16000).emotion)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, _ in lines] == ["onnx", "litert"]
    assert lines[0][1] == lines[1][1] in LABELS


@pytest.mark.parametrize(
    "rule",
    [
        *RULES.values(),
        SegmentRule(100, 50, "pad"),
        SegmentRule(100, 30, "align-end"),
        SegmentRule(7, 7, max_segments=3),
    ],
)
def test_the_graph_cuts_utterances_as_python_does(rule):
    lengths = np.array([1, 6, 7, 8, 99, 100, 101, 130, 299, 300, 301, 450, 599, 600, 601, 1234], np.int32)
    starts, valid = rule.starts_in_graph(tf.constant(lengths))
    for length, row, real in zip(lengths, starts.numpy(), valid.numpy(), strict=True):
        assert row[real].tolist() == rule.starts(int(length))
        assert real.tolist() == sorted(real, reverse=True)


@pytest.mark.parametrize("pooling", segments.POOLINGS)
def test_the_graph_pools_segments_as_python_does(pooling):
    logits = np.random.default_rng(0).normal(0, 3, (3, 4, 5)).astype(np.float32)
    valid = np.arange(4) < np.array([[1], [4], [2]])
    pooled = segments.pool_in_graph(tf.constant(logits), tf.constant(valid), pooling)
    expected = segments.pool_logits(logits[valid], np.repeat([0, 1, 2], [1, 4, 2]), 3, pooling)
    np.testing.assert_allclose(pooled, expected, atol=1e-6)
