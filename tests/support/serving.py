"""A stand-in for TensorFlow Serving, with sounds and files to send to it."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import soundfile
import tensorflow as tf
from support.tiny_corpus import tiny_sound
from tensorflow_serving.apis import predict_pb2

EMOTIONS = ("high", "low", "noisy")
RATE = 16000


class Server:
    """Runs a version folder as tensorflow_model_server does: in a session, by the tensors of its signatures."""

    def __init__(self, folder: Path):
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            self.signatures = tf.compat.v1.saved_model.load(self.session, ["serve"], str(folder)).signature_def

    def run(self, signature: str, **inputs) -> dict[str, np.ndarray]:
        definition = self.signatures[signature]
        assert set(inputs) == set(definition.inputs), "input names are not the signature's"
        outputs = {name: tensor.name for name, tensor in definition.outputs.items()}
        return self.session.run(outputs, {definition.inputs[name].name: inputs[name] for name in inputs})

    def predict(self, message: bytes) -> bytes:
        """Returns the PredictResponse for a PredictRequest, both as bytes."""
        request = predict_pb2.PredictRequest.FromString(message)
        signature = request.model_spec.signature_name or "serving_default"
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        for name, value in inputs.items():
            assert tf.as_dtype(request.inputs[name].dtype) == self.dtype(signature, name), f"{name} is {value.dtype}"
        response = predict_pb2.PredictResponse(model_spec=request.model_spec)
        for name, value in self.run(signature, **inputs).items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response.SerializeToString()

    def rest(self, body: str) -> str:
        """Returns the body of the answer to POST /v1/models/NAME:predict, in rows or in columns."""
        request = json.loads(body)
        signature = request.get("signature_name", "serving_default")
        names = set(self.signatures[signature].inputs)
        in_rows = "instances" in request
        columns = columns_of(request["instances"], names) if in_rows else with_names(request["inputs"], names)
        inputs = {name: np.array(decoded(column), self.dtype(signature, name)) for name, column in columns.items()}
        outputs = {name: as_text(value.tolist()) for name, value in self.run(signature, **inputs).items()}
        rows = [dict(zip(outputs, row, strict=True)) for row in zip(*outputs.values(), strict=True)]
        return json.dumps({"predictions": rows} if in_rows else {"outputs": outputs})

    def dtype(self, signature: str, name: str):
        dtype = tf.as_dtype(self.signatures[signature].inputs[name].dtype)
        return object if dtype == tf.string else dtype.as_numpy_dtype


def with_names(value, names):
    """Adds the name of the input where a signature has only one; {"b64": …} is a value."""
    return value if isinstance(value, dict) and set(value) != {"b64"} else {next(iter(names)): value}


def columns_of(instances, names):
    rows = [with_names(instance, names) for instance in instances]
    return {name: [row[name] for row in rows] for name in names}


def decoded(value):
    if isinstance(value, dict):
        return base64.b64decode(value["b64"], validate=True)
    return [decoded(part) for part in value] if isinstance(value, list) else value


def as_text(value):
    if isinstance(value, list):
        return [as_text(part) for part in value]
    return value.decode() if isinstance(value, bytes) else value


def sound(number, seconds):
    """A sound quantized to 16 bits, so that a WAV file stores it exactly."""
    return np.round(tiny_sound(EMOTIONS[number % 3], seconds, number) * 20000).astype(np.int16)


def as_float(samples):
    return (samples / 32768).astype(np.float32)


def wav_file(samples, rate=RATE, subtype="PCM_16", container="WAV"):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, subtype=subtype, format=container)
    return buffer.getvalue()


def waveforms(*sounds):
    """Inputs of serving_default for sounds of any lengths, padded with zeros."""
    batch = np.zeros((len(sounds), max(map(len, sounds))), np.float32)
    for row, samples in zip(batch, sounds, strict=True):
        row[: len(samples)] = as_float(samples)
    return {"waveform": batch, "num_samples": np.array([len(samples) for samples in sounds], np.int32)}


def contents(*files):
    return np.array(files, object)


def asserted_equal(outputs, expected, tolerance=1e-6):
    """Asserts that outputs are equal, except that one may be padded with zeros to more segments."""
    assert set(outputs) == set(expected)
    for name in outputs:
        actual, other = np.asarray(outputs[name]), np.asarray(expected[name])
        assert len(actual) == len(other)
        if name in ("emotion", "error"):
            assert as_text(actual.tolist()) == as_text(other.tolist())
            continue
        sizes = np.maximum(actual.shape, other.shape)[1:]
        actual, other = padded(actual, sizes, "zero"), padded(other, sizes, "zero")
        np.testing.assert_allclose(actual, other, atol=tolerance, err_msg=name)


def in_rows(inputs):
    return [
        {name: value[row].tolist() for name, value in inputs.items()} for row in range(len(next(iter(inputs.values()))))
    ]


def padded(tensor, sizes, padding):
    value = tensor.flat[0] if padding == "first value" else 0
    widths = [(0, 0), *((0, size - own) for size, own in zip(sizes, tensor.shape[1:], strict=True))]
    return np.pad(tensor, widths, constant_values=value) if tensor.ndim > 1 else tensor
