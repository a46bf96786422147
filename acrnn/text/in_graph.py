"""Texts → token ids as TensorFlow operations: the twin of `tokens.words` and `Vocabulary.ids`, for exported models."""

from __future__ import annotations

import tensorflow as tf

from acrnn.text.tokens import APOSTROPHES, CONTRACTIONS, LOOSE, NO_WORD_RE2
from acrnn.text.vocabulary import Vocabulary


class Tokeniser(tf.Module):
    """Token ids of texts.

    Args:
        vocabulary: the words of the network.
    """

    def __init__(self, vocabulary: Vocabulary):
        super().__init__()
        words = tf.constant(vocabulary.words or [""])  # a table must hold something; no token is empty
        entries = tf.lookup.KeyValueTensorInitializer(words, tf.range(1, tf.size(words) + 1))
        self.table = tf.lookup.StaticHashTable(entries, default_value=0)

    def __call__(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Ids int32 [batch, words] and num_words int32 [batch] of texts, string [batch]; see `Vocabulary.ids`."""
        split = words(texts)
        ids = tf.ragged.map_flat_values(self.table.lookup, split).to_tensor()
        longest = tf.maximum(1, tf.shape(ids)[1])
        ids = tf.pad(ids, [[0, 0], [0, longest - tf.shape(ids)[1]]])
        return ids, tf.maximum(1, tf.cast(split.row_lengths(), tf.int32))


def words(texts: tf.Tensor) -> tf.RaggedTensor:
    """The words of texts, string [batch]: ragged string [batch, words]."""
    texts = tf.strings.join([" ", tf.strings.lower(texts, encoding="utf-8"), " "])
    texts = tf.strings.regex_replace(texts, APOSTROPHES, "'")
    texts = tf.strings.regex_replace(texts, NO_WORD_RE2, " ")
    texts = tf.strings.regex_replace(texts, LOOSE, " ")
    for pattern, written in CONTRACTIONS:
        texts = tf.strings.regex_replace(texts, pattern, written)
    return tf.strings.split(texts)
