"""Initial weights of AlexNet for the first stage of training; see `acrnn.recipes.initial_weights`.

In addition to weights trained on ImageNet, there are two pre-training tasks on speech. One is emotion recognition on another labeled
corpus. The other needs no labels: a network learns to tell whether a window runs forwards or backwards, for which it must
learn how pitch and energy rise and fall in speech, which carries much of the emotion. The real frames of a window are
reversed, which costs nothing, and padding does not give the direction away.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from acrnn.batches.sources import Source
from acrnn.models.zhang2021 import alexnet_weights
from acrnn.models.zhang2021.windows import ReversedWindows, WindowSource
from acrnn.recipes.initial_weights import InitialWeights
from acrnn.training.network import Network
from acrnn.training.pretraining import CorpusPretraining


class Pretraining:
    """Source of the initial weights of AlexNet; weights that do not depend on the fold are computed once for each seed.

    Args:
        initial_weights: kind of initial weights.
        window_network: network of the first stage.
        make_task_network: returns a window network like it, for a pre-training task with a number of classes.
        cut: cuts the segments of a source into windows.

    Attributes:
        corpus: the pre-training on another corpus; None for another kind of initial weights.
    """

    def __init__(
        self,
        initial_weights: InitialWeights,
        window_network: Network,
        make_task_network: Callable[[int], Network],
        cut: Callable[[Source], WindowSource],
    ):
        self.initial_weights = initial_weights
        self.window_network, self.make_task_network = window_network, make_task_network
        self.corpus: CorpusPretraining | None = None
        if initial_weights.kind == "corpus":
            self.corpus = CorpusPretraining(initial_weights.source, make_task_network, _weights_of_alexnet, cut)
        self._imagenet_weights: list[np.ndarray] | None = None
        self._task_network: Network | None = None

    def weights(self, train: WindowSource, validation: WindowSource | None, seed: int) -> list[np.ndarray] | None:
        """Returns the weights of the layer "alexnet"; None for random initial weights.

        Args:
            train, validation: windows of the fold; the task without labels uses only these.
            seed: random seed of the pre-training.
        """
        match self.initial_weights.kind:
            case "random":
                return None
            case "time-arrow":
                return self._direction_of_time(train, validation, seed)
        return self.corpus.weights(seed) if self.corpus else self._imagenet()

    def _imagenet(self) -> list[np.ndarray]:
        if self._imagenet_weights is None:
            alexnet = self.window_network.model.get_layer("alexnet")
            alexnet_weights.read(self.initial_weights.source).assign(alexnet)
            self._imagenet_weights = alexnet.get_weights()
        return self._imagenet_weights

    def _direction_of_time(self, train: WindowSource, validation: WindowSource | None, seed: int) -> list[np.ndarray]:
        if self._task_network is None:
            self._task_network = self.make_task_network(2)
        self._task_network.fit(ReversedWindows(train), validation and ReversedWindows(validation), seed)
        return _weights_of_alexnet(self._task_network)


def _weights_of_alexnet(network: Network) -> list[np.ndarray]:
    return network.model.get_layer("alexnet").get_weights()
