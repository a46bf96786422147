"""Windows of segments as sources of batches: as they are, and turned round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from acrnn.batches.sources import Batch, MemorySource, Source
from acrnn.records import Segments


class WindowSource(MemorySource):
    """The windows of some segments, cut when a batch asks for them: overlapping, they would take twice the memory.

    Args:
        source: of segments; a stream is read into memory, since windows are drawn across utterances.
        starts, frames: of the windows.
        masked: leave out windows without any real frame.
    """

    def __init__(self, source: Source, starts: Sequence[int], frames: int, masked: bool = True):
        self.segments, self.starts, self.frames = _held(source), np.array(starts), frames
        self.real = np.clip(self.segments.num_frames[:, None] - self.starts, 0, frames)
        self.segment, self.window = np.nonzero((self.real > 0) | (not masked))
        # what a source says of its segments, here of windows, whose features are cut when asked for
        labels, utterances = (values[self.segment] for values in (self.segments.labels, self.segments.utterances))
        self.data = replace(self.segments, labels=labels, utterances=utterances)
        self.index = np.arange(len(self.segment))

    def batch(self, index: np.ndarray) -> Batch:
        """The windows at some positions."""
        return self._batch(index)

    def _batch(self, index: np.ndarray) -> Batch:
        rows, windows = self.segment[index], self.window[index]
        places = self.starts[windows, None] + np.arange(self.frames)
        features = np.asarray(self.segments.features[rows[:, None], places], np.float32)
        inputs = {"features": features, "num_frames": self.real[rows, windows].astype(np.int32)}
        return Batch(inputs, self.data.labels[index], self.data.utterances[index])


def _held(source: Source) -> Segments:
    """The segments of a source in memory."""
    if isinstance(source, MemorySource):
        return source.data[source.index]
    batches = list(source.ordered(256))
    return Segments(
        *(np.concatenate([batch.inputs[name] for batch in batches]) for name in ("features", "num_frames")),
        np.concatenate([batch.labels for batch in batches]),
        np.concatenate([batch.utterances for batch in batches]),
    )


class ReversedWindows(WindowSource):
    """Windows, and the same turned round, as two classes: 0 runs forwards, 1 backwards.

    Real frames are turned, padding stays behind them. What is turned rises where it fell: deltas change their sign.

    Args:
        windows: as they are.
    """

    def __init__(self, windows: WindowSource):
        self.windows, count = windows, len(windows)
        labels = np.repeat([0, 1], count).astype(np.int32)
        twice = np.tile(windows.data.utterances, 2) * 2 + labels  # what is pooled runs one way
        self.data = replace(windows.data, labels=labels, utterances=twice)
        self.index = np.arange(2 * count)

    def _batch(self, index: np.ndarray) -> Batch:
        labels = self.data.labels[index]
        inputs = self.windows.batch(index % len(self.windows)).inputs
        features = inputs["features"].copy()
        for row in np.flatnonzero(labels):
            real = inputs["num_frames"][row]
            features[row, :real] = features[row, :real][::-1]
            features[row, :real, :, 1:2] *= -1
        return Batch({**inputs, "features": features}, labels, self.data.utterances[index])
