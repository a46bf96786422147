"""Log-Mel spectrogram with the filters of librosa and its deltas: the input of Zhang et al. (2021), Section 2.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from acrnn.frontends.spec import SecondsSpec
from acrnn.frontends.waveform import analysis_windows, preemphasis, unit_variance, with_slopes

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class LibrosaLogMelSpec(SecondsSpec):
    """Log-Mel energies, their deltas and delta-deltas: [frames, bands, 3].

    The defaults are the values of the paper; where it states none, the choice is explained. Frames are not centered, as in
    the other front ends: librosa would mirror the waveform at its edges.

    Attributes:
        fft_size: 512, the power of two above 25 ms at 16 kHz.
        num_bands: number of Mel bands, in the definition of librosa: Slaney's scale, filters of equal area.
        low_hz, high_hz: range of the Mel bands (Section 2.2).
        preemphasis: coefficient a of x[n] - a x[n-1]. The paper has a pre-emphasis and states no number; 0.97 is usual.
        power_floor: minimum of the Mel energies, for digital silence; the value of librosa.
        delta_frames: N of Eq. 2 and 3; "a popular choice for N is 2".
    """

    kind = "librosa-logmel"
    band_name = "Mel band"
    fft_size: int = 512
    num_bands: int = 64
    low_hz: float = 20.0
    high_hz: float = 8000.0
    preemphasis: float = 0.97
    power_floor: float = 1e-10
    delta_frames: int = 2

    @property
    def feature_shape(self) -> tuple[int, int]:
        return self.num_bands, 3

    def scaled(self, waveform: np.ndarray) -> np.ndarray:
        """Returns the waveform [samples] with unit variance, then pre-emphasis."""
        return preemphasis(unit_variance(waveform), self.preemphasis)

    def scaled_in_graph(self, waveform: tf.Tensor, num_samples: tf.Tensor) -> tf.Tensor:
        from acrnn.frontends import in_graph

        return in_graph.preemphasis(in_graph.unit_variance(waveform, num_samples), num_samples, self.preemphasis)

    def features(self, scaled: np.ndarray) -> np.ndarray:
        windows = analysis_windows(scaled, self.window_samples, self.hop_samples, np.hamming(self.window_samples))
        power = np.abs(np.fft.rfft(windows, self.fft_size)) ** 2
        log_mel = np.log(np.maximum(power @ self.mel_filters().T, self.power_floor))
        return np.stack(with_slopes(log_mel, self.delta_frames), axis=-1)

    def features_in_graph(self, windows: tf.Tensor, num_frames: tf.Tensor, fft: bool) -> tf.Tensor:
        import tensorflow as tf

        from acrnn.frontends import in_graph

        windows *= in_graph.constant(np.hamming(self.window_samples), windows)
        power = in_graph.power_spectrum(windows, self.fft_size, fft)  # |FFT|² / fft_size, so the filters are scaled up
        energies = in_graph.band_energies(power, self.fft_size * self.mel_filters())
        log_mel = in_graph.floored_log(energies, self.power_floor)
        return tf.stack(in_graph.with_slopes(log_mel, num_frames, self.delta_frames), axis=-1)

    def mel_filters(self) -> np.ndarray:
        """Returns the Mel filters, float64 [bands, bins]."""
        from librosa.filters import mel

        return mel(
            sr=self.sample_rate_hz,
            n_fft=self.fft_size,
            n_mels=self.num_bands,
            fmin=self.low_hz,
            fmax=self.high_hz,
            dtype=np.float64,
        )


ZHANG2021 = LibrosaLogMelSpec()
