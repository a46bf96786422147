"""A recognizer as a SavedModel for TensorFlow Serving: takes waveforms, WAV files or segments and returns emotions.

Only TensorFlow is needed to load it. Signatures and their inputs:

- `serving_default`: waveform float32 [batch, samples], num_samples int32 [batch];
- `wav_bytes`: contents string [batch], whole WAV files of 16 bits;
- `segments`: features float32 [batch, frames, bands, channels], num_frames int32 [batch];
- `speaker`, for a model that takes speaker profiles: waveform, num_samples, and of a profile speaker_statistics float32 [batch, 2,
  bands, channels], mean and deviation of the features, and speaker_dense float32 [batch, 2, units], mean and variance of the
  dense layer; each only if the model has it, and zeros for an utterance without a profile.

A network with auxiliary inputs has them in all signatures: text string [batch], speaker_embedding float32 [batch, size].
Outputs are those of `RecognitionGraph`, and `emotion` string [batch].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

from acrnn.export import wav
from acrnn.export.graph import Outputs, RecognitionGraph
from acrnn.export.trained_model import TrainedModel
from acrnn.frontends import Spec
from acrnn.model_card import MAX_SECONDS
from acrnn.text.embedding import embedding_of
from acrnn.text.in_graph import Tokenizer

Inputs = dict[str, tuple[list, tf.DType]]  # shape without the batch, and type, by name
_TOKENS = ("tokens", "num_words")


def write(trained: TrainedModel, folder: Path) -> None:
    """Writes saved_model.pb and variables/ into a folder."""
    module = _Signatures(trained)
    tf.saved_model.save(module, str(folder), signatures=module.endpoints)


class _Signatures(tf.Module):
    """The functions of a SavedModel, with the variables and the vocabulary table that they use."""

    def __init__(self, trained: TrainedModel):
        super().__init__()
        self.graph, self.trained = RecognitionGraph(trained), trained
        self.auxiliary = _AuxiliaryInputs(self.graph, trained)
        # the variables themselves: tf.Module would also track Keras' own copies and store them twice
        self.weights = [variable.value for variable in self.graph.network.variables]
        frames = None if trained.system.whole_utterances else trained.rule.frames
        features = ([frames, *trained.frontend.feature_shape], tf.float32)
        self.endpoints = {
            "serving_default": self._endpoint(
                self._utterances, {"waveform": ([None], tf.float32), "num_samples": ([], tf.int32)}
            ),
            "wav_bytes": self._endpoint(self._wav_bytes, {"contents": ([], tf.string)}),
            "segments": self._endpoint(self._segments, {"features": features, "num_frames": ([], tf.int32)}),
        }
        if specs := self.graph.speaker_inputs:
            inputs: Inputs = {"waveform": ([None], tf.float32), "num_samples": ([], tf.int32)}
            inputs |= {spec.name: (list(spec.shape[1:]), spec.dtype) for spec in specs}
            self.endpoints["speaker"] = self._endpoint(self._of_speaker, inputs)

    def _endpoint(self, function: Callable[..., Outputs], inputs: Inputs) -> Callable[..., Outputs]:
        specs = [
            tf.TensorSpec([None, *shape], dtype, name=name)
            for name, (shape, dtype) in {**inputs, **self.auxiliary.inputs}.items()
        ]
        return tf.function(function, input_signature=specs, autograph=False)

    def _of_speaker(self, waveform: tf.Tensor, num_samples: tf.Tensor, *inputs: tf.Tensor) -> Outputs:
        names = [spec.name for spec in self.graph.speaker_inputs]
        auxiliary = inputs[len(names) :]
        *given, _ = _with_equal_rows([*inputs[: len(names)], num_samples], [*names, "num_samples"])
        with tf.control_dependencies([check for values in given for check in _speaker_checks(values)]):
            speaker = {name: tf.identity(values) for name, values in zip(names, given, strict=True)}
            return self._utterances(waveform, num_samples, *auxiliary, **speaker)

    def _utterances(
        self,
        waveform: tf.Tensor,
        num_samples: tf.Tensor,
        *auxiliary: tf.Tensor,
        **speaker: tf.Tensor,
    ) -> Outputs:
        names = ["waveform", "num_samples", *self.auxiliary.inputs]
        waveform, num_samples, *inputs = _with_equal_rows([waveform, num_samples, *auxiliary], names)
        with tf.control_dependencies(_waveform_checks(waveform, num_samples, self.trained.frontend)):
            sound = tf.identity(waveform), tf.identity(num_samples)
            outputs = self.graph.utterances(*sound, *self.auxiliary.network_inputs(inputs), **speaker)
            return self._with_emotion(outputs)

    def _wav_bytes(self, contents: tf.Tensor, *auxiliary: tf.Tensor) -> Outputs:
        sound = wav.decode(contents, self.trained.frontend.sample_rate_hz, MAX_SECONDS)
        return self._utterances(*sound, *auxiliary)

    def _segments(self, features: tf.Tensor, num_frames: tf.Tensor, *auxiliary: tf.Tensor) -> Outputs:
        names = ["features", "num_frames", *self.auxiliary.inputs]
        features, num_frames, *inputs = _with_equal_rows([features, num_frames, *auxiliary], names)
        with tf.control_dependencies(_segment_checks(features, num_frames)):
            sound = tf.identity(features), tf.identity(num_frames)
            return self._with_emotion(self.graph.segments(*sound, *self.auxiliary.network_inputs(inputs)))

    def _with_emotion(self, outputs: Outputs) -> Outputs:
        labels = tf.constant(self.trained.labels)
        return {**outputs, "emotion": tf.gather(labels, tf.argmax(outputs["probabilities"], axis=-1))}


class _AuxiliaryInputs(tf.Module):
    """Auxiliary inputs: those that a client sends, and those that the network takes. The graph splits texts into tokens.

    Args:
        graph: lists the inputs of the network.
        trained: holds the vocabulary.
    """

    def __init__(self, graph: RecognitionGraph, trained: TrainedModel):
        super().__init__()
        self.specs = {spec.name: spec for spec in graph.auxiliary_inputs}
        embedding = embedding_of(trained.model)
        self.tokenizer = Tokenizer(embedding.vocabulary) if embedding else None

    @property
    def inputs(self) -> Inputs:
        """Auxiliary inputs that a client sends."""
        values = {name: (list(spec.shape[1:]), spec.dtype) for name, spec in self.specs.items() if name not in _TOKENS}
        return {**({"text": ([], tf.string)} if self.tokenizer else {}), **values}

    def network_inputs(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Returns the network's auxiliary inputs, in its order, for those of a client."""
        values = dict(zip(self.inputs, tensors, strict=True))
        if self.tokenizer:
            values |= zip(_TOKENS, self.tokenizer(values["text"]), strict=True)
        return [values[name] for name in self.specs]


def _with_equal_rows(values: Sequence[tf.Tensor], names: Sequence[str]) -> list[tf.Tensor]:
    """Refuses inputs with different numbers of rows; TensorFlow would otherwise broadcast a single row."""
    rows = tf.stack([tf.shape(value)[0] for value in values])
    message = [f"{' and '.join(names)} need the same number of rows, and at least one; they have", rows]
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(rows == rows[0]) & (rows[0] > 0), message)]):
        return [tf.identity(value) for value in values]


def _waveform_checks(waveform: tf.Tensor, num_samples: tf.Tensor, frontend: Spec) -> list[tf.Operation]:
    most = round(MAX_SECONDS * frontend.sample_rate_hz)
    too_short = f"shorter than one analysis window of {frontend.window_seconds:g} s"
    real = tf.sequence_mask(num_samples, tf.shape(waveform)[1])
    silent = tf.reduce_max(tf.where(real, waveform, waveform.dtype.min), axis=1) <= tf.reduce_min(
        tf.where(real, waveform, waveform.dtype.max), axis=1
    )
    return _assertions(
        [
            (num_samples > tf.shape(waveform)[1], "num_samples is more than the waveform has"),
            (num_samples < frontend.window_samples, too_short),
            (num_samples > most, f"longer than {MAX_SECONDS:g} s; cut it"),
            (tf.reduce_any(real & ~tf.math.is_finite(waveform), axis=1), "NaN or infinite samples"),
            (silent, "all samples are equal, silence"),
        ]
    )


def _segment_checks(features: tf.Tensor, num_frames: tf.Tensor) -> list[tf.Operation]:
    most = tf.shape(features)[1]
    not_finite = tf.sequence_mask(num_frames, most) & ~tf.reduce_all(tf.math.is_finite(features), axis=[2, 3])
    return _assertions(
        [
            ((num_frames < 1) | (num_frames > most), "num_frames is below 1, or more than the features have"),
            (tf.reduce_any(not_finite, axis=1), "NaN or infinite features"),
        ]
    )


def _speaker_checks(statistics: tf.Tensor) -> list[tf.Operation]:
    """Checks of an input for speaker profiles, [batch, 2, …]: a mean and a deviation or variance."""
    values = tf.reshape(statistics, [tf.shape(statistics)[0], 2, -1])
    return _assertions(
        [
            (~tf.reduce_all(tf.math.is_finite(values), axis=[1, 2]), "NaN or infinite speaker statistics"),
            (tf.reduce_any(values[:, 1] < 0, axis=1), "negative deviations of a speaker"),
        ]
    )


def _assertions(rules: list[tuple[tf.Tensor, str]]) -> list[tf.Operation]:
    """Assertions on a batch, evaluated one after the other; each names the fault and the rows that have it."""
    checks: list[tf.Operation] = []
    for is_broken, text in rules:
        with tf.control_dependencies(checks[-1:]):
            holds = tf.logical_not(tf.reduce_any(is_broken))
            checks.append(tf.debugging.Assert(holds, [text, "in row", tf.where(is_broken)]))
    return checks
