"""A recognizer as a TensorFlow graph: waveform → features → segments → network → posteriors of the utterance."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from acrnn.export import row_checks, speaker_normalization
from acrnn.export.ensembles.networks import Networks, Outputs
from acrnn.export.trained_model import TrainedModel
from acrnn.segments import pool_in_graph

_SOUND = ("features", "num_frames")


class RecognitionGraph:
    """The functions that an export contains; a batch holds utterances of any lengths.

    Args:
        trained: the network, or the ensemble, with its front end and segment rule.
        precision: number format of the front end; float64 agrees with the NumPy front end up to rounding, float32 runs
            on phones.
        fft: True if the runtime has a fast Fourier transform.
    """

    def __init__(self, trained: TrainedModel, precision: tf.DType = tf.float64, fft: bool = True):
        self.trained, self.precision, self.fft = trained, precision, fft
        self.networks = Networks(trained.networks)

    @property
    def auxiliary_inputs(self) -> list[tf.TensorSpec]:
        """Inputs of the network in addition to sound, in the order in which the functions take them."""
        return [
            tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype, name)
            for name, tensor in self.networks.inputs.items()
            if name not in _SOUND
        ]

    @property
    def speaker_inputs(self) -> list[tf.TensorSpec]:
        """The inputs for speaker profiles, if the model takes any; see `speaker_normalization` and `speaker_dense`."""
        features = [speaker_normalization.input_spec(self.trained.prior)] if self.trained.prior else []
        return [*features, *self.networks.speaker_inputs]

    def features(
        self, waveform: tf.Tensor, num_samples: tf.Tensor, speaker_statistics: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes the front end: features float32 [batch, frames, bands, channels] and num_frames int32 [batch].

        Those of a model that takes speaker profiles are normalized, see `speaker_normalization`.
        """
        features, num_frames, _ = self._features(waveform, num_samples, speaker_statistics)
        return features, num_frames

    def _features(
        self, waveform: tf.Tensor, num_samples: tf.Tensor, speaker_statistics: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the results of `features`, and the first sample of the first frame, int32 [batch]."""
        waveform = tf.cast(_masked(waveform, num_samples), self.precision)
        features, num_frames, first = self.trained.frontend.in_graph_with_start(waveform, num_samples, self.fft)
        features = tf.cast(features, tf.float32)
        if prior := self.trained.prior:
            features = speaker_normalization.normalized_in_graph(features, num_frames, prior, speaker_statistics)
        return features, num_frames, first

    def utterances(
        self,
        waveform: tf.Tensor,
        num_samples: tf.Tensor,
        *auxiliary_inputs: tf.Tensor,
        speaker_statistics: tf.Tensor | None = None,
        speaker_dense: tf.Tensor | None = None,
        codes: tf.Tensor | None = None,
    ) -> Outputs:
        """Recognizes utterances.

        Args:
            waveform: float32 [batch, samples], mono in [-1, 1] at the front end's rate; samples beyond the end of an
                utterance are ignored.
            num_samples: int32 [batch], number of samples of each utterance.
            auxiliary_inputs: in the order of `RecognitionGraph.auxiliary_inputs`, one row an utterance.
            speaker_statistics, speaker_dense: see `RecognitionGraph.speaker_inputs`; None for utterances without speaker
                profiles.
            codes: int32 [batch], codes of the rows for which an error is known already; None for none.

        Returns:
            error_code int32 [batch], a key in `model_card.ROW_ERRORS`: 0, or the reason for which all other outputs of a row
            are zero; the other rows do not depend on it. probabilities float32 [batch, classes] and num_segments int32 [batch].
            For each segment, up to the largest number of segments in the batch: segment_probabilities float32 [batch, segments,
            classes], segment_start_seconds float32 [batch, segments], segment_num_frames int32 [batch, segments] and, for a
            network with attention, attention float32 [batch, segments, frames], which sums to one over the real frames of a
            segment; for a network with a batch-normalized dense layer, segment_embeddings float32 [batch, segments, units], the
            values of this layer before the normalization. All of them are zero where an utterance has no such segment.
        """
        given_rows = {"speaker_statistics": speaker_statistics, "speaker_dense": speaker_dense}
        codes = self._codes(waveform, num_samples, [rows for rows in given_rows.values() if rows is not None], codes)
        waveform, num_samples = row_checks.usable_waveforms(waveform, num_samples, codes, self.trained.frontend)
        speaker_statistics, speaker_dense = (
            None if rows is None else row_checks.without_bad_rows(rows, codes) for rows in given_rows.values()
        )
        features, num_frames, first = self._features(waveform, num_samples, speaker_statistics)
        starts, valid, places, segments, counts = self._segments(features, num_frames)
        rows = [tf.gather(tensor, places[:, 0]) for tensor in auxiliary_inputs]
        given = None if speaker_dense is None else tf.gather(speaker_dense, places[:, 0])
        outputs = self._network(segments, counts, rows, given)

        def grid(values: tf.Tensor) -> tf.Tensor:
            """Values [segments, …] of all utterances as [batch, segments, …]."""
            return tf.scatter_nd(places, values, tf.concat([tf.shape(valid), tf.shape(values)[1:]], 0))

        logits = grid(outputs["logits"])
        frontend = self.trained.frontend
        hop, hop_samples = tf.constant(frontend.hop_seconds, tf.float32), frontend.hop_samples
        results = {
            "probabilities": pool_in_graph(logits, valid, self.trained.pooling),
            "num_segments": tf.reduce_sum(tf.cast(valid, tf.int32), axis=1),
            "segment_probabilities": tf.where(valid[..., None], self._probabilities(logits), 0.0),
            "segment_start_seconds": tf.where(
                valid, tf.cast(starts + first[:, None] // hop_samples, tf.float32) * hop, 0.0
            ),
            "segment_num_frames": grid(counts),
        }
        if "attention" in outputs:
            results["attention"] = grid(outputs["attention"])
        if "embeddings" in outputs:
            results["segment_embeddings"] = grid(outputs["embeddings"])
        return _answered(results, codes)

    def _codes(
        self, waveform: tf.Tensor, num_samples: tf.Tensor, speaker: Sequence[tf.Tensor], known: tf.Tensor | None
    ) -> tf.Tensor:
        """Returns the code of the error of each row, int32 [batch]."""
        rules = [*row_checks.waveform_rules(waveform, num_samples, self.trained.frontend)]
        for statistics in speaker:
            rules += row_checks.speaker_rules(statistics)
        codes = row_checks.first_code(rules)
        return codes if known is None else tf.where(known > 0, known, codes)

    def segments(
        self,
        features: tf.Tensor,
        num_frames: tf.Tensor,
        *auxiliary_inputs: tf.Tensor,
        speaker_dense: tf.Tensor | None = None,
    ) -> Outputs:
        """Recognizes segments, each as an utterance of its own.

        Args:
            features: float32 [batch, frames, bands, channels], not normalized, as in the records; for a model that takes speaker
                profiles, normalized as `features` does.
            num_frames: int32 [batch], number of real frames of each segment.
            auxiliary_inputs: in the order of `RecognitionGraph.auxiliary_inputs`.
            speaker_dense: see `utterances`.

        Returns:
            probabilities float32 [batch, classes], logits as in `Networks` and, as in `utterances`, attention float32 [batch,
            frames] and embeddings float32 [batch, units].
        """
        outputs = self._network(_masked(features, num_frames), num_frames, auxiliary_inputs, speaker_dense)
        return {**outputs, "probabilities": self._probabilities(outputs["logits"])}

    def checked_segments(self, features: tf.Tensor, num_frames: tf.Tensor, *auxiliary_inputs: tf.Tensor) -> Outputs:
        """Recognizes segments as `segments` does, with `error_code` as in `utterances`."""
        codes = row_checks.first_code(row_checks.feature_rules(features, num_frames))
        features, num_frames = row_checks.without_bad_rows(features, codes), tf.where(codes > 0, 1, num_frames)
        return _answered(self.segments(features, num_frames, *auxiliary_inputs), codes)

    def _segments(self, features: tf.Tensor, num_frames: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Cuts utterances into segments.

        Returns:
            starts int32 and valid bool [batch, segments], see `SegmentRule.starts_in_graph`; places int32 [all segments,
            2], row and column of each segment in `valid`; segments float32 [all segments, frames, bands, channels];
            their numbers of real frames int32 [all segments].
        """
        if self.trained.system.whole_utterances:
            starts = tf.zeros_like(num_frames)[:, None]
            valid = tf.ones_like(starts, tf.bool)
            return starts, valid, tf.cast(tf.where(valid), tf.int32), features, num_frames
        frames = self.trained.rule.frames
        starts, valid = self.trained.rule.starts_in_graph(num_frames)
        places = tf.cast(tf.where(valid), tf.int32)
        rows, first = places[:, 0], tf.gather_nd(starts, places)
        counts = tf.minimum(frames, tf.gather(num_frames, rows) - first)
        columns = tf.minimum(first[:, None] + tf.range(frames)[None], tf.shape(features)[1] - 1)
        segments = tf.gather_nd(features, tf.stack([tf.repeat(rows[:, None], frames, axis=1), columns], axis=-1))
        return starts, valid, places, _masked(segments, counts), counts

    def _network(
        self,
        features: tf.Tensor,
        num_frames: tf.Tensor,
        auxiliary_inputs: Sequence[tf.Tensor],
        speaker_dense: tf.Tensor | None,
    ) -> Outputs:
        values = {"features": features, "num_frames": num_frames}
        values |= {spec.name: tensor for spec, tensor in zip(self.auxiliary_inputs, auxiliary_inputs, strict=True)}
        return self.networks(values, speaker_dense)

    def _probabilities(self, logits: tf.Tensor) -> tf.Tensor:
        """Returns the probabilities of segments for logits [..., classes]; the mean over the networks of an ensemble."""
        probabilities = tf.nn.softmax(logits)
        return tf.reduce_mean(probabilities, axis=-2) if self.trained.others else probabilities


def _answered(outputs: Outputs, codes: tf.Tensor) -> Outputs:
    """Returns the outputs with zeros in the rows that have an error or no finite probabilities, and the codes."""
    codes = row_checks.with_outputs(codes, outputs["probabilities"])
    return {**{name: row_checks.without_bad_rows(value, codes) for name, value in outputs.items()}, "error_code": codes}


def _masked(values: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    """Sets values [batch, places, …] beyond their counts [batch] to zero; a product with a mask would keep NaN."""
    mask = tf.sequence_mask(counts, tf.shape(values)[1])
    for _ in values.shape[2:]:
        mask = tf.expand_dims(mask, -1)
    return tf.where(mask, values, tf.zeros_like(values))
