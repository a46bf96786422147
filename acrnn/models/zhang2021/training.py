"""Fits DCNN-BLSTMwA: AlexNet on windows, then what follows on the features that it makes of all windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np

from acrnn.batches.sources import MemorySource, Source
from acrnn.errors import UsageError
from acrnn.models.zhang2021 import network as zhang2021
from acrnn.models.zhang2021.config import Config
from acrnn.models.zhang2021.pretraining import Pretraining
from acrnn.models.zhang2021.windows import WindowSource
from acrnn.recipes import Recipe
from acrnn.recipes.initial_weights import RANDOM, InitialWeights
from acrnn.training.estimator import Epoch, Fit
from acrnn.training.network import Network, full_batch


class TwoStage(Network):
    """The network of `zhang2021.build`, whose two parts are trained one after the other as networks of their own.

    In each stage the epoch is chosen on the validation speakers, in the first by the pooled posteriors of the windows.
    FC7 features of all windows are computed once, after the first stage; pictures of 227×227 are never stored.

    Args:
        config: the network.
        recipe: how its stages are trained; a recipe of one stage serves for both.
        initial_weights: where AlexNet's weights come from.

    Raises:
        UsageError: the recipe stops early, which leaves open where a stage ends.
    """

    def __init__(self, config: Config, recipe: Recipe, initial_weights: InitialWeights = RANDOM):
        if recipe.patience:
            raise UsageError(
                f"--patience {recipe.patience}: each of the two stages goes to its end and keeps its best epoch; leave it out"
            )
        self.config = config
        first, second = recipe.stages[0], recipe.stages[-1]
        self.windows = _WindowNetwork(lambda: zhang2021.build_window_network(config), first)
        self.sequence = _SequenceNetwork(lambda: zhang2021.build_sequence_network(config), second)
        fc7 = self.windows.model.get_layer("window_dropout").input
        self.extractor = keras.Model(self.windows.model.input, fc7)
        super().__init__(lambda: zhang2021.build(config), second)
        self.pretraining = Pretraining(self, initial_weights)
        self._gather()

    def _compile(self) -> None:
        """The whole is never trained: an optimizer for its 62 million weights would be half a gigabyte for nothing."""

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
        self.windows.initial = self.pretraining.weights(*parts, seed)
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


class _WindowNetwork(Network):
    """The first stage, whose AlexNet may start with given weights."""

    initial: list[np.ndarray] | None = None

    def restart(self, seed: int) -> None:
        super().restart(seed)
        if self.initial is not None:
            self.model.get_layer("alexnet").set_weights(self.initial)


class _SequenceNetwork(Network):
    """The second stage, whose features need no normalization."""

    def _adapt(self, source: Source) -> None:
        pass
