"""Fits a network on whole utterances of any length with their auxiliary_inputs: text, speaker embedding."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from acrnn import recipes
from acrnn.batches.network_inputs import network_inputs
from acrnn.batches.sources import Source
from acrnn.batches.utterances import UtteranceSource
from acrnn.recipes import Recipe
from acrnn.text.embedding import embedding_of
from acrnn.text.vocabulary import Vocabulary
from acrnn.training.estimator import Epoch, Fit
from acrnn.training.network import Network


class UtteranceNetwork(Network):
    """A network that takes utterances whole; the rest is as for every network.

    What is fitted before the first step – normalization, vocabulary – sees the training utterances alone.

    Args:
        build: makes the untrained keras.Model.
        recipe: how to train it.
        min_count: words of the training texts that are rarer are left to be unknown.

    Raises:
        UsageError: the recipe pools segments, oversamples or augments log-Mels: here are none.
    """

    def __init__(self, build: Callable[[], keras.Model], recipe: Recipe, min_count: int = 1):
        recipes.refuse_changes(
            recipe, ("pooling", "oversampling", "augmentation"), "a network of whole utterances, without log-Mels"
        )
        self.min_count = min_count
        super().__init__(build, recipe)

    @property
    def _jit_compile(self) -> bool | str:
        """Whole utterances have many lengths: TensorFlow would compile for each, JAX must."""
        return False if keras.backend.backend() == "tensorflow" else "auto"

    def fit(
        self,
        train: Source,
        validation: Source,
        seed: int,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
        statistics: Source | None = None,
    ) -> Fit:
        """See `Network.fit`."""
        whole = [None if source is None else self._whole(source) for source in (train, validation, statistics)]
        return super().fit(*whole[:2], seed, on_epoch, whole[2])

    def _scored(self, source: Source | UtteranceSource) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Logits, labels and rows of whole utterances, each of which is its only segment."""
        return super()._scored(self._whole(source))

    def _logits(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Logits of a batch as it is, where no shape is compiled for: its size is what bounds the memory."""
        if self._jit_compile:
            return super()._logits(inputs)
        return np.asarray(self.model.predict_on_batch(inputs))

    def _whole(self, source: Source | UtteranceSource) -> UtteranceSource:
        if isinstance(source, UtteranceSource):
            return source
        return UtteranceSource(source, lambda values: network_inputs(self.model, values))

    def _adapt(self, source: UtteranceSource) -> None:
        names = {layer.name for layer in self.model.layers}
        if "normalization" in names:
            super()._adapt(source)
        embeddings = source.auxiliary_inputs.speaker_embeddings
        if "speaker_normalization" in names:
            frames = embeddings[source.rows][:, None, :, None]  # an embedding is a track of one frame
            self.model.get_layer("speaker_normalization").adapt([(frames, np.ones(len(frames), np.int32))])
        if layer := embedding_of(self.model):
            texts = source.auxiliary_inputs.of(source.rows)["text"]
            vocabulary = Vocabulary.fit(texts, layer.max_words - 1, self.min_count)
            layer.adopt(vocabulary, source.auxiliary_inputs.word_vectors)
