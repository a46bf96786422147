"""Weights of AlexNet before the first stage, as a start asks for them; see `acrnn.recipes.initial_weights`.

Two tasks need no ImageNet. Another labeled corpus is one. The other needs no labels: to tell whether a window runs
forwards or backwards, for which one must know how pitch and energy rise and fall in speech, much of what carries emotion.
Real windows are turned round, so that it costs nothing, and no mask tells which they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from acrnn.batches.sources import Feeder
from acrnn.models.zhang2021 import alexnet_weights
from acrnn.models.zhang2021 import network as zhang2021
from acrnn.models.zhang2021.windows import ReversedWindows, WindowSource
from acrnn.recipes.initial_weights import InitialWeights
from acrnn.records import RecordSet
from acrnn.training.network import Network

if TYPE_CHECKING:
    from acrnn.models.zhang2021.training import TwoStage


class Pretraining:
    """Makes the weights that AlexNet starts with, once a seed where they do not depend on the fold.

    Args:
        network: whose first stage is to start.
        start: from where.
    """

    def __init__(self, network: TwoStage, initial_weights: InitialWeights):
        self.network, self.initial_weights = network, initial_weights
        self._of_seed: dict[int, list[np.ndarray]] = {}
        self._task: Network | None = None

    def weights(self, train: WindowSource, validation: WindowSource, seed: int) -> list[np.ndarray] | None:
        """Weights of the layer "alexnet"; None for a random start.

        Args:
            train, validation: windows of the fold; of the task without labels they are all that is heard.
            seed: of the pre-training.
        """
        if self.initial_weights.kind == "random":
            return None
        if self.initial_weights.kind == "time-arrow":
            return self._trained(2, ReversedWindows(train), ReversedWindows(validation), seed)
        if seed not in self._of_seed:
            made = self._imagenet() if self.initial_weights.kind == "imagenet" else self._other_corpus(seed)
            self._of_seed = {seed: made}
        return self._of_seed[seed]

    def _imagenet(self) -> list[np.ndarray]:
        alexnet = self.network.windows.model.get_layer("alexnet")
        alexnet_weights.read(self.initial_weights.path).assign(alexnet)
        return alexnet.get_weights()

    def _other_corpus(self, seed: int) -> list[np.ndarray]:
        """Trained on all speakers of another corpus but the last, who chooses the epoch."""
        records = RecordSet(self.initial_weights.path)
        rows, feeder = records.utterances, Feeder(records)
        last = max(row.speaker for row in rows)
        train = [row.id for row in rows if row.speaker != last]
        validation = [row.id for row in rows if row.speaker == last and not row.copy_of]
        parts = [self.network.cut(feeder.source(ids)) for ids in (train, validation)]
        return self._trained(len(records.manifest.labels), *parts, seed)

    def _trained(self, num_classes: int, train: WindowSource, validation: WindowSource, seed: int) -> list[np.ndarray]:
        if self._task is None:
            config, recipe = self.network.config, self.network.windows.recipe
            self._task = Network(lambda: zhang2021.build_window_network(config, num_classes), recipe)
        self._task.fit(train, validation, seed)
        return self._task.model.get_layer("alexnet").get_weights()
