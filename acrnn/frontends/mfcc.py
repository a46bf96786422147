"""MFCC with their deltas: the input of Peng et al. (2021), Section 4.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from acrnn.frontends.spec import SecondsSpec
from acrnn.frontends.waveform import with_slopes

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class MfccSpec(SecondsSpec):
    """32 MFCC as librosa computes them, their deltas and delta-deltas: [frames, 96, 1].

    The paper names librosa, 32 coefficients, 25 ms, 10 ms and a Hamming window; where it states nothing, the choice is
    explained. The waveform is not scaled, unlike in the log-Mel front ends: librosa does not, and the paper does not say so.

    Attributes:
        num_coefficients: number of MFCC; the first is the mean level.
        num_bands: number of Mel bands. The 128 of librosa are meant for windows of 128 ms; with 25 ms, some would be empty.
        fft_size: 512, the power of two above 25 ms at 16 kHz.
        power_floor: minimum of the energies; the value of librosa.
        range_db: minimum of the levels, in dB below the loudest of the utterance; the value of librosa.
        delta_frames: N of the regression, in frames on either side; 4 is the width of 9 of librosa. The first and the last
            frame are repeated at the edges, where librosa fits a polynomial and needs nine frames.
    """

    kind = "mfcc"
    band_name = "MFCC, deltas and delta-deltas"
    num_coefficients: int = 32
    num_bands: int = 64
    fft_size: int = 512
    power_floor: float = 1e-10
    range_db: float = 80.0
    delta_frames: int = 4

    @property
    def feature_shape(self) -> tuple[int, int]:
        return 3 * self.num_coefficients, 1

    def scaled(self, waveform: np.ndarray) -> np.ndarray:
        """Returns the waveform unchanged."""
        return waveform

    def scaled_in_graph(self, waveform: tf.Tensor, num_samples: tf.Tensor) -> tf.Tensor:
        from acrnn.frontends import in_graph

        return in_graph.ended(waveform, num_samples)

    def features(self, scaled: np.ndarray) -> np.ndarray:
        """Returns the coefficients, their deltas and their delta-deltas, [frames, values, 1]."""
        return np.concatenate(with_slopes(self._cepstrum(scaled), self.delta_frames), axis=1)[..., None]

    def features_in_graph(self, windows: tf.Tensor, num_frames: tf.Tensor, fft: bool) -> tf.Tensor:
        import tensorflow as tf
        from librosa.filters import mel
        from scipy.signal import get_window

        from acrnn.frontends import in_graph

        windows *= in_graph.constant(get_window("hamming", self.window_samples), windows)
        filters = mel(sr=self.sample_rate_hz, n_fft=self.fft_size, n_mels=self.num_bands, dtype=np.float64)
        bands = in_graph.band_energies(in_graph.power_spectrum(windows, self.fft_size, fft), filters)
        level = in_graph.decibels(bands * self.fft_size, num_frames, self.power_floor, self.range_db)
        static = tf.matmul(level, in_graph.constant(self._cosines(), level))
        tracks = in_graph.with_slopes(static, num_frames, self.delta_frames)
        return tf.expand_dims(tf.concat(tracks, axis=-1), -1)

    def _cosines(self) -> np.ndarray:
        """Returns the cosine transform as a matrix [bands, coefficients]: the transforms of the unit vectors."""
        from scipy.fft import dct

        return dct(np.eye(self.num_bands), type=2, axis=1, norm="ortho")[:, : self.num_coefficients]

    def _cepstrum(self, waveform: np.ndarray) -> np.ndarray:
        """Returns the MFCC [frames, coefficients] of a waveform [samples]."""
        from librosa import power_to_db
        from librosa.feature import melspectrogram, mfcc

        # librosa centers the window in its transform: with zeros in front, frames begin where windows begin
        before = (self.fft_size - self.window_samples) // 2
        samples = (self.num_frames(len(waveform)) - 1) * self.hop_samples + self.fft_size
        bands = melspectrogram(
            y=np.pad(waveform, (before, samples - before - len(waveform))),
            sr=self.sample_rate_hz,
            n_fft=self.fft_size,
            hop_length=self.hop_samples,
            win_length=self.window_samples,
            window="hamming",
            center=False,
            n_mels=self.num_bands,
        )
        level = power_to_db(bands, amin=self.power_floor, top_db=self.range_db)
        return mfcc(S=level, n_mfcc=self.num_coefficients).T


PENG2021 = MfccSpec()
