"""Fits DCNN-BLSTMwA: AlexNet on windows, then what follows on the features that it makes of all windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import keras
import numpy as np

from acrnn.console import UsageError
from acrnn.feeding import Batch, MemorySource, Source
from acrnn.models import zhang2021
from acrnn.recipes import Recipe
from acrnn.records import Segments
from acrnn.training import Epoch, Fit, Network, full_batch


class TwoStage(Network):
    """The network of `zhang2021.build`, whose two parts are trained one after the other as networks of their own.

    In each stage the epoch is chosen on the validation speakers, in the first by the pooled posteriors of the windows.
    FC7 features of all windows are computed once, after the first stage; pictures of 227×227 are never stored.

    Args:
        config: the network.
        recipe: how its stages are trained; a recipe of one stage serves for both.

    Raises:
        UsageError: the recipe stops early, which leaves open where a stage ends.
    """

    def __init__(self, config: zhang2021.Config, recipe: Recipe):
        if recipe.patience:
            raise UsageError(
                f"--patience {recipe.patience}: each of the two stages goes to its end and keeps its best epoch; leave it out"
            )
        self.config = config
        first, second = recipe.stages[0], recipe.stages[-1]
        self.windows = Network(lambda: zhang2021.build_window_network(config), first)
        self.sequence = _SequenceNetwork(lambda: zhang2021.build_sequence_network(config), second)
        fc7 = self.windows.model.get_layer("window_dropout").input
        self.extractor = keras.Model(self.windows.model.input, fc7)
        super().__init__(lambda: zhang2021.build(config), second)
        self._gather()

    def _compile(self) -> None:
        """The whole is never trained: an optimiser for its 62 million weights would be half a gigabyte for nothing."""

    def _gather(self) -> None:
        """Takes over the weights of the parts."""
        whole = {layer.name: layer for layer in self.model.layers}
        for part in (self.windows.model, self.sequence.model):
            for layer in part.layers:
                if layer.weights and layer.name in whole:
                    whole[layer.name].set_weights(layer.get_weights())

    def restart(self, seed: int) -> None:
        self.windows.restart(seed)
        self.sequence.restart(seed)
        self._gather()

    def fit(
        self,
        train: Source,
        validation: Source,
        seed: int,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
        statistics: Source | None = None,
    ) -> Fit:
        """See `Network.fit`; the curve has the epochs of the first stage, then those of the second."""
        parts = [self.cut(train), self.cut(validation)]
        first = self.windows.fit(*parts, seed, on_epoch, statistics and self.cut(statistics))
        done = len(first.curve)
        second = self.sequence.fit(
            *[self._extracted(part) for part in parts],
            seed,
            lambda epoch: on_epoch(replace(epoch, epoch=done + epoch.epoch)),
        )
        self._gather()
        later = tuple(replace(epoch, epoch=done + epoch.epoch) for epoch in second.curve)
        return Fit(first.curve + later, done + second.best_epoch)

    def cut(self, source: Source) -> WindowSource:
        """The windows of a source's segments."""
        return WindowSource(source, self.config.window_starts, self.config.context_frames, self.config.masked)

    def _extracted(self, windows: WindowSource) -> MemorySource:
        """Segments as FC7 features of their windows [segments, windows, fc_units], zero where a window is left out."""
        segments, size = windows.segments, self.windows.recipe.batch_size
        features = np.zeros((len(segments), len(self.config.window_starts), self.config.fc_units), np.float32)
        for start in range(0, len(windows), size):
            index = windows.index[start : start + size]
            inputs, count = full_batch(windows.batch(index).inputs, size)
            found = np.asarray(self.extractor.predict_on_batch(inputs), np.float32)[:count]
            features[windows.segment[index], windows.window[index]] = found
        return MemorySource(replace(segments, features=features), np.unique(segments.utterances))


class _SequenceNetwork(Network):
    """The second stage, whose features need no normalisation."""

    def _adapt(self, source: Source) -> None:
        pass


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
        rows = (
            self.segment
        )  # what a source says of its segments, here of windows, whose features are cut when asked for
        self.data = replace(self.segments, labels=self.segments.labels[rows], utterances=self.segments.utterances[rows])
        self.index = np.arange(len(rows))

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
