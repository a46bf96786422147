"""Sizes and parts of MSCNN-SPU(-ATT) of Peng et al. (2021); the defaults are the paper's values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from acrnn.errors import UsageError

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
        centered: take each coefficient's mean over the utterance off first (cepstral mean normalization); the paper
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
