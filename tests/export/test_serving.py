"""Serving: what TensorFlow Serving reads is as it reads it, and its requests are answered as it would answer them."""

import base64
import io
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import tensorflow as tf
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from support.tiny_corpus import TINY_NETWORK, tiny_sound
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2, prediction_service_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

from acrnn.audio import load_waveform
from acrnn.crossval import Experiment, cross_validate
from acrnn.export import serving, version_folder, wav
from acrnn.export.trained_model import TrainedModel
from acrnn.model_card import Card
from acrnn.recipes import Recipe

EMOTIONS = ("high", "low", "noisy")
RATE = 16000
OTHER_RATES = (8000, 11025, 22050, 24000, 32000, 44100, 48000)

SEGMENT_OUTPUTS = {
    "emotion": ("string", [None]),
    "probabilities": ("float32", [None, 3]),
    "logits": ("float32", [None, 3]),
    "attention": ("float32", [None, 300]),
}
UTTERANCE_OUTPUTS = {
    "emotion": ("string", [None]),
    "probabilities": ("float32", [None, 3]),
    "num_segments": ("int32", [None]),
    "segment_probabilities": ("float32", [None, None, 3]),
    "segment_start_seconds": ("float32", [None, None]),
    "segment_num_frames": ("int32", [None, None]),
    "attention": ("float32", [None, None, 300]),
}
WAVEFORMS = {"waveform": ("float32", [None, None]), "num_samples": ("int32", [None])}
SEGMENTS = {"features": ("float32", [None, 300, 40, 3]), "num_frames": ("int32", [None])}
SIGNATURES = {
    "serving_default": (WAVEFORMS, UTTERANCE_OUTPUTS),
    "wav_bytes": ({"contents": ("string", [None])}, UTTERANCE_OUTPUTS),
    "segments": (SEGMENTS, SEGMENT_OUTPUTS),
}


class Server:
    """What tensorflow_model_server does with a version folder: a session, fed and fetched by the signature's tensors."""

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
        """PredictRequest to PredictResponse, both as bytes."""
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
        """The body of POST /v1/models/NAME:predict to that of its answer, in rows or in columns."""
        request = json.loads(body)
        signature = request.get("signature_name", "serving_default")
        names = set(self.signatures[signature].inputs)
        in_rows = "instances" in request
        columns = _columns(request["instances"], names) if in_rows else _named(request["inputs"], names)
        inputs = {name: np.array(_plain(column), self.dtype(signature, name)) for name, column in columns.items()}
        outputs = {name: _text(value.tolist()) for name, value in self.run(signature, **inputs).items()}
        rows = [dict(zip(outputs, row, strict=True)) for row in zip(*outputs.values(), strict=True)]
        return json.dumps({"predictions": rows} if in_rows else {"outputs": outputs})

    def dtype(self, signature: str, name: str):
        found = tf.as_dtype(self.signatures[signature].inputs[name].dtype)
        return object if found == tf.string else found.as_numpy_dtype


def _named(value, names):
    """Of a signature with one input the name may be left out; {"b64": …} is a value and no names."""
    return value if isinstance(value, dict) and set(value) != {"b64"} else {next(iter(names)): value}


def _columns(instances, names):
    rows = [_named(instance, names) for instance in instances]
    return {name: [row[name] for row in rows] for name in names}


def _plain(value):
    if isinstance(value, dict):
        return base64.b64decode(value["b64"], validate=True)
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _text(value):
    if isinstance(value, list):
        return [_text(part) for part in value]
    return value.decode() if isinstance(value, bytes) else value


@pytest.fixture(scope="module")
def folder(tiny_records, tmp_path_factory):
    """A tiny network as it is served: the folder tiny/ with version 1."""
    run = tmp_path_factory.mktemp("run")
    recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs=1)
    experiment = Experiment(tiny_records, "chen2018-3d", recipe, options=TINY_NETWORK)
    cross_validate(experiment, run, folds=[0], announce=lambda line: None)
    out = tmp_path_factory.mktemp("models") / "tiny" / "1"
    version_folder.export(TrainedModel.of_run(run, 0), out, ("saved-model",), served=True)
    return out.parent


@pytest.fixture(scope="module")
def server(folder):
    return Server(folder / "1")


def sound(number, seconds):
    """A sound in 16 bits' steps, so that a WAV file holds it as it is."""
    return np.round(tiny_sound(EMOTIONS[number % 3], seconds, number) * 20000).astype(np.int16)


def as_float(samples):
    return (samples / 32768).astype(np.float32)


def wav_file(samples, rate=RATE, subtype="PCM_16", container="WAV"):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, subtype=subtype, format=container)
    return buffer.getvalue()


def waveforms(*sounds):
    """The inputs of serving_default for sounds of one length or of several, zero beyond their ends."""
    batch = np.zeros((len(sounds), max(map(len, sounds))), np.float32)
    for row, one in zip(batch, sounds, strict=True):
        row[: len(one)] = as_float(one)
    return {"waveform": batch, "num_samples": np.array([len(one) for one in sounds], np.int32)}


def contents(*files):
    return np.array(files, object)


def asserted_equal(said, expected, tolerance=1e-6):
    """Two answers say the same, though one may have room for more segments; the room is zero."""
    assert set(said) == set(expected)
    for name in said:
        one, other = np.asarray(said[name]), np.asarray(expected[name])
        assert len(one) == len(other)
        if name == "emotion":
            assert _text(one.tolist()) == _text(other.tolist())
            continue
        sizes = np.maximum(one.shape, other.shape)[1:]
        one, other = _padded(one, sizes, "zero"), _padded(other, sizes, "zero")
        np.testing.assert_allclose(one, other, atol=tolerance, err_msg=name)


# ------------------------------------------------------------------------------------------------ the SavedModel


def described(tensors):
    found = {}
    for name, tensor in tensors.items():
        assert not tensor.tensor_shape.unknown_rank
        shape = [None if size.size < 0 else size.size for size in tensor.tensor_shape.dim]
        found[name] = (tf.as_dtype(tensor.dtype).name, shape)
    return found


def test_saved_model_pb_holds_the_signatures_that_are_promised(folder):
    model = saved_model_pb2.SavedModel.FromString((folder / "1" / "saved_model.pb").read_bytes())
    (graph,) = model.meta_graphs
    assert list(graph.meta_info_def.tags) == ["serve"]
    assert set(graph.signature_def) - {"__saved_model_init_op"} == set(SIGNATURES)
    for name, (inputs, outputs) in SIGNATURES.items():
        signature = graph.signature_def[name]
        assert signature.method_name == "tensorflow/serving/predict"
        assert described(signature.inputs) == inputs
        assert described(signature.outputs) == outputs
        assert {shape[0] for _, shape in [*inputs.values(), *outputs.values()]} == {None}


def test_saved_model_cli_shows_every_signature(folder):
    command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", "show", "--dir", folder / "1", "--all"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for name, (inputs, outputs) in SIGNATURES.items():
        part = shown.partition(f"signature_def['{name}']")[2].partition("signature_def[")[0]
        for key in inputs:
            assert f"inputs['{key}'] tensor_info" in part
        for key in outputs:
            assert f"outputs['{key}'] tensor_info" in part


def test_it_loads_and_answers_where_tensorflow_is_alone(folder, server, tmp_path):
    np.save(tmp_path / "sound.npy", waveforms(sound(0, 3.4))["waveform"])
    empty = tmp_path / "empty"
    empty.mkdir()
    program = (
        "import sys\n"
        "for name in ('acrnn', 'keras', 'tf_keras', 'librosa', 'soundfile', 'soxr'): sys.modules[name] = None\n"
        "import numpy, tensorflow as tf\n"
        f"sound = numpy.load({str(tmp_path / 'sound.npy')!r})\n"
        f"function = tf.saved_model.load({str(folder / '1')!r}).signatures['serving_default']\n"
        "said = function(waveform=tf.constant(sound), num_samples=tf.constant([sound.shape[1]]))\n"
        "print(said['emotion'].numpy()[0].decode(), *said['probabilities'].numpy()[0])\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], cwd=empty, capture_output=True, text=True, check=True)
    emotion, *probabilities = done.stdout.split()
    expected = server.run("serving_default", **waveforms(sound(0, 3.4)))
    assert emotion == expected["emotion"][0].decode()
    np.testing.assert_allclose(np.array(probabilities, float), expected["probabilities"][0], atol=1e-6)


# ------------------------------------------------------------------------------------------------- gRPC and REST


def test_a_request_in_bytes_is_answered_in_bytes(server):
    inputs = waveforms(sound(0, 1.0), sound(1, 3.4), sound(2, 0.5))
    request = serving.predict_request("tiny", "serving_default", inputs)
    assert request.model_spec.name == "tiny"
    response = predict_pb2.PredictResponse.FromString(server.predict(request.SerializeToString()))
    said = {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}
    asserted_equal(said, server.run("serving_default", **inputs))
    assert said["num_segments"].tolist() == [1, 2, 1]
    np.testing.assert_allclose(said["probabilities"].sum(axis=1), 1, atol=1e-6)
    assert np.ptp(said["probabilities"], axis=0).max() > 1e-3  # or else no test here compares anything
    assert [name.decode() for name in said["emotion"]] == [EMOTIONS[n] for n in said["probabilities"].argmax(axis=1)]


def in_rows(inputs):
    return [
        {name: value[row].tolist() for name, value in inputs.items()} for row in range(len(next(iter(inputs.values()))))
    ]


def test_rest_in_rows_and_in_columns_says_what_grpc_says(server):
    inputs = waveforms(sound(0, 1.0), sound(1, 0.7))
    expected = server.run("serving_default", **inputs)
    columns = json.loads(server.rest(json.dumps({"inputs": {name: value.tolist() for name, value in inputs.items()}})))
    rows = json.loads(server.rest(json.dumps({"instances": in_rows(inputs)})))
    asserted_equal(columns["outputs"], expected)
    asserted_equal({name: [row[name] for row in rows["predictions"]] for name in expected}, expected)


def test_rest_takes_wav_files_in_base64(server):
    files = [wav_file(sound(0, 1.0)), wav_file(sound(1, 3.4))]
    expected = server.run("wav_bytes", contents=contents(*files))
    coded = [{"b64": base64.b64encode(file).decode()} for file in files]
    for body in (
        {"inputs": {"contents": coded}},
        {"inputs": coded},
        {"instances": [{"contents": one} for one in coded]},
        {"instances": coded},
    ):
        said = json.loads(server.rest(json.dumps({"signature_name": "wav_bytes", **body})))
        if "instances" in body:
            said["outputs"] = {name: [row[name] for row in said["predictions"]] for name in expected}
        asserted_equal(said["outputs"], expected)


# --------------------------------------------------------------------------------------- beside the SavedModel


def test_every_warm_up_request_can_be_answered(folder, server):
    path = folder / "1" / "assets.extra" / "tf_serving_warmup_requests"
    seen = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        signature = request.model_spec.signature_name
        assert request.model_spec.name == "tiny" == Card.read(folder / "1").name
        for name, (dtype, shape) in SIGNATURES[signature][0].items():
            tensor = request.inputs[name]
            assert tf.as_dtype(tensor.dtype).name == dtype
            assert tf.TensorShape(tensor.tensor_shape).is_compatible_with(shape)
        response = predict_pb2.PredictResponse.FromString(server.predict(request.SerializeToString()))
        seen.append((signature, *tf.make_ndarray(response.outputs["segment_probabilities"]).shape[:2]))
    assert set(seen) == {
        ("serving_default", 1, 1),
        ("serving_default", 2, 1),
        ("serving_default", 1, 2),
        ("wav_bytes", 1, 1),
    }


def strict_batching_parameters():
    """BatchingParameters of tensorflow_serving's session_bundle_config.proto, which its Python package leaves out."""
    file = descriptor_pb2.FileDescriptorProto(name="batching.proto", package="tensorflow.serving", syntax="proto3")
    file.dependency.append("google/protobuf/wrappers.proto")
    message = file.message_type.add(name="BatchingParameters")
    for number, name in enumerate(
        ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads"), start=1
    ):
        message.field.add(name=name, number=number, type=11, label=1, type_name=".google.protobuf.Int64Value")
    message.field.add(name="thread_pool_name", number=5, type=11, label=1, type_name=".google.protobuf.StringValue")
    message.field.add(name="allowed_batch_sizes", number=6, type=3, label=3)
    message.field.add(name="pad_variable_length_inputs", number=7, type=8, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.serving.BatchingParameters"))


def test_batching_config_is_read_as_the_server_reads_it(folder):
    found = text_format.Parse((folder / "batching.config").read_text(), strict_batching_parameters()())
    assert found.pad_variable_length_inputs
    assert found.max_batch_size.value == 16 and not found.allowed_batch_sizes
    assert found.batch_timeout_micros.value > 0 and found.num_batch_threads.value >= 1
    assert found.max_enqueued_batches.value >= 1


def test_models_config_names_the_folder_that_the_compose_file_mounts(folder):
    read = text_format.Parse((folder / "models.config").read_text(), model_server_config_pb2.ModelServerConfig())
    (model,) = read.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("tiny", "/models/tiny", "tensorflow")
    assert model.model_version_policy.latest.num_versions == 1
    assert folder.name == model.name and (folder / "1" / "saved_model.pb").exists()
    ((_, service),) = yaml.safe_load((folder / "compose.yaml").read_text())["services"].items()
    assert service["volumes"] == [f".:{model.base_path}:ro"]
    flags = dict(flag.partition("=")[::2] for flag in service["command"])
    for flag, name in (("--model_config_file", "models.config"), ("--batching_parameters_file", "batching.config")):
        assert flags[flag] == f"{model.base_path}/{name}" and (folder / name).exists()
    assert "--enable_batching" in flags
    assert service["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]
    assert service["image"].startswith("tensorflow/serving:")


# ------------------------------------------------------------------------------------------------------ batching


def test_a_configuration_that_somebody_changed_is_kept(tmp_path):
    serving.write_configuration(tmp_path)
    (tmp_path / "batching.config").write_text("mine")
    (tmp_path / "compose.yaml").unlink()
    serving.write_configuration(tmp_path)
    assert (tmp_path / "batching.config").read_text() == "mine"
    assert (tmp_path / "compose.yaml").exists()


def merged(requests, padding):
    """What a batching server makes of requests: tensors padded to the longest, one after the other along the first axis.

    TensorFlow Serving pads with the first value of a tensor (PadTensor in batching_util.cc).
    """
    whole = {}
    for name in requests[0]:
        tensors = [request[name] for request in requests]
        sizes = np.max([tensor.shape for tensor in tensors], axis=0)[1:]
        whole[name] = np.concatenate([_padded(tensor, sizes, padding) for tensor in tensors])
    return whole


def _padded(tensor, sizes, padding):
    value = tensor.flat[0] if padding == "first value" else 0
    widths = [(0, 0), *((0, size - own) for size, own in zip(sizes, tensor.shape[1:], strict=True))]
    return np.pad(tensor, widths, constant_values=value) if tensor.ndim > 1 else tensor


def split(outputs, counts):
    """The answers of requests from that of their batch; every output is cut along its first axis."""
    for value in outputs.values():
        assert len(value) == sum(counts)
    ends = np.cumsum(counts)
    return [
        {name: value[end - n : end] for name, value in outputs.items()} for n, end in zip(counts, ends, strict=True)
    ]


@pytest.mark.parametrize("padding", ["first value", "zero"])
def test_requests_merged_by_the_server_are_answered_as_alone(server, padding):
    requests = [waveforms(sound(0, 0.4)), waveforms(sound(1, 6.1), sound(2, 1.7)), waveforms(sound(3, 3.2))]
    said = split(server.run("serving_default", **merged(requests, padding)), [1, 2, 1])
    for one, request in zip(said, requests, strict=True):
        asserted_equal(one, server.run("serving_default", **request), 1e-5)


def test_files_and_segments_merged_by_the_server_are_answered_as_alone(server):
    generator = np.random.default_rng(0)
    features = generator.normal(0, 1, (3, 300, 40, 3)).astype(np.float32)
    parts = [
        {"features": features[:1], "num_frames": np.array([40], np.int32)},
        {"features": features[1:], "num_frames": np.array([300, 1], np.int32)},
    ]
    files = [{"contents": contents(wav_file(sound(1, 3.5)))}, {"contents": contents(wav_file(sound(0, 0.4), 8000))}]
    for signature, requests, counts in (("segments", parts, [1, 2]), ("wav_bytes", files, [1, 1])):
        said = split(server.run(signature, **merged(requests, "first value")), counts)
        for one, request in zip(said, requests, strict=True):
            asserted_equal(one, server.run(signature, **request), 1e-5)


def test_a_bad_waveform_fails_the_batch_and_the_message_says_which_row_it_was(server):
    requests = [waveforms(sound(0, 0.4)), waveforms(sound(1, 0.7))]
    requests[1]["waveform"][0, 100] = np.nan
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"NaN or infinite samples\] \[in row\] \[\[1\]\]"):
        server.run("serving_default", **merged(requests, "first value"))


def test_padding_that_is_not_finite_is_never_looked_at(server):
    request = waveforms(sound(0, 0.4), sound(1, 0.7))
    expected = server.run("serving_default", **request)
    request["waveform"][0, int(0.4 * RATE) :] = np.nan
    asserted_equal(server.run("serving_default", **request), expected)


# ----------------------------------------------------------------------------------------------------- WAV files


def test_a_wav_file_is_heard_as_its_samples(server):
    sounds = [sound(0, 0.9), sound(1, 3.6), sound(2, 0.025)]
    said = server.run("wav_bytes", contents=contents(*map(wav_file, sounds)))
    asserted_equal(said, server.run("serving_default", **waveforms(*sounds)))


def test_stereo_is_mixed_down(server):
    left, right = sound(0, 1.2), sound(2, 1.2)
    said = server.run("wav_bytes", contents=contents(wav_file(np.stack([left, right], axis=1))))
    mixed = {"waveform": (as_float(left) + as_float(right))[None] / 2, "num_samples": np.array([len(left)], np.int32)}
    asserted_equal(said, server.run("serving_default", **mixed))


@tf.function(input_signature=[tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32)])
def resampled(waveform, rate):
    return wav.resample(waveform, rate, RATE)


def band_limited(rate, seconds, share=0.85):
    """Noise below a share of the lower of both Nyquist rates."""
    count = int(rate * seconds)
    spectrum = np.fft.rfft(np.random.default_rng(rate).normal(0, 0.2, count))
    spectrum[np.fft.rfftfreq(count, 1 / rate) > share * min(rate, RATE) / 2] = 0
    return np.fft.irfft(spectrum, count).astype(np.float32)


@pytest.mark.parametrize("rate", OTHER_RATES)
@pytest.mark.parametrize("seconds", [0.0301, 1.3])
def test_other_rates_become_what_soxr_makes_of_them(rate, seconds):
    waveform = band_limited(rate, seconds)
    found, expected = resampled(waveform, rate).numpy(), soxr.resample(waveform, rate, RATE, quality="VHQ")
    assert len(found) == round(len(waveform) * RATE / rate)
    expected = np.pad(expected, (0, 1))[: len(found)]
    if seconds < 1:
        return
    middle = slice(400, len(found) - 400)  # the ends hold the ringing of a cut, of each in its own way
    error = np.linalg.norm((found - expected)[middle]) / np.linalg.norm(expected[middle])
    assert error < 5e-4  # measured: 2.9e-4 to 3.1e-4, -70 dB; the window lets 16 bits' last steps pass
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 2e-3  # measured, ends included: 1.3e-3


@pytest.mark.parametrize("rate", [22050, 24000, 32000, 44100, 48000])
def test_a_tone_above_the_band_is_gone_after_resampling(rate):
    hz = 1.1 * RATE / 2
    tone = np.sin(2 * np.pi * hz * np.arange(rate) / rate).astype(np.float32)
    left = resampled(tone, rate).numpy()[400:-400]
    assert 20 * np.log10(left.std() / tone.std()) < -60  # measured: -63.8 to -64.4 dB


def test_a_long_file_of_a_high_rate_takes_little_memory():
    resampled(np.zeros(48000, np.float32), 48000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(resampled(np.zeros(120 * 48000, np.float32), 48000)) == 120 * RATE
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
    )  # kB; windows a sample apart take 2.5 GB


@pytest.mark.skipif(
    "EMODB_ROOT" not in os.environ, reason="set EMODB_ROOT to a folder with Emo-DB's wav/ for real speech"
)
def test_real_speech_of_any_rate_is_heard_alike(server):
    paths = sorted(Path(os.environ["EMODB_ROOT"]).rglob("*.wav"))[::60]
    speech = [load_waveform(path, RATE) for path in paths]
    batch = np.zeros((len(speech), max(map(len, speech))), np.float32)
    for row, one in zip(batch, speech, strict=True):
        row[: len(one)] = one
    expected = server.run(
        "serving_default", waveform=batch, num_samples=np.array([len(one) for one in speech], np.int32)
    )
    said = server.run("wav_bytes", contents=contents(*(path.read_bytes() for path in paths)))
    asserted_equal(said, expected)
    for rate in (22050, 44100, 48000):
        files = [wav_file(soxr.resample(one, RATE, rate, quality="VHQ"), rate) for one in speech]
        heard = server.run("wav_bytes", contents=contents(*files))["probabilities"]
        np.testing.assert_allclose(heard, expected["probabilities"], atol=0.02)


# ------------------------------------------------------------------------------------------------------ refusals

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
def test_a_file_that_cannot_be_heard_is_refused_at_once(server, file, message):
    started = time.monotonic()
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        server.run("wav_bytes", contents=contents(wav_file(SOUND), file))
    assert time.monotonic() - started < 30  # 44101 Hz would take minutes, and all memory, were it refused at the end


def spoilt(**changes):
    """Two good waveforms, and the second spoilt: samples[1, 7] = value, or another num_samples."""
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
        server.run("serving_default", **spoilt(**changes))


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
    said = server.run("segments", features=features, num_frames=counts)
    features[1, 200:] = 0
    asserted_equal(said, server.run("segments", features=features, num_frames=counts))


# -------------------------------------------------------------------------------------------------- a real server


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(address, process, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                if b"AVAILABLE" in answer.read():
                    return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.3)
    pytest.fail("the server did not become available")


@pytest.fixture(scope="module")
def real_server(folder, tmp_path_factory):
    """tensorflow_model_server on the folder: its address for REST and that for gRPC."""
    if not (program := shutil.which("tensorflow_model_server")):
        pytest.skip("no tensorflow_model_server on PATH; install tensorflow-model-server to ask a real server")
    here = tmp_path_factory.mktemp("server")
    (here / "models.config").write_text((folder / "models.config").read_text().replace("/models/tiny", str(folder)))
    grpc_port, rest_port = free_port(), free_port()
    command = [program, f"--port={grpc_port}", f"--rest_api_port={rest_port}"]
    command += [f"--model_config_file={here / 'models.config'}", "--enable_batching"]
    command += [f"--batching_parameters_file={folder / 'batching.config'}"]
    with (here / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            address = f"http://127.0.0.1:{rest_port}/v1/models/tiny"
            wait_for(address, process)
            yield address, f"127.0.0.1:{grpc_port}"
        finally:
            process.terminate()


def test_a_real_server_says_the_same_over_grpc(real_server, server):
    import grpc

    inputs = waveforms(sound(0, 1.0), sound(1, 3.4))
    with grpc.insecure_channel(real_server[1]) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = stub.Predict(serving.predict_request("tiny", "serving_default", inputs), timeout=60)
    said = {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}
    asserted_equal(said, server.run("serving_default", **inputs), 1e-4)


def test_a_real_server_says_the_same_over_rest(real_server, server):
    coded = {"b64": base64.b64encode(wav_file(sound(1, 3.4))).decode()}
    bodies = [
        json.dumps({"signature_name": "wav_bytes", "instances": [coded]}),
        json.dumps({"instances": in_rows(waveforms(sound(0, 1.0), sound(1, 0.7)))}),
    ]
    for body in bodies:
        with urllib.request.urlopen(real_server[0] + ":predict", body.encode(), timeout=60) as answer:
            found = json.load(answer)["predictions"]
        expected = json.loads(server.rest(body))["predictions"]
        for one, other in zip(found, expected, strict=True):
            assert one["emotion"] == other["emotion"] and one["num_segments"] == other["num_segments"]
            np.testing.assert_allclose(one["probabilities"], other["probabilities"], atol=1e-4)
