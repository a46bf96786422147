"""Requests: TensorFlow Serving's gRPC, REST, batching and WAV files give the outputs of the model itself."""

import base64
import json
import os
import resource
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import soxr
import tensorflow as tf
from support.ports import free_port
from support.serving import (
    EMOTIONS,
    RATE,
    as_float,
    asserted_equal,
    contents,
    in_rows,
    padded,
    sound,
    wav_file,
    waveforms,
)
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from acrnn.audio import load_waveform
from acrnn.export import serving, wav

OTHER_RATES = (8000, 11025, 22050, 24000, 32000, 44100, 48000)


def test_a_grpc_request_gets_the_outputs_of_the_model(server):
    inputs = waveforms(sound(0, 1.0), sound(1, 3.4), sound(2, 0.5))
    request = serving.predict_request("tiny", "serving_default", inputs)
    assert request.model_spec.name == "tiny"
    response = predict_pb2.PredictResponse.FromString(server.predict(request.SerializeToString()))
    outputs = {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}
    asserted_equal(outputs, server.run("serving_default", **inputs))
    assert outputs["num_segments"].tolist() == [1, 2, 1]
    np.testing.assert_allclose(outputs["probabilities"].sum(axis=1), 1, atol=1e-6)
    assert np.ptp(outputs["probabilities"], axis=0).max() > 1e-3  # otherwise the comparisons here would show nothing
    assert [name.decode() for name in outputs["emotion"]] == [
        EMOTIONS[n] for n in outputs["probabilities"].argmax(axis=1)
    ]


def test_rest_in_rows_and_in_columns_gives_the_same_outputs_as_grpc(server):
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
        {"instances": [{"contents": file} for file in coded]},
        {"instances": coded},
    ):
        outputs = json.loads(server.rest(json.dumps({"signature_name": "wav_bytes", **body})))
        if "instances" in body:
            outputs["outputs"] = {name: [row[name] for row in outputs["predictions"]] for name in expected}
        asserted_equal(outputs["outputs"], expected)


def merged(requests, padding):
    """Merges requests as a batching server does: tensors padded to the longest and concatenated along the first axis.

    TensorFlow Serving pads with the first value of a tensor (PadTensor in batching_util.cc).
    """
    whole = {}
    for name in requests[0]:
        tensors = [request[name] for request in requests]
        sizes = np.max([tensor.shape for tensor in tensors], axis=0)[1:]
        whole[name] = np.concatenate([padded(tensor, sizes, padding) for tensor in tensors])
    return whole


def split(outputs, counts):
    """Splits the outputs of a batch into those of its requests, along the first axis."""
    for value in outputs.values():
        assert len(value) == sum(counts)
    ends = np.cumsum(counts)
    return [
        {name: value[end - n : end] for name, value in outputs.items()} for n, end in zip(counts, ends, strict=True)
    ]


@pytest.mark.parametrize("padding", ["first value", "zero"])
def test_requests_that_the_server_merges_get_the_same_outputs_as_alone(server, padding):
    requests = [waveforms(sound(0, 0.4)), waveforms(sound(1, 6.1), sound(2, 1.7)), waveforms(sound(3, 3.2))]
    outputs = split(server.run("serving_default", **merged(requests, padding)), [1, 2, 1])
    for output, request in zip(outputs, requests, strict=True):
        asserted_equal(output, server.run("serving_default", **request), 1e-5)


def test_files_and_segments_that_the_server_merges_get_the_same_outputs_as_alone(server):
    generator = np.random.default_rng(0)
    features = generator.normal(0, 1, (3, 300, 40, 3)).astype(np.float32)
    parts = [
        {"features": features[:1], "num_frames": np.array([40], np.int32)},
        {"features": features[1:], "num_frames": np.array([300, 1], np.int32)},
    ]
    files = [{"contents": contents(wav_file(sound(1, 3.5)))}, {"contents": contents(wav_file(sound(0, 0.4), 8000))}]
    for signature, requests, counts in (("segments", parts, [1, 2]), ("wav_bytes", files, [1, 1])):
        outputs = split(server.run(signature, **merged(requests, "first value")), counts)
        for output, request in zip(outputs, requests, strict=True):
            asserted_equal(output, server.run(signature, **request), 1e-5)


def test_a_bad_waveform_fails_its_own_request_alone(server):
    requests = [waveforms(sound(0, 0.4)), waveforms(sound(1, 0.7)), waveforms(sound(2, 3.2))]
    requests[1]["waveform"][0, 100] = np.nan
    outputs = split(server.run("serving_default", **merged(requests, "first value")), [1, 1, 1])
    assert [output["error"][0] for output in outputs] == [b"", b"NaN or infinite samples", b""]
    for place in (0, 2):
        asserted_equal(outputs[place], server.run("serving_default", **requests[place]), 1e-5)


def test_the_answer_to_a_bad_waveform_is_json_by_the_standard(server):
    inputs = waveforms(sound(0, 1.0), 0 * sound(1, 1.0))
    answer = server.rest(json.dumps({"instances": in_rows(inputs)}))
    assert "NaN" not in answer and "Infinity" not in answer
    assert [row["error"] for row in json.loads(answer)["predictions"]] == ["", "all samples are equal, silence"]


def test_padding_that_is_not_finite_is_ignored(server):
    request = waveforms(sound(0, 0.4), sound(1, 0.7))
    expected = server.run("serving_default", **request)
    request["waveform"][0, int(0.4 * RATE) :] = np.nan
    asserted_equal(server.run("serving_default", **request), expected)


def test_a_wav_file_gets_the_outputs_of_its_samples(server):
    sounds = [sound(0, 0.9), sound(1, 3.6), sound(2, 0.025)]
    outputs = server.run("wav_bytes", contents=contents(*map(wav_file, sounds)))
    asserted_equal(outputs, server.run("serving_default", **waveforms(*sounds)))


def test_stereo_is_mixed_down(server):
    left, right = sound(0, 1.2), sound(2, 1.2)
    outputs = server.run("wav_bytes", contents=contents(wav_file(np.stack([left, right], axis=1))))
    mixed = {"waveform": (as_float(left) + as_float(right))[None] / 2, "num_samples": np.array([len(left)], np.int32)}
    asserted_equal(outputs, server.run("serving_default", **mixed))


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
def test_other_rates_are_resampled_as_by_soxr(rate, seconds):
    waveform = band_limited(rate, seconds)
    result, expected = resampled(waveform, rate).numpy(), soxr.resample(waveform, rate, RATE, quality="VHQ")
    assert len(result) == round(len(waveform) * RATE / rate)
    expected = np.pad(expected, (0, 1))[: len(result)]
    if seconds < 1:
        return
    middle = slice(400, len(result) - 400)  # the ends hold the ringing of a cut, of each in its own way
    error = np.linalg.norm((result - expected)[middle]) / np.linalg.norm(expected[middle])
    assert error < 5e-4  # measured: 2.9e-4 to 3.1e-4, -70 dB; the window lets 16 bits' last steps pass
    assert np.linalg.norm(result - expected) / np.linalg.norm(expected) < 2e-3  # measured, ends included: 1.3e-3


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
def test_real_speech_is_recognized_alike_at_any_rate(server):
    paths = sorted(Path(os.environ["EMODB_ROOT"]).rglob("*.wav"))[::60]
    speech = [load_waveform(path, RATE) for path in paths]
    batch = np.zeros((len(speech), max(map(len, speech))), np.float32)
    for row, waveform in zip(batch, speech, strict=True):
        row[: len(waveform)] = waveform
    expected = server.run(
        "serving_default", waveform=batch, num_samples=np.array([len(waveform) for waveform in speech], np.int32)
    )
    outputs = server.run("wav_bytes", contents=contents(*(path.read_bytes() for path in paths)))
    asserted_equal(outputs, expected)
    for rate in (22050, 44100, 48000):
        files = [wav_file(soxr.resample(each, RATE, rate, quality="VHQ"), rate) for each in speech]
        probabilities = server.run("wav_bytes", contents=contents(*files))["probabilities"]
        np.testing.assert_allclose(probabilities, expected["probabilities"], atol=0.02)


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
def real_server(served_folder, tmp_path_factory):
    """tensorflow_model_server on the served_folder: its address for REST and that for gRPC."""
    if not (program := shutil.which("tensorflow_model_server")):
        pytest.skip("no tensorflow_model_server on PATH; install tensorflow-model-server to ask a real server")
    here = tmp_path_factory.mktemp("server")
    (here / "models.config").write_text(
        (served_folder / "models.config").read_text().replace("/models/tiny", str(served_folder))
    )
    grpc_port, rest_port = free_port(), free_port()
    command = [program, f"--port={grpc_port}", f"--rest_api_port={rest_port}"]
    command += [f"--model_config_file={here / 'models.config'}", "--enable_batching"]
    command += [f"--batching_parameters_file={served_folder / 'batching.config'}"]
    with (here / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            address = f"http://127.0.0.1:{rest_port}/v1/models/tiny"
            wait_for(address, process)
            yield address, f"127.0.0.1:{grpc_port}"
        finally:
            process.terminate()


def test_a_real_server_gives_the_same_outputs_over_grpc(real_server, server):
    import grpc

    inputs = waveforms(sound(0, 1.0), sound(1, 3.4))
    with grpc.insecure_channel(real_server[1]) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = stub.Predict(serving.predict_request("tiny", "serving_default", inputs), timeout=60)
    outputs = {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}
    asserted_equal(outputs, server.run("serving_default", **inputs), 1e-4)


def test_a_real_server_gives_the_same_outputs_over_rest(real_server, server):
    coded = {"b64": base64.b64encode(wav_file(sound(1, 3.4))).decode()}
    bodies = [
        json.dumps({"signature_name": "wav_bytes", "instances": [coded]}),
        json.dumps({"instances": in_rows(waveforms(sound(0, 1.0), sound(1, 0.7)))}),
    ]
    for body in bodies:
        with urllib.request.urlopen(real_server[0] + ":predict", body.encode(), timeout=60) as answer:
            predictions = json.load(answer)["predictions"]
        expected = json.loads(server.rest(body))["predictions"]
        for prediction, other in zip(predictions, expected, strict=True):
            assert prediction["emotion"] == other["emotion"] and prediction["num_segments"] == other["num_segments"]
            np.testing.assert_allclose(prediction["probabilities"], other["probabilities"], atol=1e-4)
