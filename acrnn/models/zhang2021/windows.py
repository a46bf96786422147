"""Sources of batches of windows: as they are, and reversed in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from acrnn.batches.sources import Batch, MemorySource, Source, in_memory


class WindowSource(MemorySource):
    """The windows of the segments of a source, cut batch by batch, because overlapping windows would take twice the memory.

    Args:
        source: segments; a stream is read into memory, because a batch holds windows of many utterances.
        starts: first frame of each window in a segment.
        frames: number of frames in a window.
        masked: exclude windows without any real frame.

    Attributes:
        segments: the segments in memory.
        segment, window: int [windows]: row of the segment, and position in `starts`, of each window.
        real: real frames int [segments, starts] of every window.
    """

    def __init__(self, source: Source, starts: Sequence[int], frames: int, masked: bool = True):
        self.segments, self.starts, self.frames = in_memory(source), np.array(starts), frames
        self.real = np.clip(self.segments.num_frames[:, None] - self.starts, 0, frames)
        self.segment, self.window = np.nonzero((self.real > 0) | (not masked))
        # labels and utterances by window; the features stay those of the segments until a batch is cut
        labels, utterances = (values[self.segment] for values in (self.segments.labels, self.segments.utterances))
        self.data = replace(self.segments, labels=labels, utterances=utterances)
        self.index = np.arange(len(self.segment))

    def batch(self, index: np.ndarray) -> Batch:
        """Returns the windows at the given positions, int [batch]."""
        return self._batch(index)

    def _batch(self, index: np.ndarray) -> Batch:
        rows, windows = self.segment[index], self.window[index]
        places = self.starts[windows, None] + np.arange(self.frames)
        features = np.asarray(self.segments.features[rows[:, None], places], np.float32)
        inputs = {"features": features, "num_frames": self.real[rows, windows].astype(np.int32)}
        return Batch(inputs, self.data.labels[index], self.data.utterances[index])


class ReversedWindows(WindowSource):
    """Windows as they are (class 0) and reversed in time (class 1).

    The real frames are reversed and the padding stays after them. Deltas change their sign, since a reversed fall is a rise.

    Args:
        windows: windows as they are.
    """

    def __init__(self, windows: WindowSource):
        self.windows, count = windows, len(windows)
        labels = np.repeat([0, 1], count).astype(np.int32)
        # an utterance and its reversed copy are pooled separately
        utterances = np.tile(windows.data.utterances, 2) * 2 + labels
        self.data = replace(windows.data, labels=labels, utterances=utterances)
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
