"""A recogniser as a SavedModel for TensorFlow Serving: waveforms, WAV files or segments in, emotions out.

Loading it needs TensorFlow alone. Signatures and their inputs:

- `serving_default`: waveform float32 [batch, samples], num_samples int32 [batch];
- `wav_bytes`: contents string [batch], whole WAV files of 16 bits;
- `segments`: features float32 [batch, frames, bands, channels], num_frames int32 [batch].

A network that takes more than sound has more inputs in all of them: text string [batch], speaker_embedding float32 [batch, size].
Outputs are those of `RecognitionGraph`, and `emotion` string [batch].
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from acrnn.export import wav
from acrnn.export.graph import Outputs, RecognitionGraph
from acrnn.export.trained_model import Trained
from acrnn.model_card import MAX_SECONDS
from acrnn.text.embedding import embedding_of
from acrnn.text.in_graph import Tokenizer

_TOKENS = ("tokens", "num_words")


def write(trained: Trained, folder: Path) -> None:
    """Writes saved_model.pb and variables/ into a folder."""
    graph, frontend = RecognitionGraph(trained), trained.frontend
    beside = _Beside(graph, trained)
    bands, channels = frontend.feature_shape
    frames = None if trained.system.whole_utterances else trained.rule.frames

    def utterances(waveform: tf.Tensor, num_samples: tf.Tensor, *given: tf.Tensor) -> Outputs:
        waveform, num_samples, *given = _paired(
            [waveform, num_samples, *given], ["waveform", "num_samples", *beside.inputs]
        )
        with tf.control_dependencies(_bad_waveforms(waveform, num_samples, frontend)):
            sound = tf.identity(waveform), tf.identity(num_samples)
            return _named(graph.utterances(*sound, *beside.auxiliary_inputs(given)), trained.labels)

    def wav_bytes(contents: tf.Tensor, *given: tf.Tensor) -> Outputs:
        return utterances(*wav.decode(contents, frontend.sample_rate_hz, MAX_SECONDS), *given)

    def segments(features: tf.Tensor, num_frames: tf.Tensor, *given: tf.Tensor) -> Outputs:
        features, num_frames, *given = _paired(
            [features, num_frames, *given], ["features", "num_frames", *beside.inputs]
        )
        with tf.control_dependencies(_bad_segments(features, num_frames)):
            sound = tf.identity(features), tf.identity(num_frames)
            return _named(graph.segments(*sound, *beside.auxiliary_inputs(given)), trained.labels)

    endpoints = {
        "serving_default": (utterances, {"waveform": ([None], tf.float32), "num_samples": ([], tf.int32)}),
        "wav_bytes": (wav_bytes, {"contents": ([], tf.string)}),
        "segments": (
            segments,
            {"features": ([frames, bands, channels], tf.float32), "num_frames": ([], tf.int32)},
        ),
    }
    endpoints = {name: (function, {**inputs, **beside.inputs}) for name, (function, inputs) in endpoints.items()}
    module = tf.Module()
    module.beside = beside  # its table of words
    module.weights = [variable.value for variable in graph.network.variables]  # keras' own archive holds them twice
    module.endpoints = {name: _signature(*endpoint) for name, endpoint in endpoints.items()}
    tf.saved_model.save(module, str(folder), signatures=module.endpoints)


def _signature(function, inputs: dict[str, tuple[list, tf.DType]]):
    specs = [tf.TensorSpec([None, *shape], dtype, name=key) for key, (shape, dtype) in inputs.items()]
    return tf.function(function, input_signature=specs)


def _named(outputs: Outputs, labels: tuple[str, ...]) -> Outputs:
    return {**outputs, "emotion": tf.gather(tf.constant(labels), tf.argmax(outputs["probabilities"], axis=-1))}


def _paired(values: Sequence[tf.Tensor], names: Sequence[str]) -> list[tf.Tensor]:
    """The inputs, refused unless all have the same rows; a lone one would be stretched over the others."""
    rows = tf.stack([tf.shape(value)[0] for value in values])
    message = [f"{' and '.join(names)} need the same number of rows, and at least one; they have", rows]
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(rows == rows[0]) & (rows[0] > 0), message)]):
        return [tf.identity(value) for value in values]


class _Beside(tf.Module):
    """Inputs beside the sound: what a client gives, and what the network takes. A text's words are found in the graph."""

    def __init__(self, graph: RecognitionGraph, trained: Trained):
        super().__init__()
        self.specs = {spec.name: spec for spec in graph.auxiliary_inputs}
        embedding = embedding_of(trained.model)
        self.tokeniser = Tokenizer(embedding.vocabulary) if embedding else None

    @property
    def inputs(self) -> dict[str, tuple[list, tf.DType]]:
        """Shape without the batch, and type, by name."""
        given = {name: (list(spec.shape[1:]), spec.dtype) for name, spec in self.specs.items() if name not in _TOKENS}
        return {**({"text": ([], tf.string)} if self.tokeniser else {}), **given}

    def auxiliary_inputs(self, given: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """What the network takes, in its order, of what a client gives."""
        values = dict(zip(self.inputs, given, strict=True))
        if self.tokeniser:
            values |= zip(_TOKENS, self.tokeniser(values["text"]), strict=True)
        return [values[name] for name in self.specs]


def _bad_waveforms(waveform: tf.Tensor, num_samples: tf.Tensor, frontend) -> list[tf.Operation]:
    most = round(MAX_SECONDS * frontend.sample_rate_hz)
    too_short = f"shorter than one analysis window of {frontend.window_seconds:g} s"
    real = tf.sequence_mask(num_samples, tf.shape(waveform)[1])
    silent = tf.reduce_max(tf.where(real, waveform, waveform.dtype.min), axis=1) <= tf.reduce_min(
        tf.where(real, waveform, waveform.dtype.max), axis=1
    )
    return _refusals(
        [
            (num_samples > tf.shape(waveform)[1], "num_samples is more than the waveform has"),
            (num_samples < frontend.window_samples, too_short),
            (num_samples > most, f"longer than {MAX_SECONDS:g} s; cut it"),
            (tf.reduce_any(real & ~tf.math.is_finite(waveform), axis=1), "NaN or infinite samples"),
            (silent, "all samples are equal, silence"),
        ]
    )


def _bad_segments(features: tf.Tensor, num_frames: tf.Tensor) -> list[tf.Operation]:
    most = tf.shape(features)[1]
    wild = tf.sequence_mask(num_frames, most) & ~tf.reduce_all(tf.math.is_finite(features), axis=[2, 3])
    return _refusals(
        [
            ((num_frames < 1) | (num_frames > most), "num_frames is below 1, or more than the features have"),
            (tf.reduce_any(wild, axis=1), "NaN or infinite features"),
        ]
    )


def _refusals(rules: list[tuple[tf.Tensor, str]]) -> list[tf.Operation]:
    """Assertions on a batch, one after the other; each names what is wrong and the rows that are."""
    checks: list[tf.Operation] = []
    for broken, text in rules:
        with tf.control_dependencies(checks[-1:]):
            fine = tf.logical_not(tf.reduce_any(broken))
            checks.append(tf.debugging.Assert(fine, [text, "in row", tf.where(broken)]))
    return checks
