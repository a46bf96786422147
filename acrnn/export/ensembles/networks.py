"""The networks of a recognizer as TensorFlow operations: one, or those of an ensemble, which take the same inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import keras
import tensorflow as tf

from acrnn.export import speaker_dense
from acrnn.export.speaker_dense import SpeakerDense
from acrnn.segments import attention_by_frame_in_graph

Outputs = dict[str, tf.Tensor]


class Networks:
    """The networks of a trained model, called together.

    Args:
        models: networks of the same architecture, one or several.
    """

    def __init__(self, models: Sequence[keras.Model]):
        self._networks = [_Network(model) for model in models]
        first = self._networks[0]
        self.has_attention, self.dense_units = first.has_attention, first.dense_units * len(models)

    @property
    def inputs(self) -> Mapping[str, keras.KerasTensor]:
        """Symbolic inputs of a network by name."""
        return self._networks[0].model.input

    @property
    def variables(self) -> list[keras.Variable]:
        """Variables of one network after the other."""
        return list(chain.from_iterable(network.model.variables for network in self._networks))

    @property
    def speaker_inputs(self) -> list[tf.TensorSpec]:
        """The input for speaker profiles, if the networks take them; that of an ensemble has the units of each in turn."""
        return [speaker_dense.input_spec(self.dense_units)] if self.dense_units else []

    def __call__(self, inputs: Mapping[str, tf.Tensor], given: tf.Tensor | None = None) -> Outputs:
        """Returns the outputs for segments.

        Args:
            inputs: features float32 [segments, frames, bands, channels], num_frames int32 [segments], and the auxiliary inputs.
            given: float32 [segments, 2, units], see `SpeakerDense.logits`; None for segments without speaker profiles.

        Returns:
            logits float32 [segments, classes], or [segments, networks, classes] for an ensemble; attention float32 [segments,
            frames], its mean over the networks, and embeddings float32 [segments, units], those of one network after the other,
            if the networks have them.
        """
        parts = [None] * len(self._networks) if given is None else tf.split(given, len(self._networks), axis=2)
        outputs = [network(inputs, part) for network, part in zip(self._networks, parts, strict=True)]
        return outputs[0] if len(outputs) == 1 else _joined(outputs)


def _joined(outputs: Sequence[Outputs]) -> Outputs:
    columns = {name: [each[name] for each in outputs] for name in outputs[0]}
    joined = {"logits": tf.stack(columns["logits"], axis=1)}
    if "attention" in columns:
        joined["attention"] = tf.add_n(columns["attention"]) / len(outputs)
    if "embeddings" in columns:
        joined["embeddings"] = tf.concat(columns["embeddings"], axis=1)
    return joined


class _Network:
    """A network with its attention and its dense layer as further outputs."""

    def __init__(self, model: keras.Model):
        attention = [layer.output[1] for layer in model.layers if layer.name == "attention"]
        self.has_attention = bool(attention)
        self.dense = SpeakerDense(model) if speaker_dense.has_layer(model) else None
        self.dense_units = self.dense.inputs.shape[-1] if self.dense else 0
        self.model = keras.Model(model.input, [model.output, *attention, *([self.dense.inputs] if self.dense else [])])

    def __call__(self, inputs: Mapping[str, tf.Tensor], given: tf.Tensor | None) -> Outputs:
        values = self.model({name: inputs[name] for name in self.model.input}, training=False)
        names = ["logits", *(["attention"] if self.has_attention else []), *(["embeddings"] if self.dense else [])]
        outputs = dict(zip(names, values if isinstance(values, list) else [values], strict=True))
        if self.has_attention:
            frames = inputs["features"].shape[1]
            outputs["attention"] = attention_by_frame_in_graph(outputs["attention"], inputs["num_frames"], frames)
        if self.dense and given is not None:
            outputs["logits"] = self.dense.logits(outputs["embeddings"], given)
        return outputs
