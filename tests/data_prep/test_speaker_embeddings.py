"""Speaker embeddings: from a table, or computed by models in ONNX."""

import re

import numpy as np
import pytest
from support.auxiliary_files import embeddings, prepare

from acrnn.audio import load_waveform
from acrnn.records import RecordSet


def write_speaker_model(path, size=5):
    """Writes an ONNX model: the mean of the absolute samples times 1 … size."""
    onnx = pytest.importorskip("onnx", reason="the extra [onnx] is not installed")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Abs", ["waveform"], ["loud"]),
        helper.make_node("ReduceMean", ["loud", "axis"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "factors"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "speaker",
        [helper.make_tensor_value_info("waveform", kind, [1, "samples"])],
        [helper.make_tensor_value_info("embedding", kind, [1, size])],
        [
            helper.make_tensor("axis", onnx.TensorProto.INT64, [1], [1]),
            helper.make_tensor("factors", kind, [1, size], np.arange(1.0, size + 1)),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


def write_onnx(path, name, shape, operator="Abs", *constants):
    """Writes an ONNX model of one operation on an input and constants."""
    onnx = pytest.importorskip("onnx", reason="the extra [onnx] is not installed")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    added = [helper.make_tensor(f"c{n}", kind, part.shape, part.ravel()) for n, part in enumerate(constants)]
    nodes = [helper.make_node(operator, [name, *(part.name for part in added)], ["out"])]
    values = [helper.make_tensor_value_info(output, kind, shape) for output in (name, "out")]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], added)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


def test_an_utterance_without_an_embedding_is_named(corpus, tmp_path, capsys):
    np.savez(tmp_path / "x.npz", **dict(list(embeddings().items())[2:]))
    assert prepare(corpus, tmp_path / "records", "--speaker-embeddings", str(tmp_path / "x.npz")) == 1
    assert "no embedding of 2 of 18 utterances (s0_high_0, s0_high_1 …)" in capsys.readouterr().err


def test_a_speaker_model_in_onnx_computes_embeddings_once_an_utterance(corpus, tmp_path, monkeypatch):
    write_speaker_model(tmp_path / "speaker.onnx")
    options = ["--speaker-model", str(tmp_path / "speaker.onnx")]
    assert prepare(corpus, tmp_path / "records", *options) == 0
    record_set = RecordSet(tmp_path / "records")
    waveform = load_waveform(corpus / record_set.utterances[4].path, 16000)
    expected = np.abs(waveform).mean() * np.arange(1, 6)
    np.testing.assert_allclose(record_set.auxiliary_inputs.speaker_embeddings[4], expected, rtol=1e-4)
    monkeypatch.setattr("acrnn.audio.load_waveform", lambda *arguments: pytest.fail("it was computed again"))
    assert prepare(corpus, tmp_path / "records", *options) == 0


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (("fbank", [1, "frames", 80]), r"m\.onnx: takes fbank tensor\(float\)"),
        (("sound", [1, 16000]), r"m\.onnx: takes waveforms of 16000 samples only, .* export it with a dynamic second"),
        (
            ("sound", [1, "samples"], "Add", np.zeros((1, 7))),
            r"m\.onnx: fails on a recording of 9600 samples \(0\.60 s\): .*; it must take recordings of any length",
        ),
    ],
    ids=["features", "one length", "another length"],
)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_model_that_does_not_take_waveforms_of_any_length_is_refused(model, message, jobs, corpus, tmp_path, capsys):
    write_onnx(tmp_path / "m.onnx", *model)
    assert prepare(corpus, tmp_path / "records", "--speaker-model", str(tmp_path / "m.onnx"), "--jobs", jobs) == 1
    errors = capsys.readouterr().err
    assert re.search(message, errors) and "Traceback" not in errors
