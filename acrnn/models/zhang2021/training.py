"""Trains DCNN-BLSTMwA in two stages: AlexNet on windows, then BLSTM, attention and dense layers on FC7 of all windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np

from acrnn import recipes
from acrnn.batches.sources import MemorySource, Source
from acrnn.errors import FieldError
from acrnn.models.zhang2021 import network as zhang2021
from acrnn.models.zhang2021.config import Config
from acrnn.models.zhang2021.pretraining import Pretraining
from acrnn.models.zhang2021.windows import WindowSource
from acrnn.recipes import Recipe
from acrnn.recipes.initial_weights import RANDOM, InitialWeights
from acrnn.training.estimator import Epoch, Fit
from acrnn.training.network import Network
from acrnn.training.prediction import predict_batch


class TwoStage(Network):
    """The estimator of DCNN-BLSTMwA: its two parts are networks of their own, trained one after the other.

    Checkpoint selection uses the validation speakers in each stage, in the first with the pooled posteriors of the windows.
    FC7 of all windows is computed once, after the first stage; pictures of 227×227 are never stored.

    Args:
        config: sizes and options of the network.
        recipe: training recipe of both stages; a recipe of one stage is used for both.
        initial_weights: initial weights of AlexNet.

    Attributes:
        window_network: first stage: AlexNet with a softmax, on windows.
        sequence_network: second stage, on FC7 of all windows of a segment.
        pretraining: source of the initial weights.

    Raises:
        FieldError: the recipe has early stopping, with which the end of the first stage would be unknown, a balanced draw or
            a maximum number of steps.
    """

    def __init__(self, config: Config, recipe: Recipe, initial_weights: InitialWeights = RANDOM):
        if recipe.patience:
            raise FieldError(
                "patience", recipe.patience, "two-stage training has no early stopping; leave it out (None)"
            )
        recipes.refuse_changes(
            recipe, ("balanced_draw", "max_steps", "segment_weights", "random_enrolment"), "two-stage training"
        )
        self.config = config
        first, second = recipe.stages[0], recipe.stages[-1]
        self.window_network = _WindowNetwork(lambda: zhang2021.build_window_network(config), first)
        self.sequence_network = _SequenceNetwork(lambda: zhang2021.build_sequence_network(config), second)
        fc7 = self.window_network.model.get_layer("window_dropout").input
        self._fc7_model = keras.Model(self.window_network.model.input, fc7)
        super().__init__(lambda: zhang2021.build(config), second)
        self.pretraining = Pretraining(initial_weights, self.window_network, self._task_network, self.cut)
        self._copy_weights_of_stages()

    def _task_network(self, num_classes: int) -> Network:
        build = zhang2021.build_window_network
        return Network(lambda: build(self.config, num_classes), self.window_network.recipe)

    def compile(self) -> None:
        """Does nothing: only the stages are trained, and an optimizer for 62 million weights would take half a gigabyte."""

    def _copy_weights_of_stages(self) -> None:
        layers = {layer.name: layer for layer in self.model.layers}
        for stage in (self.window_network.model, self.sequence_network.model):
            for layer in stage.layers:
                if layer.weights and layer.name in layers:
                    layers[layer.name].set_weights(layer.get_weights())

    def reset(self, seed: int) -> None:
        """Resets both stages."""
        self.window_network.reset(seed)
        self.sequence_network.reset(seed)
        self._copy_weights_of_stages()

    def fit(
        self,
        train: Source,
        validation: Source | None,
        seed: int,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
        statistics: Source | None = None,
    ) -> Fit:
        """See `Estimator.fit`; the learning curve has the epochs of the first stage, then those of the second."""
        parts = [self.cut(train), validation and self.cut(validation)]
        self.window_network.initial_alexnet = self.pretraining.weights(*parts, seed)
        first = self.window_network.fit(*parts, seed, on_epoch, statistics and self.cut(statistics))
        first_epochs = len(first.curve)
        second = self.sequence_network.fit(
            *[part and self.fc7_source(part) for part in parts],
            seed,
            lambda epoch: on_epoch(replace(epoch, epoch=first_epochs + epoch.epoch)),
        )
        self._copy_weights_of_stages()
        later = tuple(replace(epoch, epoch=first_epochs + epoch.epoch) for epoch in second.curve)
        return Fit(first.curve + later, first_epochs + second.best_epoch)

    def cut(self, source: Source) -> WindowSource:
        """Cuts the segments of a source into windows."""
        return WindowSource(source, self.config.window_starts, self.config.context_frames, self.config.masked)

    def fc7_source(self, windows: WindowSource) -> MemorySource:
        """Returns segments as FC7 of their windows, float32 [segments, windows, fc_units]; zero for excluded windows."""
        segments, size = windows.segments, self.window_network.recipe.batch_size
        features = np.zeros((len(segments), len(self.config.window_starts), self.config.fc_units), np.float32)
        for start in range(0, len(windows), size):
            index = windows.index[start : start + size]
            fc7 = predict_batch(self._fc7_model, windows.batch(index).inputs, size)
            features[windows.segment[index], windows.window[index]] = fc7.astype(np.float32)
        return MemorySource(replace(segments, features=features), np.unique(segments.utterances))


class _WindowNetwork(Network):
    """The first stage, with given initial weights of AlexNet, or None for random ones."""

    initial_alexnet: list[np.ndarray] | None = None

    def reset(self, seed: int) -> None:
        super().reset(seed)
        if self.initial_alexnet is not None:
            self.model.get_layer("alexnet").set_weights(self.initial_alexnet)


class _SequenceNetwork(Network):
    """The second stage."""

    def adapt(self, source: Source) -> None:
        """Does nothing: FC7 is not normalized."""
