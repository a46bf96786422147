"""Initial weights of AlexNet for the first stage of training; see `acrnn.recipes.initial_weights`.

In addition to weights trained on ImageNet, there are two pre-training tasks on speech. One is emotion recognition on another labeled
corpus. The other needs no labels: a network learns to tell whether a window runs forwards or backwards, for which it must
learn how pitch and energy rise and fall in speech, which carries much of the emotion. The real frames of a window are
reversed, which costs nothing, and padding does not give the direction away.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from acrnn.batches.sources import Feeder, Source
from acrnn.models.zhang2021 import alexnet_weights
from acrnn.models.zhang2021.windows import ReversedWindows, WindowSource
from acrnn.recipes.initial_weights import InitialWeights
from acrnn.records import RecordSet
from acrnn.training.network import Network


class Pretraining:
    """Source of the initial weights of AlexNet; weights that do not depend on the fold are computed once for each seed.

    Args:
        initial_weights: kind of initial weights.
        window_network: network of the first stage.
        make_task_network: returns a window network like it, for a pre-training task with a number of classes.
        cut: cuts the segments of a source into windows.
    """

    def __init__(
        self,
        initial_weights: InitialWeights,
        window_network: Network,
        make_task_network: Callable[[int], Network],
        cut: Callable[[Source], WindowSource],
    ):
        self.initial_weights = initial_weights
        self.window_network, self.make_task_network, self.cut = window_network, make_task_network, cut
        self._weights_of_seed: dict[int, list[np.ndarray]] = {}
        self._task_network: Network | None = None

    def weights(self, train: WindowSource, validation: WindowSource, seed: int) -> list[np.ndarray] | None:
        """Returns the weights of the layer "alexnet"; None for random initial weights.

        Args:
            train, validation: windows of the fold; the task without labels uses only these.
            seed: random seed of the pre-training.
        """
        match self.initial_weights.kind:
            case "random":
                return None
            case "time-arrow":
                return self._train(2, ReversedWindows(train), ReversedWindows(validation), seed)
        if seed not in self._weights_of_seed:
            imagenet = self.initial_weights.kind == "imagenet"
            self._weights_of_seed = {seed: self._imagenet() if imagenet else self._other_corpus(seed)}
        return self._weights_of_seed[seed]

    def _imagenet(self) -> list[np.ndarray]:
        alexnet = self.window_network.model.get_layer("alexnet")
        alexnet_weights.read(self.initial_weights.path).assign(alexnet)
        return alexnet.get_weights()

    def _other_corpus(self, seed: int) -> list[np.ndarray]:
        """Trains on all speakers of another corpus but the last, which is used for checkpoint selection."""
        records = RecordSet(self.initial_weights.path)
        rows, feeder = records.utterances, Feeder(records)
        last = max(row.speaker for row in rows)
        train = [row.id for row in rows if row.speaker != last]
        validation = [row.id for row in rows if row.speaker == last and not row.copy_of]
        parts = [self.cut(feeder.source(ids)) for ids in (train, validation)]
        return self._train(len(records.manifest.labels), *parts, seed)

    def _train(self, num_classes: int, train: WindowSource, validation: WindowSource, seed: int) -> list[np.ndarray]:
        if self._task_network is None:
            self._task_network = self.make_task_network(num_classes)
        self._task_network.fit(train, validation, seed)
        return self._task_network.model.get_layer("alexnet").get_weights()
