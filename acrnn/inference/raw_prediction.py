"""The outputs of a model for one utterance, the same for all runtimes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from acrnn.model_card import ROW_ERRORS


@dataclass(frozen=True)
class RawPrediction:
    """Outputs of a model for one utterance.

    Attributes:
        probabilities: float [classes].
        segment_probabilities: float [segments, classes].
        segment_starts: first frame of each segment, int [segments].
        segment_frames: number of real frames of each segment, int [segments].
        attention: for each segment float [real frames], summing to one; None for a network without attention.
        embeddings: float [segments, units], values of the dense layer; None for a model without them.
    """

    probabilities: np.ndarray
    segment_probabilities: np.ndarray
    segment_starts: np.ndarray
    segment_frames: np.ndarray
    attention: list[np.ndarray] | None
    embeddings: np.ndarray | None = None

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, np.ndarray], hop_seconds: float) -> RawPrediction:
        """Returns the prediction in one row of the outputs of a model, see `export.graph.RecognitionGraph.utterances`.

        Args:
            outputs: a row of each output.
            hop_seconds: time from the start of a frame to the start of the next.

        Raises:
            ValueError: the model could not use the row; models of earlier versions do not say so.
        """
        if code := int(outputs.get("error_code", 0)):
            raise ValueError(f"the model cannot use a waveform: {ROW_ERRORS.get(code, f'error {code}')}")
        count = int(outputs["num_segments"])
        frames = outputs["segment_num_frames"][:count]
        attention = outputs.get("attention")
        return cls(
            probabilities=outputs["probabilities"],
            segment_probabilities=outputs["segment_probabilities"][:count],
            segment_starts=np.round(outputs["segment_start_seconds"][:count] / hop_seconds).astype(int),
            segment_frames=frames,
            attention=None if attention is None else [row[:n] for row, n in zip(attention, frames, strict=False)],
            embeddings=outputs["segment_embeddings"][:count] if "segment_embeddings" in outputs else None,
        )
