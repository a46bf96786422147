"""The files for TensorFlow Serving: signatures, warm-up requests and configuration are as the server reads them."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from support.serving import as_float, sound, waveforms
from support.tiny_corpus import TINY_NETWORK
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from acrnn.export import serving
from acrnn.model_card import Card

UNITS = TINY_NETWORK["dense_units"]
SEGMENT_OUTPUTS = {
    "emotion": ("string", [None]),
    "error": ("string", [None]),
    "error_code": ("int32", [None]),
    "probabilities": ("float32", [None, 3]),
    "logits": ("float32", [None, 3]),
    "attention": ("float32", [None, 300]),
    "embeddings": ("float32", [None, UNITS]),
}
UTTERANCE_OUTPUTS = {
    "emotion": ("string", [None]),
    "error": ("string", [None]),
    "error_code": ("int32", [None]),
    "probabilities": ("float32", [None, 3]),
    "num_segments": ("int32", [None]),
    "segment_probabilities": ("float32", [None, None, 3]),
    "segment_start_seconds": ("float32", [None, None]),
    "segment_num_frames": ("int32", [None, None]),
    "attention": ("float32", [None, None, 300]),
    "segment_embeddings": ("float32", [None, None, UNITS]),
}
WAVEFORMS = {"waveform": ("float32", [None, None]), "num_samples": ("int32", [None])}
SEGMENTS = {"features": ("float32", [None, 300, 40, 3]), "num_frames": ("int32", [None])}
SIGNATURES = {
    "serving_default": (WAVEFORMS, UTTERANCE_OUTPUTS),
    "wav_bytes": ({"contents": ("string", [None])}, UTTERANCE_OUTPUTS),
    "segments": (SEGMENTS, SEGMENT_OUTPUTS),
    "speaker": ({**WAVEFORMS, "speaker_dense": ("float32", [None, 2, UNITS])}, UTTERANCE_OUTPUTS),
}


def described(tensors):
    tensor_infos = {}
    for name, tensor in tensors.items():
        assert not tensor.tensor_shape.unknown_rank
        shape = [None if size.size < 0 else size.size for size in tensor.tensor_shape.dim]
        tensor_infos[name] = (tf.as_dtype(tensor.dtype).name, shape)
    return tensor_infos


def test_saved_model_pb_holds_the_documented_signatures(served_folder):
    model = saved_model_pb2.SavedModel.FromString((served_folder / "1" / "saved_model.pb").read_bytes())
    (graph,) = model.meta_graphs
    assert list(graph.meta_info_def.tags) == ["serve"]
    assert set(graph.signature_def) - {"__saved_model_init_op"} == set(SIGNATURES)
    for name, (inputs, outputs) in SIGNATURES.items():
        signature = graph.signature_def[name]
        assert signature.method_name == "tensorflow/serving/predict"
        assert described(signature.inputs) == inputs
        assert described(signature.outputs) == outputs
        assert {shape[0] for _, shape in [*inputs.values(), *outputs.values()]} == {None}


def test_saved_model_cli_shows_every_signature(served_folder):
    command = [
        sys.executable,
        "-m",
        "tensorflow.python.tools.saved_model_cli",
        "show",
        "--dir",
        served_folder / "1",
        "--all",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for name, (inputs, outputs) in SIGNATURES.items():
        part = shown.partition(f"signature_def['{name}']")[2].partition("signature_def[")[0]
        for key in inputs:
            assert f"inputs['{key}'] tensor_info" in part
        for key in outputs:
            assert f"outputs['{key}'] tensor_info" in part


def test_it_runs_where_only_tensorflow_is_installed(served_folder, server, tmp_path):
    np.save(tmp_path / "sound.npy", waveforms(sound(0, 3.4))["waveform"])
    empty = tmp_path / "empty"
    empty.mkdir()
    program = (
        "import sys\n"
        "for name in ('acrnn', 'keras', 'tf_keras', 'librosa', 'soundfile', 'soxr'): sys.modules[name] = None\n"
        "import numpy, tensorflow as tf\n"
        f"sound = numpy.load({str(tmp_path / 'sound.npy')!r})\n"
        f"function = tf.saved_model.load({str(served_folder / '1')!r}).signatures['serving_default']\n"
        "outputs = function(waveform=tf.constant(sound), num_samples=tf.constant([sound.shape[1]]))\n"
        "print(outputs['emotion'].numpy()[0].decode(), *outputs['probabilities'].numpy()[0])\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], cwd=empty, capture_output=True, text=True, check=True)
    emotion, *probabilities = done.stdout.split()
    expected = server.run("serving_default", **waveforms(sound(0, 3.4)))
    assert emotion == expected["emotion"][0].decode()
    np.testing.assert_allclose(np.array(probabilities, float), expected["probabilities"][0], atol=1e-6)


def test_every_warm_up_request_can_be_answered(served_folder, server):
    path = served_folder / "1" / "assets.extra" / "tf_serving_warmup_requests"
    seen = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        signature = request.model_spec.signature_name
        assert request.model_spec.name == "tiny" == Card.read(served_folder / "1").name
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


def test_batching_config_is_read_as_the_server_reads_it(served_folder):
    parameters = text_format.Parse((served_folder / "batching.config").read_text(), strict_batching_parameters()())
    assert parameters.pad_variable_length_inputs
    assert parameters.max_batch_size.value == 16 and not parameters.allowed_batch_sizes
    assert parameters.batch_timeout_micros.value > 0 and parameters.num_batch_threads.value >= 1
    assert parameters.max_enqueued_batches.value >= 1


def test_models_config_names_the_folder_that_the_compose_file_mounts(served_folder):
    read = text_format.Parse((served_folder / "models.config").read_text(), model_server_config_pb2.ModelServerConfig())
    (model,) = read.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("tiny", "/models/tiny", "tensorflow")
    assert model.model_version_policy.latest.num_versions == 1
    assert served_folder.name == model.name and (served_folder / "1" / "saved_model.pb").exists()
    ((_, service),) = yaml.safe_load((served_folder / "compose.yaml").read_text())["services"].items()
    assert service["volumes"] == [f".:{model.base_path}:ro"]
    flags = dict(flag.partition("=")[::2] for flag in service["command"])
    for flag, name in (("--model_config_file", "models.config"), ("--batching_parameters_file", "batching.config")):
        assert flags[flag] == f"{model.base_path}/{name}" and (served_folder / name).exists()
    assert "--enable_batching" in flags
    assert service["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]
    assert service["image"].startswith("tensorflow/serving:")


def test_a_configuration_that_the_user_changed_is_kept(tmp_path):
    serving.write_configuration(tmp_path)
    (tmp_path / "batching.config").write_text("mine")
    (tmp_path / "compose.yaml").unlink()
    serving.write_configuration(tmp_path)
    assert (tmp_path / "batching.config").read_text() == "mine"
    assert (tmp_path / "compose.yaml").exists()


def test_requests_of_several_threads_have_the_answers_of_requests_one_after_the_other(served_folder):
    function = tf.saved_model.load(str(served_folder / "1")).signatures["serving_default"]
    lengths = [0.3, 3.4, 1.0, 7.0, 2.0, 0.8] * 8
    requests = [
        np.stack([as_float(sound(10 * n + row, seconds)) for row in range(1 + n % 3)])
        for n, seconds in enumerate(lengths)
    ]

    def answer(batch):
        lengths = tf.fill([len(batch)], batch.shape[1])
        return function(waveform=tf.constant(batch), num_samples=lengths)["probabilities"].numpy()

    expected = [answer(batch) for batch in requests]
    with ThreadPoolExecutor(4) as threads:
        for answered, alone in zip(threads.map(answer, requests), expected, strict=True):
            np.testing.assert_allclose(answered, alone, atol=1e-6)
