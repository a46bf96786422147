"""Trains a network on whole utterances of any length with their auxiliary inputs: text, speaker embedding."""

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
from acrnn.training.network import Network, SegmentLogits


class UtteranceNetwork(Network):
    """A network that takes whole utterances instead of segments.

    Normalization statistics and vocabulary come from the training utterances only.

    Args:
        build: returns the untrained keras.Model.
        recipe: training recipe.
        min_count: words that are rarer in the training texts count as unknown.

    Raises:
        UsageError: the recipe pools segments, oversamples, draws segments or augments log-Mels.
    """

    def __init__(self, build: Callable[[], keras.Model], recipe: Recipe, min_count: int = 1):
        recipes.refuse_changes(
            recipe,
            ("pooling", "oversampling", "balanced_draw", "segment_weights", "random_enrolment", "augmentation"),
            "a network of whole utterances, without log-Mels",
        )
        self.min_count = min_count
        super().__init__(build, recipe)

    @property
    def jit_compile(self) -> bool | str:
        """False for TensorFlow, where XLA would compile anew for every length; JAX always compiles."""
        return False if keras.backend.backend() == "tensorflow" else "auto"

    def fit(
        self,
        train: Source,
        validation: Source | None,
        seed: int,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
        statistics: Source | None = None,
    ) -> Fit:
        """See `Estimator.fit`."""
        parts = [
            None if source is None else self.whole_utterances(source) for source in (train, validation, statistics)
        ]
        return super().fit(*parts[:2], seed, on_epoch, parts[2])

    def segment_logits(self, source: Source | UtteranceSource) -> SegmentLogits:
        """Returns logits, labels and rows of whole utterances: each is one segment."""
        return super().segment_logits(self.whole_utterances(source))

    def batch_logits(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Returns the logits of a batch; it is filled up only where a backend compiles, because of the memory."""
        if self.jit_compile:
            return super().batch_logits(inputs)
        return np.asarray(self.model.predict_on_batch(inputs))

    def whole_utterances(self, source: Source | UtteranceSource) -> UtteranceSource:
        """Returns a source of whole utterances as network inputs; the segments are read into memory."""
        if isinstance(source, UtteranceSource):
            return source
        return UtteranceSource(source, lambda values: network_inputs(self.model, values))

    def adapt(self, source: UtteranceSource) -> None:
        """Sets normalization statistics and vocabulary from the training utterances."""
        names = {layer.name for layer in self.model.layers}
        if "normalization" in names:
            super().adapt(source)
        if "speaker_normalization" in names:
            embeddings = source.auxiliary_inputs.speaker_embeddings[source.rows]
            frames = embeddings[:, None, :, None]  # [utterances, 1 frame, size, 1 channel]
            self.model.get_layer("speaker_normalization").adapt([(frames, np.ones(len(frames), np.int32))])
        if layer := embedding_of(self.model):
            texts = source.auxiliary_inputs.of(source.rows)["text"]
            vocabulary = Vocabulary.fit(texts, layer.max_words - 1, self.min_count)
            layer.adopt(vocabulary, source.auxiliary_inputs.word_vectors)
