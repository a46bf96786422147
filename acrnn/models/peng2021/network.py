"""MSCNN-SPU(-ATT) of Peng et al. (2021), Section 3, Fig. 1: parallel convolutions → statistics → dense, over sound and words.

Sound and text each pass a multi-scale CNN and are pooled over time by maximum, average and standard deviation; the
sound's three vectors attend to the words. Padding enters no convolution, no statistic and no attention: what the network
says of an utterance does not depend on how far it was padded. `acrnn.training.utterance_network` fits it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import keras
from keras import layers, ops

from acrnn.console import UsageError
from acrnn.layers import FeatureNormalization, MaskFrames, RealFrames, StatisticsPooling
from acrnn.text.embedding import LAYER, WordEmbedding

_SPU = ("max", "mean", "deviation")


@dataclass(frozen=True)
class Config:
    """The network, with the values of the paper; a field it leaves open says why it is what it is.

    Attributes:
        frames, padding: of the records' segments, of which the utterances are put together again; they change nothing.
        bands, record_channels: of a frame in the records.
        audio, text: the branches; one alone makes the rows "speech only" and "text" of Table 1.
        attention: of the sound's vectors over the words, Eq. 4 to 6: the difference between -SPU and -SPU-ATT.
        audio_statistics, text_statistics: of the SPU; the ablation leaves ("max",).
        swem: maximum and average of the word vectors themselves, joined to the text's.
        audio_kernels: frames that the convolutions see, one convolution a size. The paper gives no sizes; ours go from
            50 ms to a syllable.
        text_kernels: words that they see; those of Kim (2014), whose Text-CNN the paper starts from.
        filters: of each convolution.
        max_words: rows of the table of word vectors; IEMOCAP's 5531 utterances have some 3000 words.
        min_count: rarer words of the training texts are unknown ones.
        embedding_size: of a word vector; GloVe's 300.
        speaker_embedding_size: of the x-vector joined to the sound's statistics, 512 in the paper; what the records
            hold, 0 for none.
        dense_units: of the layer for "dimensionality reduction", whose size the paper leaves open.
        dropout: before and after it.
        normalization: of the MFCC, see `FeatureNormalization`; coefficients differ in scale, so each has its own.
        centered: take each coefficient's mean over the utterance off first (cepstral mean normalisation); the paper
            says nothing of it.
    """

    num_classes: int
    frames: int = 300
    bands: int = 96
    record_channels: int = 1
    padding: Literal["mean", "zero"] = "mean"
    audio: bool = True
    text: bool = True
    attention: bool = False
    audio_statistics: tuple[str, ...] = _SPU
    text_statistics: tuple[str, ...] = _SPU
    swem: bool = True
    audio_kernels: tuple[int, ...] = (5, 11, 21)
    text_kernels: tuple[int, ...] = (3, 4, 5)
    filters: int = 128
    max_words: int = 6000
    min_count: int = 1
    embedding_size: int = 300
    speaker_embedding_size: int = 0
    dense_units: int = 128
    dropout: float = 0.3
    normalization: Literal["channel", "band"] = "band"
    centered: bool = False

    def __post_init__(self):
        if not (self.audio or self.text):
            raise UsageError("audio and text are both switched off; leave one of them on")
        if self.attention and not (self.audio and self.text):
            raise UsageError("attention: the sound attends to the words, so it needs both; switch it off")
        if self.attention and len(self.audio_kernels) != len(self.text_kernels):
            raise UsageError(
                f"--audio-kernels {_listed(self.audio_kernels)} and --text-kernels {_listed(self.text_kernels)}: Eq. 4 "
                "multiplies a vector of the sound with one of the words, so both need as many sizes"
            )
        for name in ("audio_kernels", "text_kernels"):
            sizes = getattr(self, name)
            if not sizes or not all(isinstance(size, int) for size in sizes) or min(sizes) < 1:
                raise UsageError(f"--{name.replace('_', '-')} {_listed(getattr(self, name))}: sizes go from 1 up")
        for name in ("max_words", "min_count", "filters", "dense_units"):
            if getattr(self, name) < 1:
                raise UsageError(f"--{name.replace('_', '-')} {getattr(self, name)}: it must be 1 or more")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"--dropout {self.dropout}: it must be a share from 0 up to, not including, 1")


def _listed(sizes) -> str:
    return ",".join(map(str, sizes))


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


def estimator(config: Config, recipe):
    """What fits the network: see `acrnn.training.utterance_network.UtteranceNetwork`."""
    from acrnn.training.utterance_network import UtteranceNetwork

    return UtteranceNetwork(lambda: build(config), recipe, config.min_count)


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
