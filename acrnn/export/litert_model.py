"""A recognizer as a LiteRT file for phones and small devices, one utterance at a time.

A recurrent layer needs fixed shapes in LiteRT, but an utterance may have any number of segments. The file therefore has three
signatures that share their weights:

- `serving_default`: waveform float32 [1, samples of one segment], num_samples int32 [1]: an utterance of one segment at most;
- `features`: waveform float32 [1, any], num_samples int32 [1] → features, num_frames: the front end;
- `segments`: features float32 [1, frames, bands, channels], num_frames int32 [1] → probabilities, logits, attention.

Auxiliary inputs follow in the first and the last: tokens int32 [1, words], num_words int32 [1], speaker_embedding float32
[1, size].

For a longer utterance, `acrnn.inference` calls `features`, cuts the result by the card's segment rule, and pools the results.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from acrnn.console import silenced
from acrnn.export import speaker_dense
from acrnn.export.graph import Outputs, RecognitionGraph
from acrnn.export.trained_model import TrainedModel
from acrnn.segments import pool_in_graph


def write(trained: TrainedModel, paths: Mapping[str, Path]) -> None:
    """Writes LiteRT files of one model; its functions are traced once for all of them.

    Args:
        trained: the network with its front end and segment rule.
        paths: the file to write, by the number format of the weights: "float32", "float16", or "int8" for the matrices of
            products, scaled at run time.
    """
    with tempfile.TemporaryDirectory() as temporary:
        module = _Signatures(trained)
        tf.saved_model.save(module, temporary, signatures=module.endpoints)
        for weights, path in paths.items():
            with silenced():
                path.write_bytes(_converted(temporary, list(module.endpoints), weights))


def _converted(folder: str, signatures: list[str], weights: str) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=signatures)
    if weights != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


class _Signatures(tf.Module):
    """Input of the conversion: functions of fixed shapes, and the variables that they use."""

    def __init__(self, trained: TrainedModel):
        super().__init__()
        frontend, self.trained = trained.frontend, trained
        self.graph = graph = RecognitionGraph(trained, tf.float32)
        self.weights = [variable.value for variable in graph.networks.variables]
        self.frames = trained.rule.frames
        frames = None if trained.system.whole_utterances else self.frames
        samples = frontend.window_samples + (self.frames - 1) * round(frontend.hop_seconds * frontend.sample_rate_hz)
        features = tf.TensorSpec([1, frames, *frontend.feature_shape], tf.float32, "features")
        num_frames = tf.TensorSpec([1], tf.int32, "num_frames")
        auxiliary = [tf.TensorSpec([1, *spec.shape[1:]], spec.dtype, spec.name) for spec in graph.auxiliary_inputs]

        speaker = [tf.TensorSpec([1, *spec.shape[1:]], spec.dtype, spec.name) for spec in graph.speaker_inputs]
        statistics = [spec for spec in speaker if spec.name != speaker_dense.INPUT]
        dense = [spec for spec in speaker if spec.name == speaker_dense.INPUT]

        def waveform(length: int | None) -> list[tf.TensorSpec]:
            return [tf.TensorSpec([1, length], tf.float32, "waveform"), tf.TensorSpec([1], tf.int32, "num_samples")]

        self.endpoints = {
            "serving_default": tf.function(
                self._utterance, input_signature=[*waveform(samples), *auxiliary], autograph=False
            ),
            "features": tf.function(self._features, input_signature=[*waveform(None), *statistics], autograph=False),
            "segments": tf.function(
                self._segments, input_signature=[features, num_frames, *dense, *auxiliary], autograph=False
            ),
        }

    def _features(self, waveform: tf.Tensor, num_samples: tf.Tensor, *speaker: tf.Tensor) -> Outputs:
        features, num_frames = self.graph.features(waveform, num_samples, *speaker)
        return {"features": features, "num_frames": num_frames}

    def _segments(self, features: tf.Tensor, num_frames: tf.Tensor, *inputs: tf.Tensor) -> Outputs:
        if not self.graph.networks.dense_units:
            return self.graph.segments(features, num_frames, *inputs)
        return self.graph.segments(features, num_frames, *inputs[1:], speaker_dense=inputs[0])

    def _utterance(self, waveform: tf.Tensor, num_samples: tf.Tensor, *auxiliary_inputs: tf.Tensor) -> Outputs:
        features, num_frames = self.graph.features(waveform, num_samples)
        shape = (1, self.frames, *self.trained.frontend.feature_shape)
        outputs = self.graph.segments(tf.reshape(features, shape), num_frames, *auxiliary_inputs)
        only = tf.expand_dims(outputs["logits"], 1)  # an utterance of one segment, pooled like any other
        outputs["probabilities"] = pool_in_graph(only, tf.ones(only.shape[:2], tf.bool), self.trained.pooling)
        return outputs
