"""Files for TensorFlow Serving next to a SavedModel: warm-up requests, model and batching configuration, a Compose file."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from acrnn import files
from acrnn.console import silenced
from acrnn.errors import missing_extra
from acrnn.model_card import CARD, Card

if TYPE_CHECKING:
    from tensorflow_serving.apis.predict_pb2 import PredictRequest

WARMUP = CARD.parent / "tf_serving_warmup_requests"
_WARMUP = ((1.0, 1), (1.0, 2), (4.0, 1))  # seconds and batch size: one segment and several, one utterance and two

_MODELS = """\
# tensorflow_model_server --model_config_file=/models/{name}/models.config
model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
    model_version_policy {{ latest {{ num_versions: 1 }} }}
  }}
}}
"""

# The server pads requests of different lengths to one batch; num_samples gives the length of each, so no result changes.
_BATCHING = """\
# tensorflow_model_server --enable_batching --batching_parameters_file=/models/{name}/batching.config
max_batch_size { value: 16 }
batch_timeout_micros { value: 5000 }
max_enqueued_batches { value: 64 }
num_batch_threads { value: 2 }
pad_variable_length_inputs: true
"""

_COMPOSE = """\
# docker compose up: REST on port 8501, gRPC on port 8500, for this machine only: the server has no access control
services:
  serving:
    image: tensorflow/serving:2.19.1
    command:
      - --model_config_file=/models/{name}/models.config
      - --enable_batching
      - --batching_parameters_file=/models/{name}/batching.config
    ports: ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]
    volumes: [".:/models/{name}:ro"]
"""


def require() -> None:
    """Checks that the package for warm-up requests is installed.

    Raises:
        ImportError: the extra [serving] is not installed.
    """
    try:
        with silenced():
            import tensorflow_serving.apis.prediction_log_pb2  # noqa: F401
    except ImportError as error:
        raise missing_extra("serving", "serving with TensorFlow Serving", error) from error


def write_configuration(folder: Path) -> None:
    """Writes models.config, batching.config and compose.yaml into a model's folder; keeps existing ones."""
    name = folder.name
    contents = {
        "models.config": _MODELS.format(name=name),
        "batching.config": _BATCHING.replace("{name}", name),
        "compose.yaml": _COMPOSE.format(name=name),
    }
    for file, text in contents.items():
        if not (folder / file).exists():  # the user may have changed it
            files.write_text(folder / file, text)


def write_warmup(folder: Path, card: Card) -> None:
    """Writes requests that the server answers while it starts, so that the first clients need not wait.

    Args:
        folder: version folder of the model.
        card: card of the model.
    """
    require()
    import tensorflow as tf

    path = folder / WARMUP
    files.make_folder(path.parent)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for log in warmup_requests(card):
            writer.write(log.SerializeToString())


def warmup_requests(card: Card) -> list:
    """Returns PredictionLog messages: waveforms of several lengths and batch sizes, and a WAV file."""
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    logs = []
    for inputs, signature in [
        *[(_waveforms(card, seconds, batch), "serving_default") for seconds, batch in _WARMUP],
        ({"contents": np.array([_wav(card)], object), **_auxiliary_inputs(card, 1)}, "wav_bytes"),
    ]:
        request = predict_request(card.name, signature, inputs)
        log = prediction_log_pb2.PredictLog(request=request, response=predict_pb2.PredictResponse())
        logs.append(prediction_log_pb2.PredictionLog(predict_log=log))
    return logs


def predict_request(name: str, signature: str, inputs: dict[str, np.ndarray]) -> PredictRequest:
    """Returns a PredictRequest.

    Args:
        name: name of the model.
        signature: name of the signature.
        inputs: arrays by input name.
    """
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = name, signature
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return request


def _waveforms(card: Card, seconds: float, batch: int) -> dict[str, np.ndarray]:
    samples = round(seconds * card.sample_rate_hz)
    noise = np.random.default_rng(0).normal(0, 0.1, (batch, samples)).astype(np.float32)
    return {"waveform": noise, "num_samples": np.full(batch, samples, np.int32), **_auxiliary_inputs(card, batch)}


def _auxiliary_inputs(card: Card, batch: int) -> dict[str, np.ndarray]:
    """Arbitrary values for the auxiliary inputs."""
    values = {
        "text": np.array([b"something is said"] * batch, object),
        "speaker_embedding": np.ones((batch, card.speaker_embedding_size), np.float32),
    }
    return {name: values[name] for name in card.auxiliary_inputs}


def _wav(card: Card) -> bytes:
    samples = _waveforms(card, *_WARMUP[0])["waveform"][0]
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, card.sample_rate_hz, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()
