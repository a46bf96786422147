"""The word embedding layer, which saves the vocabulary with the network. Imports Keras, but no backend."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from acrnn.text.vocabulary import UNKNOWN, Vocabulary

LAYER = "words"  # name of the layer in every network with text input


@keras.saving.register_keras_serializable("acrnn")
class WordEmbedding(keras.layers.Layer):
    """Trainable word vectors.

    The table has a fixed number of rows, so that one compiled network serves all folds with their different vocabularies.
    Rows beyond the vocabulary are not used.

    Args:
        max_words: number of rows in the table, with the row of unknown words.
        size: size of a vector.
        words: words in the order of their ids, from 1; see `Vocabulary`.

    Inputs: token ids int32 [batch, words]. Output: float [batch, words, size].
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
        # The factor 1 makes the gradient a dense tensor, so that every backend can clip its norm.
        return ops.take(self.table * 1.0, tokens, axis=0)

    def compute_output_shape(self, shape):
        return (*shape, self.size)

    def adopt(self, vocabulary: Vocabulary, vectors: Mapping[str, np.ndarray] | None = None) -> None:
        """Sets the vocabulary, and pretrained vectors for the words that have one; other rows keep their initial values.

        The vector of unknown words is set to zero, so that they are evidence for no class at first.

        Args:
            vocabulary: the new vocabulary.
            vectors: pretrained vectors [size] by word.
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
    """Returns the word embedding layer of a network; None without text input."""
    return next((layer for layer in model.layers if isinstance(layer, WordEmbedding)), None)
