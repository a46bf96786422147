"""Sizes and parts of MSCNN-SPU(-ATT) of Peng et al. (2021); the defaults are the paper's values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acrnn.errors import FieldError
from acrnn.models.field_checks import require_fractions, require_positive_integers

_SPU = ("max", "mean", "deviation")


@dataclass(frozen=True)
class Config:
    """Sizes and parts of the network. Where the paper gives no value, the list gives the reason for ours.

    Attributes:
        num_classes: number of emotions.
        frames, padding: segment rule of the records. Neither changes the network: it takes whole utterances of any
            length, which are reassembled from the segments.
        bands, record_channels: shape of a frame in the records.
        audio, text: use the branch. One branch alone gives the rows "speech only" and "text" of Table 1.
        attention: attention of the audio vectors over the words, Eq. 4 to 6 (MSCNN-SPU-ATT).
        audio_statistics, text_statistics: statistics of the SPU, of "max", "mean", "deviation"; the ablation has ("max",).
        swem: concatenate the maximum and the mean of the word vectors with the text statistics (SWEM).
        audio_kernels: kernel sizes in frames of the parallel audio convolutions. Not in the paper; ours reach from 50 ms
            to a syllable.
        text_kernels: kernel sizes in words of the parallel text convolutions, from Kim (2014), on whose Text-CNN the paper
            builds.
        filters: filters of each convolution.
        max_words: rows of the table of word vectors; IEMOCAP's 5531 utterances have some 3000 words.
        min_count: words that are rarer in the training texts count as unknown.
        embedding_size: size of a word vector, 300 as in GloVe.
        speaker_embedding_size: size of the x-vector that is concatenated with the audio statistics: 512 in the paper, here
            the size in the records, 0 for none.
        dense_units: units of the layer for "dimensionality reduction"; not in the paper.
        dropout: dropout rate before and after the dense layer.
        normalization: values that share a mean and a deviation, see `FeatureNormalization`. MFCCs differ in scale, so each
            has its own.
        centered: subtract each coefficient's mean over the utterance (cepstral mean normalization); not in the paper.
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
            raise FieldError("audio", self.audio, "text is False too; switch one of them on")
        if self.attention and not (self.audio and self.text):
            raise FieldError("attention", self.attention, "it needs both audio and text; switch them on, or it off")
        if self.attention and len(self.audio_kernels) != len(self.text_kernels):
            sizes = ",".join(map(str, self.text_kernels))
            raise FieldError(
                "audio_kernels",
                self.audio_kernels,
                f"attention needs as many sizes as in text_kernels {sizes}, since Eq. 4 multiplies vectors of both",
            )
        for name in ("audio_kernels", "text_kernels"):
            sizes = getattr(self, name)
            if not sizes or not all(isinstance(size, int) for size in sizes) or min(sizes) < 1:
                raise FieldError(name, sizes, "give kernel sizes, whole numbers from 1 up")
        require_positive_integers(self, "max_words", "min_count", "filters", "dense_units")
        require_fractions(self, "dropout")
