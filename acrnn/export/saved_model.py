"""A recognizer as a SavedModel for TensorFlow Serving: takes waveforms, WAV files or segments and returns emotions.

Only TensorFlow is needed to load it. Signatures and their inputs:

- `serving_default`: waveform float32 [batch, samples], num_samples int32 [batch];
- `wav_bytes`: contents string [batch], whole WAV files of 16 bits;
- `segments`: features float32 [batch, frames, bands, channels], num_frames int32 [batch];
- `speaker`, for a model that takes speaker profiles: waveform, num_samples, and of a profile speaker_statistics float32 [batch, 2,
  bands, channels], mean and deviation of the features, and speaker_dense float32 [batch, 2, units], mean and variance of the
  dense layer; each only if the model has it, and zeros for an utterance without a profile.

A network with auxiliary inputs has them in all signatures: text string [batch], speaker_embedding float32 [batch, size].
Outputs are those of `RecognitionGraph`, and `emotion` and `error` string [batch]: a row that cannot be used has an error and no
emotion, and fails no other row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

from acrnn.export import wav
from acrnn.export.graph import Outputs, RecognitionGraph
from acrnn.export.trained_model import TrainedModel
from acrnn.model_card import MAX_SECONDS, ROW_ERRORS
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
        self.weights = [variable.value for variable in self.graph.networks.variables]
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
        return self._utterances(waveform, num_samples, *auxiliary, **dict(zip(names, given, strict=True)))

    def _utterances(
        self,
        waveform: tf.Tensor,
        num_samples: tf.Tensor,
        *auxiliary: tf.Tensor,
        **others: tf.Tensor,
    ) -> Outputs:
        names = ["waveform", "num_samples", *self.auxiliary.inputs]
        waveform, num_samples, *inputs = _with_equal_rows([waveform, num_samples, *auxiliary], names)
        network_inputs = self.auxiliary.network_inputs(inputs)
        return self._in_words(self.graph.utterances(waveform, num_samples, *network_inputs, **others))

    def _wav_bytes(self, contents: tf.Tensor, *auxiliary: tf.Tensor) -> Outputs:
        waveform, num_samples, codes = wav.decode(contents, self.trained.frontend.sample_rate_hz, MAX_SECONDS)
        return self._utterances(waveform, num_samples, *auxiliary, codes=codes)

    def _segments(self, features: tf.Tensor, num_frames: tf.Tensor, *auxiliary: tf.Tensor) -> Outputs:
        names = ["features", "num_frames", *self.auxiliary.inputs]
        features, num_frames, *inputs = _with_equal_rows([features, num_frames, *auxiliary], names)
        return self._in_words(self.graph.checked_segments(features, num_frames, *self.auxiliary.network_inputs(inputs)))

    def _in_words(self, outputs: Outputs) -> Outputs:
        """Adds `emotion`, which is empty for a row with an error, and `error`, which is empty for the others."""
        codes, labels = outputs["error_code"], tf.constant(self.trained.labels)
        emotion = tf.gather(labels, tf.argmax(outputs["probabilities"], axis=-1))
        return {
            **outputs,
            "emotion": tf.where(codes > 0, "", emotion),
            "error": tf.gather(tf.constant(list(ROW_ERRORS.values())), codes),
        }


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
