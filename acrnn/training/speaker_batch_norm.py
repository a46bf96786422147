"""Batch normalization by the statistics of a speaker's recordings in place of those of the training part.

Adaptive batch normalization (Li et al. 2017, "Revisiting Batch Normalization For Practical Domain Adaptation") of the last batch
normalization, whose inputs describe whole segments. Nothing is trained and no label is used: mean and variance are exchanged while
the utterances of one speaker are predicted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from acrnn.batches.sources import Source
from acrnn.batches.speaker_statistics import BATCH_NORM_LAYER
from acrnn.training.prediction import predict_batch


class SpeakerBatchNorm:
    """Exchanges the statistics of the last batch normalization of a network for those of recordings.

    Args:
        model: network with a layer `BATCH_NORM_LAYER`, whose inputs are [segments, units].
        batch_size: segments that the network is called with.
    """

    def __init__(self, model: keras.Model, batch_size: int):
        self.layer = model.get_layer(BATCH_NORM_LAYER)
        self.batch_size = batch_size
        self._inputs = keras.Model(model.input, self.layer.input)

    @contextmanager
    def adapted(self, source: Source, share: float = 1.0) -> Iterator[None]:
        """Predicts, inside the context, with the mean and variance over the segments of a source, all of one speaker.

        Args:
            source: segments of the recordings.
            share: weight of their mean and variance, see `acrnn.frontends.statistics.own_share`; those of the training part have the rest.
        """
        batches = [batch.inputs for batch in source.ordered(self.batch_size)]
        values = np.concatenate([predict_batch(self._inputs, inputs, self.batch_size) for inputs in batches])
        own = np.stack([values.mean(axis=0, dtype=np.float64), values.var(axis=0, dtype=np.float64)])
        trained = np.stack([np.array(value) for value in (self.layer.moving_mean, self.layer.moving_variance)])
        with exchanged(self.layer, *(share * own + (1 - share) * trained)):
            yield


@contextmanager
def exchanged(layer: keras.layers.BatchNormalization, mean: np.ndarray, variance: np.ndarray) -> Iterator[None]:
    """Gives a batch normalization another mean and variance, each float [units], inside the context."""
    own = [np.array(value) for value in (layer.moving_mean, layer.moving_variance)]
    try:
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)
        yield
    finally:
        layer.moving_mean.assign(own[0])
        layer.moving_variance.assign(own[1])
