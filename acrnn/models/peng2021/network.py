"""MSCNN-SPU(-ATT) of Peng et al. (2021), Section 3, Fig. 1: parallel convolutions → statistics → dense, over sound and words.

Sound and text each pass a multi-scale CNN and are pooled over time by maximum, average and standard deviation; the
sound's three vectors attend to the words. Padding enters no convolution, no statistic and no attention: what the network
says of an utterance does not depend on how far it was padded. `acrnn.training.utterance_network` fits it.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from acrnn.layers import FeatureNormalization, MaskFrames, RealFrames, StatisticsPooling
from acrnn.models.peng2021.config import Config
from acrnn.text.embedding import LAYER, WordEmbedding


def build(config: Config) -> keras.Model:
    """The network, untrained.

    Args:
        config: its sizes and parts.

    Returns:
        Model from those of {"features": [batch, frames, bands, channels of the records], "num_frames": int32 [batch],
        "tokens": int32 [batch, words], "num_words": int32 [batch], "speaker_embedding": [batch, size]} that its parts
        take, utterances of any length, to logits float32 [batch, classes]. `normalization`, `speaker_normalization` and
        `words` are to be adapted.
    """
    inputs, joined = {}, []
    if config.audio:
        features = inputs["features"] = keras.Input((None, config.bands, config.record_channels), name="features")
        num_frames = inputs["num_frames"] = keras.Input((), dtype="int32", name="num_frames")
        mask = RealFrames(name="mask")(features, num_frames)
        x = FeatureNormalization(config.normalization, "mean", config.centered, name="normalization")(features, mask)
        x = layers.Reshape((-1, config.bands * config.record_channels), name="frames")(x)  # [batch, frames, values]
        maps = _multi_scale(x, config.audio_kernels, config.filters, "audio")  # [batch, frames, maps]
        pooled = StatisticsPooling(config.audio_statistics, name="audio_statistics")(maps, mask)
        joined.append(layers.Flatten(name="audio_vector")(pooled))
        if config.speaker_embedding_size:
            size = config.speaker_embedding_size
            speaker = inputs["speaker_embedding"] = keras.Input((size,), name="speaker_embedding")
            joined.append(_normalised_speaker(speaker, size))
    if config.text:
        tokens = inputs["tokens"] = keras.Input((None,), dtype="int32", name="tokens")
        num_words = inputs["num_words"] = keras.Input((), dtype="int32", name="num_words")
        words_mask = RealFrames(name="words_mask")(tokens, num_words)
        vectors = WordEmbedding(config.max_words, config.embedding_size, name=LAYER)(tokens)
        vectors = MaskFrames(name="words_masked")(vectors, words_mask)  # [batch, words, embedding_size]
        hidden = _multi_scale(vectors, config.text_kernels, config.filters, "text")  # [batch, words, maps]
        of_text = StatisticsPooling(config.text_statistics, name="text_statistics")(hidden, words_mask)
        joined.append(layers.Flatten(name="text_vector")(of_text))
        if config.swem:
            simple = StatisticsPooling(("max", "mean"), name="swem")(vectors, words_mask)
            joined.append(layers.Flatten(name="swem_vector")(simple))
        if config.attention:
            attended = CrossModalPooling(name="cross_modal")(pooled, hidden, words_mask)  # [batch, statistics, maps]
            joined.append(layers.Flatten(name="attended_vector")(attended))

    x = layers.Concatenate(name="joined")(joined) if len(joined) > 1 else joined[0]
    x = layers.Dropout(config.dropout, name="joined_dropout")(x)
    x = layers.Dense(config.dense_units, "relu", name="dense")(x)
    x = layers.Dropout(config.dropout, name="dense_dropout")(x)
    # The softmax belongs to the loss, where it is exact in float32.
    logits = layers.Dense(config.num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="mscnn_spu")


def _multi_scale(x, kernels, filters: int, branch: str):
    """MSCNN, Eq. 1 and 2: parallel convolutions (s, d) over all d values of a step, side by side [batch, steps, maps].

    A kernel as wide as its input meets it at one place only, so it is a convolution over time alone.
    """
    maps = [
        layers.Conv1D(filters, size, padding="same", activation="relu", name=f"{branch}_{size}")(x) for size in kernels
    ]
    return layers.Concatenate(name=f"{branch}_maps")(maps) if len(maps) > 1 else maps[0]


def _normalised_speaker(embedding, size: int):
    """A speaker embedding by the mean and deviation of the training utterances: a track of one frame."""
    x = layers.Reshape((1, size, 1), name="speaker_frame")(embedding)
    x = FeatureNormalization("band", "mean", name="speaker_normalization")(x)
    return layers.Flatten(name="speaker_vector")(x)


@keras.saving.register_keras_serializable("acrnn.peng2021")
class CrossModalPooling(layers.Layer):
    """Attention, Eq. 4 and 5: s_k = softmax_k(eᵀh_k), S = Σ_k s_k h_k, for each context e.

    Inputs: contexts e [batch, contexts, units]; maps h [batch, words, units]; mask [batch, words], True where a word is
    real, one at least. Output: [batch, contexts, units].
    """

    def call(self, contexts, maps, mask):
        scores = ops.cast(ops.matmul(contexts, ops.transpose(maps, (0, 2, 1))), "float32")
        weights = ops.softmax(ops.where(ops.expand_dims(mask, 1), scores, -1e9), axis=-1)
        return ops.matmul(ops.cast(weights, maps.dtype), maps)

    def compute_output_shape(self, contexts_shape, maps_shape=None, mask_shape=None):
        return contexts_shape
