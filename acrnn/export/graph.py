"""A whole recogniser as one TensorFlow graph: waveform → features → segments → network → posteriors of the utterance."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from acrnn.export.trained_model import Trained
from acrnn.segments import attention_by_frame_in_graph, pool_in_graph

Outputs = dict[str, tf.Tensor]
_SOUND = ("features", "num_frames")


class RecognitionGraph:
    """The functions that an export holds; the batch is of utterances, of any lengths.

    Args:
        trained: what is exported.
        precision: of the front end; float64 agrees with the offline path to rounding, float32 is what phones have.
        fft: whether the runtime has a fast Fourier transform.
    """

    def __init__(self, trained: Trained, precision: tf.DType = tf.float64, fft: bool = True):
        self.trained, self.precision, self.fft = trained, precision, fft
        attention = [layer.output[1] for layer in trained.model.layers if layer.name == "attention"]
        self.has_attention = bool(attention)
        self.network = keras.Model(trained.model.input, [trained.model.output, *attention])

    @property
    def auxiliary_inputs(self) -> list[tf.TensorSpec]:
        """Inputs of the network beside the sound's, in the order in which the functions take them after it."""
        return [
            tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype, name)
            for name, tensor in self.network.input.items()
            if name not in _SOUND
        ]

    def features(self, waveform: tf.Tensor, num_samples: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The front end: features float32 [batch, frames, bands, channels] and num_frames int32 [batch]."""
        waveform = tf.cast(_ended(waveform, num_samples), self.precision)
        features, num_frames = self.trained.frontend.in_graph(waveform, num_samples, self.fft)
        return tf.cast(features, tf.float32), num_frames

    def utterances(self, waveform: tf.Tensor, num_samples: tf.Tensor, *auxiliary_inputs: tf.Tensor) -> Outputs:
        """What the recogniser says of utterances.

        Args:
            waveform: float32 [batch, samples], mono in [-1, 1] at the front end's rate; what lies beyond an
                utterance's end is ignored.
            num_samples: int32 [batch], the samples of each utterance.
            auxiliary_inputs: as `companions` lists them, a row an utterance.

        Returns:
            probabilities [batch, classes]; num_segments int32 [batch]; and, as many as the longest utterance has,
            segment_probabilities [batch, segments, classes], segment_start_seconds [batch, segments],
            segment_num_frames int32 [batch, segments] and, of a network with attention, attention [batch, segments,
            frames], which sums to one over the real frames of a segment. All zero where an utterance has no segment.
        """
        features, num_frames = self.features(waveform, num_samples)
        starts, valid, where, parts, counts = self._segments(features, num_frames)
        outputs = self._network(parts, counts, [tf.gather(one, where[:, 0]) for one in auxiliary_inputs])
        shape = tf.shape(valid)

        def grid(values: tf.Tensor) -> tf.Tensor:
            return tf.scatter_nd(where, values, tf.concat([shape, tf.shape(values)[1:]], 0))

        logits = grid(outputs["logits"])
        posteriors = tf.where(valid[..., None], tf.nn.softmax(logits), 0.0)
        hop = tf.constant(self.trained.frontend.hop_seconds, tf.float32)
        found = {
            "probabilities": pool_in_graph(logits, valid, self.trained.pooling),
            "num_segments": tf.reduce_sum(tf.cast(valid, tf.int32), axis=1),
            "segment_probabilities": posteriors,
            "segment_start_seconds": tf.where(valid, tf.cast(starts, tf.float32) * hop, 0.0),
            "segment_num_frames": grid(counts),
        }
        if self.has_attention:
            found["attention"] = grid(outputs["attention"])
        return found

    def segments(self, features: tf.Tensor, num_frames: tf.Tensor, *auxiliary_inputs: tf.Tensor) -> Outputs:
        """What the recogniser says of segments, each for itself.

        Args:
            features: float32 [batch, frames, bands, channels], as in the records: unnormalised.
            num_frames: int32 [batch], the real frames of each.
            auxiliary_inputs: as `companions` lists them.

        Returns:
            probabilities and logits [batch, classes] and, of a network with attention, attention [batch, frames].
        """
        outputs = self._network(_ended(features, num_frames), num_frames, auxiliary_inputs)
        return {**outputs, "probabilities": tf.nn.softmax(outputs["logits"])}

    def _segments(self, features: tf.Tensor, num_frames: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Cuts the utterances: the grid's starts and valid, where int32 [segments, 2] in it, segments and their lengths."""
        if self.trained.system.whole_utterances:
            starts = tf.zeros_like(num_frames)[:, None]
            valid = tf.ones_like(starts, tf.bool)
            return starts, valid, tf.cast(tf.where(valid), tf.int32), features, num_frames
        frames = self.trained.rule.frames
        starts, valid = self.trained.rule.starts_in_graph(num_frames)
        where = tf.cast(tf.where(valid), tf.int32)
        rows, first = where[:, 0], tf.gather_nd(starts, where)
        counts = tf.minimum(frames, tf.gather(num_frames, rows) - first)
        places = tf.minimum(first[:, None] + tf.range(frames)[None], tf.shape(features)[1] - 1)
        parts = tf.gather_nd(features, tf.stack([tf.repeat(rows[:, None], frames, axis=1), places], axis=-1))
        return starts, valid, where, _ended(parts, counts), counts

    def _network(self, features: tf.Tensor, num_frames: tf.Tensor, auxiliary_inputs: Sequence[tf.Tensor]) -> Outputs:
        beside = {spec.name: tensor for spec, tensor in zip(self.auxiliary_inputs, auxiliary_inputs, strict=True)}
        values = {"features": features, "num_frames": num_frames, **beside}
        found = self.network({name: values[name] for name in self.network.input}, training=False)
        if not self.has_attention:
            return {"logits": found[0] if isinstance(found, list) else found}
        logits, attention = found
        by_frame = attention_by_frame_in_graph(attention, num_frames, features.shape[1])
        return {"logits": logits, "attention": by_frame}


def _ended(values: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """Values [batch, places, ...] with zeros beyond their counts [batch]: a product would let NaN through, as in ONNX."""
    mask = tf.sequence_mask(counts, tf.shape(values)[1])
    for _ in values.shape[2:]:
        mask = tf.expand_dims(mask, -1)
    return tf.where(mask, values, tf.zeros_like(values))
