"""MSCNN-SPU(-ATT) of Peng et al. (2021), Section 3, Fig. 1: parallel convolutions → statistics → dense, on audio and text.

Audio and text each have a multi-scale CNN (MSCNN), pooled over time by maximum, mean and standard deviation (statistical
pooling unit, SPU); the three audio vectors attend to the words (ATT). Padding is masked in convolutions, statistics and
attention, so that the logits of an utterance do not depend on it. `acrnn.training.utterance_network` trains the network.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from acrnn.layers import FeatureNormalization, MaskFrames, RealFrames, StatisticsPooling
from acrnn.models.peng2021.config import Config
from acrnn.text.embedding import LAYER, WordEmbedding


def build(config: Config) -> keras.Model:
    """Returns the untrained network.

    Args:
        config: sizes and parts.

    Returns:
        Model from whole utterances to logits float32 [batch, classes]. Its inputs are, as its parts need them, "features"
        [batch, frames, bands, channels of the records], "num_frames" int32 [batch], "tokens" int32 [batch, words],
        "num_words" int32 [batch] and "speaker_embedding" [batch, size]. The layers "normalization",
        "speaker_normalization" and "words" must be adapted.
    """
    inputs: dict[str, keras.KerasTensor] = {}
    vectors, audio = [], None
    if config.audio:
        audio = _audio_branch(config, inputs, vectors)
    if config.text:
        _text_branch(config, inputs, vectors, audio)
    x = layers.Concatenate(name="joined")(vectors) if len(vectors) > 1 else vectors[0]
    x = layers.Dropout(config.dropout, name="joined_dropout")(x)
    x = layers.Dense(config.dense_units, "relu", name="dense")(x)
    x = layers.Dropout(config.dropout, name="dense_dropout")(x)
    # The softmax is part of the loss, where it is computed in float32.
    logits = layers.Dense(config.num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, logits, name="mscnn_spu")


def _audio_branch(config: Config, inputs: dict, vectors: list):
    """Adds the inputs and vectors of the audio branch; returns its statistics [batch, statistics, maps]."""
    features = inputs["features"] = keras.Input((None, config.bands, config.record_channels), name="features")
    num_frames = inputs["num_frames"] = keras.Input((), dtype="int32", name="num_frames")
    mask = RealFrames(name="mask")(features, num_frames)
    x = FeatureNormalization(config.normalization, "mean", config.centered, name="normalization")(features, mask)
    x = layers.Reshape((-1, config.bands * config.record_channels), name="frames")(x)  # [batch, frames, values]
    maps = _multi_scale(x, config.audio_kernels, config.filters, "audio")  # [batch, frames, maps]
    statistics = StatisticsPooling(config.audio_statistics, name="audio_statistics")(maps, mask)
    vectors.append(layers.Flatten(name="audio_vector")(statistics))
    if config.speaker_embedding_size:
        size = config.speaker_embedding_size
        embedding = inputs["speaker_embedding"] = keras.Input((size,), name="speaker_embedding")
        vectors.append(_normalized_speaker(embedding, size))
    return statistics


def _text_branch(config: Config, inputs: dict, vectors: list, audio) -> None:
    """Adds the inputs and vectors of the text branch; `audio` are the statistics that attend to its words."""
    tokens = inputs["tokens"] = keras.Input((None,), dtype="int32", name="tokens")
    num_words = inputs["num_words"] = keras.Input((), dtype="int32", name="num_words")
    mask = RealFrames(name="words_mask")(tokens, num_words)
    words = WordEmbedding(config.max_words, config.embedding_size, name=LAYER)(tokens)
    words = MaskFrames(name="words_masked")(words, mask)  # [batch, words, embedding_size]
    maps = _multi_scale(words, config.text_kernels, config.filters, "text")  # [batch, words, maps]
    statistics = StatisticsPooling(config.text_statistics, name="text_statistics")(maps, mask)
    vectors.append(layers.Flatten(name="text_vector")(statistics))
    if config.swem:
        swem = StatisticsPooling(("max", "mean"), name="swem")(words, mask)
        vectors.append(layers.Flatten(name="swem_vector")(swem))
    if config.attention:
        attended = CrossModalPooling(name="cross_modal")(audio, maps, mask)  # [batch, statistics, maps]
        vectors.append(layers.Flatten(name="attended_vector")(attended))


def _multi_scale(x, kernels, filters: int, branch: str):
    """MSCNN, Eq. 1 and 2: parallel convolutions with kernels (s, d) over all d values of a step → [batch, steps, maps].

    A kernel as wide as its input has one position across it, so each is a convolution over time alone.
    """
    maps = [
        layers.Conv1D(filters, size, padding="same", activation="relu", name=f"{branch}_{size}")(x) for size in kernels
    ]
    return layers.Concatenate(name=f"{branch}_maps")(maps) if len(maps) > 1 else maps[0]


def _normalized_speaker(embedding, size: int):
    """Speaker embedding normalized by mean and deviation of the training utterances, as a segment of one frame."""
    x = layers.Reshape((1, size, 1), name="speaker_frame")(embedding)
    x = FeatureNormalization("band", "mean", name="speaker_normalization")(x)
    return layers.Flatten(name="speaker_vector")(x)


@keras.saving.register_keras_serializable("acrnn.peng2021")
class CrossModalPooling(layers.Layer):
    """Attention, Eq. 4 and 5: s_k = softmax_k(eᵀh_k), S = Σ_k s_k h_k, for each context e.

    Inputs: contexts e [batch, contexts, units]; maps h [batch, words, units]; mask bool [batch, words], True where a word
    is real, at least one per utterance. Output: [batch, contexts, units].
    """

    def call(self, contexts, maps, mask):
        scores = ops.cast(ops.matmul(contexts, ops.transpose(maps, (0, 2, 1))), "float32")
        weights = ops.softmax(ops.where(ops.expand_dims(mask, 1), scores, -1e9), axis=-1)
        return ops.matmul(ops.cast(weights, maps.dtype), maps)

    def compute_output_shape(self, contexts_shape, maps_shape=None, mask_shape=None):
        return contexts_shape
