"""The layer that makes vectors of words, and carries the vocabulary: a saved network knows its words. Keras alone."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from acrnn.text.vocabulary import UNKNOWN, Vocabulary

LAYER = "words"  # its name in every network that reads


@keras.saving.register_keras_serializable("acrnn")
class WordEmbedding(keras.layers.Layer):
    """A vector for every word.

    The table has a fixed size, whatever the words: one compiled network serves all folds, each with words of its own.
    Rows beyond the vocabulary stay unused.

    Args:
        max_words: rows of the table, the unknown word's among them.
        size: of a vector.
        words: in the order of their ids, from 1; see `Vocabulary`.

    Inputs: token ids int32 [batch, words]. Output: [batch, words, size].
    """

    def __init__(self, max_words: int, size: int, words=(), **kwargs):
        super().__init__(**kwargs)
        self.max_words, self.size = max_words, size
        self.vocabulary = Vocabulary(tuple(words))

    def build(self, *_):
        self.table = self.add_weight(
            name="table", shape=(self.max_words, self.size), initializer=keras.initializers.RandomUniform(-0.25, 0.25)
        )

    def call(self, tokens):
        # times one: the gradient is then a plain tensor, of which a norm to clip by can be taken on every backend
        return ops.take(self.table * 1.0, tokens, axis=0)

    def compute_output_shape(self, shape):
        return (*shape, self.size)

    def adopt(self, vocabulary: Vocabulary, vectors: Mapping[str, np.ndarray] | None = None) -> None:
        """Takes words, and vectors [size] for those that have one; the others keep what they were initialized with.

        The unknown word's vector is zero at first: what is not known should not speak for anything.
        """
        table = np.array(self.table)
        table[UNKNOWN] = 0
        for number, word in enumerate(vocabulary.words, start=1):
            if vectors and word in vectors:
                table[number] = vectors[word]
        self.table.assign(table)
        self.vocabulary = vocabulary

    def get_config(self):
        words = list(self.vocabulary.words)
        return {**super().get_config(), "max_words": self.max_words, "size": self.size, "words": words}


def embedding_of(model: keras.Model) -> WordEmbedding | None:
    """The layer that holds a network's words; None for a network that reads nothing."""
    return next((layer for layer in model.layers if isinstance(layer, WordEmbedding)), None)
