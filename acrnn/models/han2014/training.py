"""Trains DNN-ELM: the DNN on the loudest windows by gradient descent, the ELM on whole utterances by least squares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import keras
import numpy as np

from acrnn import recipes
from acrnn.batches.sources import Batch, MemorySource, Source
from acrnn.batches.utterances import by_length, padded, whole_utterances
from acrnn.models.han2014 import network as han2014
from acrnn.models.han2014.config import Config
from acrnn.recipes import Recipe
from acrnn.training.network import Network, SegmentLogits
from acrnn.training.steps import Steps
from acrnn.training.trainer import Trainer, make_trainer

_UNUSED_FIELDS = (
    "pooling",
    "oversampling",
    "balanced_draw",
    "segment_weights",
    "random_enrolment",
    "averaging",
    "augmentation",
    "precision",
)
_FRAMES_AT_ONCE = 8192


class DnnElm(Network):
    """The estimator of DNN-ELM.

    An epoch trains the DNN on all training windows once and then solves for the ELM, so that validation and checkpoint
    selection use the complete network.

    Args:
        config: sizes of the network, and the share of windows that train it.
        recipe: training recipe of the DNN.

    Attributes:
        context_model: network inputs → windows [batch, frames, context * bands], normalized.
        hidden_model: network inputs → hidden layer of the ELM [batch, elm_units].
        dnn: windows [batch, context * bands] → logits; shares its layers with `model`.

    Raises:
        UsageError: the recipe pools or draws segments, oversamples, averages, augments or has a precision other than float32.
    """

    def __init__(self, config: Config, recipe: Recipe):
        recipes.refuse_changes(recipe, _UNUSED_FIELDS, "DNN-ELM, trained on windows, which classifies whole utterances")
        self.config = config
        super().__init__(lambda: han2014.build(config), recipe)
        self.context_model = keras.Model(self.model.input, self.model.get_layer("windows").output)
        self.hidden_model = keras.Model(self.model.input, self.model.get_layer("elm_hidden").output)
        self.dnn = _dnn(self.model)
        self.dnn.compile(self.model.optimizer, self.model.loss)

    def training_steps(self, train: Source, seed: int) -> Steps:
        """Returns steps on the loudest windows of the training utterances; every epoch ends with the ELM."""
        return _WindowSteps(self, train, seed)

    @cached_property
    def trainer(self) -> Trainer:
        """The trainer of the DNN."""
        return make_trainer(self.dnn)

    def segment_logits(self, source: Source) -> SegmentLogits:
        """Returns scores, labels and rows of whole utterances: each is one segment."""
        features, labels, rows = whole_utterances(source)
        return SegmentLogits(np.stack(_predict(self.model, features)), labels, rows)

    def loud_windows(self, features: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Returns the normalized windows with the highest energy of each utterance, [windows, context * bands].

        Args:
            features: utterances float32 [frames, bands, channels].
        """

        def select(index: int, windows: np.ndarray) -> np.ndarray:
            energy = window_energy(features[index], self.config.context_frames)
            return windows[loudest(energy, self.config.energy_share)]

        return _predict(self.context_model, features, select)

    def solve_elm(self, features: Sequence[np.ndarray], labels: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Sets the output weights of the ELM.

        Args:
            features: utterances float32 [frames, bands, channels].
            labels: int [utterances].
            weights: weights of the squared errors, float [utterances]; None for ones.
        """
        hidden = np.stack(_predict(self.hidden_model, features))
        targets = np.eye(self.config.num_classes)[labels]
        self.model.get_layer("elm_output").kernel.assign(ridge(hidden, targets, self.config.elm_ridge, weights))


class _WindowSteps(Steps):
    """Training steps on windows; every epoch ends with the ELM."""

    def __init__(self, network: DnnElm, train: Source, seed: int):
        self.network = network
        self.features, self.labels, _ = whole_utterances(train)
        windows = WindowSource(network.loud_windows(self.features), self.labels)
        super().__init__(network.dnn, network.recipe, windows, seed, network.trainer)

    def epoch(self, number: int) -> float:
        loss = super().epoch(number)
        weights = None if self.class_weights is None else self.class_weights[self.labels]
        self.network.solve_elm(self.features, self.labels, weights)
        return loss


class WindowSource(MemorySource):
    """Source of batches of windows with the labels of their utterances.

    Args:
        windows: windows of each utterance, float32 [windows, context * bands].
        labels: int [utterances].
    """

    def __init__(self, windows: Sequence[np.ndarray], labels: np.ndarray):
        self.windows = np.concatenate(windows)
        self.utterances = np.repeat(np.arange(len(windows)), [len(part) for part in windows])
        self.labels = labels[self.utterances]
        self.index = np.arange(len(self.windows))

    @property
    def used_labels(self) -> np.ndarray:
        return self.labels[self.index]

    def _batch(self, index: np.ndarray) -> Batch:
        return Batch({"windows": self.windows[index]}, self.labels[index], self.utterances[index])


def _dnn(model: keras.Model) -> keras.Model:
    """The DNN alone, windows [batch, context * bands] → logits; it shares its layers with the model."""
    layers = [layer for layer in model.layers if layer.name.startswith("hidden_")]
    x = windows = keras.Input(model.get_layer("windows").output.shape[-1:], name="windows")
    for layer in [*layers, model.get_layer("window_logits")]:
        x = layer(x)
    return keras.Model({"windows": windows}, x)


def window_energy(features: np.ndarray, context_frames: int) -> np.ndarray:
    """Returns the mean power of the window around each frame, float64 [frames]; frames beyond the ends do not count.

    Args:
        features: float32 [frames, bands, channels], where band 0 is the log energy of the frame.
        context_frames: frames in a window.
    """
    power = np.exp(features[:, 0, 0].astype(np.float64))
    reach = context_frames // 2
    total, count = (
        np.convolve(values, np.ones(context_frames))[reach : reach + len(power)]
        for values in (power, np.ones_like(power))
    )
    return total / count


def loudest(energy: np.ndarray, share: float) -> np.ndarray:
    """Returns the sorted positions int [selected] of the largest energies: at least one, and the earlier of equal ones.

    Args:
        energy: float [windows].
        share: share of the windows to select, above 0, up to 1.
    """
    count = int(np.ceil(share * len(energy)))
    return np.sort(np.argsort(-energy, kind="stable")[:count])


def ridge(hidden: np.ndarray, targets: np.ndarray, penalty: float, weights: np.ndarray | None = None) -> np.ndarray:
    """Returns the output weights of an ELM, B = (HᵀWH + λI)⁻¹ HᵀWT: ridge regression of T on H.

    Args:
        hidden: H, float [utterances, units].
        targets: T, float [utterances, classes], one-hot.
        penalty: λ, above 0.
        weights: diagonal of W, float [utterances]; None for ones.

    Returns:
        float64 [units, classes].
    """
    h = hidden.astype(np.float64)
    weighted = h if weights is None else h * weights[:, None]
    return np.linalg.solve(weighted.T @ h + penalty * np.eye(h.shape[1]), weighted.T @ targets)


def _predict(
    model: keras.Model,
    features: Sequence[np.ndarray],
    select: Callable[[int, np.ndarray], np.ndarray] = lambda index, output: output,
) -> list[np.ndarray]:
    """Outputs of a model for each utterance, in order; `select(index, output)` returns the part of an output to keep."""
    results: dict[int, np.ndarray] = {}
    for indices in by_length([len(utterance) for utterance in features], len(features), _FRAMES_AT_ONCE):
        # predict_on_batch would compile anew for every length; the matrix products are large enough without it
        outputs = keras.ops.convert_to_numpy(model(padded([features[index] for index in indices]), training=False))
        results |= {index: select(index, output) for index, output in zip(indices, outputs, strict=True)}
    return [results[index] for index in range(len(features))]
