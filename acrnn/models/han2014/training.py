"""Fits DNN-ELM: the DNN on the loudest windows by gradient descent, the ELM on whole utterances by least squares."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np

from acrnn import recipes
from acrnn.batches.sources import Batch, MemorySource, Source
from acrnn.batches.utterances import by_length, padded, whole_utterances
from acrnn.models.han2014 import network as han2014
from acrnn.models.han2014.config import Config
from acrnn.recipes import Recipe
from acrnn.training.network import Network, Steps

_MEANINGLESS = ("pooling", "oversampling", "averaging", "augmentation", "precision")
_FRAMES_AT_ONCE = 8192


class DnnElm(Network):
    """The network of `han2014.build` with its two stages of training; the rest is as for every network.

    An epoch is a pass over the training windows, after which the ELM is solved for anew: what validation sees, and
    chooses among, is the whole chain.

    Args:
        config: the network, and which windows train it.
        recipe: how the DNN is trained.

    Raises:
        UsageError: the recipe pools segments, oversamples, averages, augments or is in another precision than float32.
    """

    def __init__(self, config: Config, recipe: Recipe):
        recipes.refuse_changes(recipe, _MEANINGLESS, "DNN-ELM, trained on windows, which classifies whole utterances")
        self.config = config
        super().__init__(lambda: han2014.build(config), recipe)
        self.contexts = keras.Model(self.model.input, self.model.get_layer("windows").output)
        self.hidden = keras.Model(self.model.input, self.model.get_layer("elm_hidden").output)
        self.dnn = _dnn(self.model)
        self.dnn.compile(self.model.optimizer, self.model.loss)

    def _steps(self, train: Source, seed: int) -> Steps:
        return _WindowSteps(self, train, seed)

    def _scored(self, source: Source) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Scores, labels and rows of whole utterances, each of which is its only segment."""
        features, labels, rows = whole_utterances(source)
        return np.stack(_predicted(self.model, features)), labels, rows

    def loud_windows(self, features: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Of each utterance, its loudest windows [windows, context * bands], normalized as the DNN takes them."""

        def chosen(index: int, windows: np.ndarray) -> np.ndarray:
            return windows[
                loudest(window_energy(features[index], self.config.context_frames), self.config.energy_share)
            ]

        return _predicted(self.contexts, features, chosen)

    def solve_elm(self, features: Sequence[np.ndarray], labels: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Sets the output weights of the ELM; `weights` [utterances] weigh the squared errors."""
        hidden = np.stack(_predicted(self.hidden, features))
        targets = np.eye(self.config.num_classes)[labels]
        self.model.get_layer("elm_output").kernel.assign(ridge(hidden, targets, self.config.elm_ridge, weights))


class _WindowSteps(Steps):
    """Training steps on windows; an epoch ends with the ELM."""

    def __init__(self, network: DnnElm, train: Source, seed: int):
        self.network = network
        self.features, self.labels, _ = whole_utterances(train)
        super().__init__(
            network.dnn, network.recipe, _WindowSource(network.loud_windows(self.features), self.labels), seed
        )

    def epoch(self, number: int) -> float:
        loss = super().epoch(number)
        of_class = self.weights
        self.network.solve_elm(self.features, self.labels, None if of_class is None else of_class[self.labels])
        return loss


class _WindowSource(MemorySource):
    """Windows as a source of batches, each with its utterance's label."""

    def __init__(self, windows: Sequence[np.ndarray], labels: np.ndarray):
        self.windows = np.concatenate(windows)
        self.utterances = np.repeat(np.arange(len(windows)), [len(part) for part in windows])
        self.labels = labels[self.utterances]
        self.index = np.arange(len(self.windows))

    def _batch(self, index: np.ndarray) -> Batch:
        return Batch({"windows": self.windows[index]}, self.labels[index], self.utterances[index])


def _dnn(model: keras.Model) -> keras.Model:
    """The DNN alone, windows [batch, context * bands] to logits; it shares its layers with the model."""
    layers = [layer for layer in model.layers if layer.name.startswith("hidden_")]
    x = windows = keras.Input(model.get_layer("windows").output.shape[-1:], name="windows")
    for layer in [*layers, model.get_layer("window_logits")]:
        x = layer(x)
    return keras.Model({"windows": windows}, x)


def window_energy(features: np.ndarray, context_frames: int) -> np.ndarray:
    """Mean power of the real frames in the window around each frame [frames]; band 0 is the log energy of a frame."""
    power = np.exp(features[:, 0, 0].astype(np.float64))
    reach = context_frames // 2
    total, count = (
        np.convolve(values, np.ones(context_frames))[reach : reach + len(power)]
        for values in (power, np.ones_like(power))
    )
    return total / count


def loudest(energy: np.ndarray, share: float) -> np.ndarray:
    """Positions, in order, of the largest share of some energies: at least one, of equal ones the earlier."""
    count = int(np.ceil(share * len(energy)))
    return np.sort(np.argsort(-energy, kind="stable")[:count])


def ridge(hidden: np.ndarray, targets: np.ndarray, penalty: float, weights: np.ndarray | None = None) -> np.ndarray:
    """Output weights B of an ELM: (HᵀWH + λI)⁻¹ HᵀWT, the least squares of H·B to T with a penalty on B.

    Args:
        hidden: H, float [utterances, units].
        targets: T, float [utterances, classes], one-hot.
        penalty: λ, above 0.
        weights: the diagonal of W, float [utterances]; None for ones.

    Returns:
        float64 [units, classes].
    """
    h = hidden.astype(np.float64)
    weighted = h if weights is None else h * weights[:, None]
    return np.linalg.solve(weighted.T @ h + penalty * np.eye(h.shape[1]), weighted.T @ targets)


def _predicted(
    model: keras.Model,
    features: Sequence[np.ndarray],
    take: Callable[[int, np.ndarray], np.ndarray] = lambda index, output: output,
) -> list[np.ndarray]:
    """What a model gives for each utterance, in order; `take(index, output)` keeps the wanted part of an output."""
    found: dict[int, np.ndarray] = {}
    for indices in by_length([len(one) for one in features], len(features), _FRAMES_AT_ONCE):
        # not predict_on_batch, which compiles anew for every length; the products are too large to miss it
        outputs = keras.ops.convert_to_numpy(model(padded([features[index] for index in indices]), training=False))
        found |= {index: take(index, output) for index, output in zip(indices, outputs, strict=True)}
    return [found[index] for index in range(len(features))]
