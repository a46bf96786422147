"""Token ids of texts as TensorFlow operations, for exported models; same results as `tokens.words` and `Vocabulary.ids`."""

from __future__ import annotations

import tensorflow as tf

from acrnn.text.tokens import APOSTROPHES, CONTRACTIONS, LOOSE, NO_WORD_RE2
from acrnn.text.vocabulary import Vocabulary


class Tokenizer(tf.Module):
    """Converts texts into token ids.

    Args:
        vocabulary: vocabulary of the network.
    """

    def __init__(self, vocabulary: Vocabulary):
        super().__init__()
        words = tf.constant(vocabulary.words or [""])  # a table needs an entry; no token is an empty string
        entries = tf.lookup.KeyValueTensorInitializer(words, tf.range(1, tf.size(words) + 1))
        self.table = tf.lookup.StaticHashTable(entries, default_value=0)

    def __call__(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns tokens int32 [batch, words] and num_words int32 [batch] of texts string [batch]; see `Vocabulary.ids`."""
        tokens = words(texts)
        ids = tf.ragged.map_flat_values(self.table.lookup, tokens).to_tensor()
        longest = tf.maximum(1, tf.shape(ids)[1])
        ids = tf.pad(ids, [[0, 0], [0, longest - tf.shape(ids)[1]]])
        return ids, tf.maximum(1, tf.cast(tokens.row_lengths(), tf.int32))


def words(texts: tf.Tensor) -> tf.RaggedTensor:
    """Returns the words, ragged string [batch, words], of texts string [batch]."""
    texts = tf.strings.join([" ", tf.strings.lower(texts, encoding="utf-8"), " "])
    texts = tf.strings.regex_replace(texts, APOSTROPHES, "'")
    texts = tf.strings.regex_replace(texts, NO_WORD_RE2, " ")
    texts = tf.strings.regex_replace(texts, LOOSE, " ")
    for pattern, replacement in CONTRACTIONS:
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    return tf.strings.split(texts)
