"""Log-Mel spectrogram with its deltas: the 3-D input of Chen et al. (2018), Section II-A.

The paper uses the openEAR toolkit (Section III-A). Ours is python_speech_features, as in the authors' published code; its
filters, power spectrum and floor may differ from openEAR's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from acrnn.frontends.spec import SecondsSpec
from acrnn.frontends.waveform import (
    analysis_windows,
    mel_filters,
    power_spectrum,
    preemphasis,
    unit_variance,
    with_slopes,
)

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class LogMelSpec(SecondsSpec):
    """Log-Mel energies, their deltas and delta-deltas: [frames, bands, 3].

    The defaults are the values of the paper; where it states none, the choice is explained.

    Attributes:
        window: "hamming" (Section II-A) or "rectangular".
        fft_size: 512, the power of two above 25 ms at 16 kHz.
        num_bands: number of Mel bands.
        low_hz, high_hz: range of the Mel bands. The paper states none; the default is everything below the Nyquist rate.
        preemphasis: coefficient a of x[n] - a x[n-1]; the paper has no pre-emphasis.
        waveform_scaling: "unit-variance" removes the mean and divides by the standard deviation of the utterance
            (Section II-A); "int16" multiplies by 32768, as in the authors' code.
        power_floor: minimum of the Mel energies. Without it, digital silence would give the logarithm of a rounding error
            (-36, eight standard deviations below the mean of Emo-DB). 1e-10 lies just below the quietest frame of Emo-DB,
            where log-Mel energies range from -22.8 to 7.2.
        delta_frames: N of Eq. 2 and 3.
    """

    kind = "logmel"
    band_name = "Mel band"
    window: Literal["hamming", "rectangular"] = "hamming"
    fft_size: int = 512
    num_bands: int = 40
    low_hz: float = 0.0
    high_hz: float = 8000.0
    preemphasis: float = 0.0
    waveform_scaling: Literal["unit-variance", "int16"] = "unit-variance"
    power_floor: float = 1e-10
    delta_frames: int = 2

    @property
    def feature_shape(self) -> tuple[int, int]:
        return self.num_bands, 3

    def scaled(self, waveform: np.ndarray) -> np.ndarray:
        """Returns the waveform [samples] with the chosen scaling, then pre-emphasis."""
        scaled = waveform * 32768.0 if self.waveform_scaling == "int16" else unit_variance(waveform)
        return preemphasis(scaled, self.preemphasis)

    def scaled_in_graph(self, waveform: tf.Tensor, num_samples: tf.Tensor) -> tf.Tensor:
        from acrnn.frontends import in_graph

        int16 = self.waveform_scaling == "int16"
        scaled = waveform * 32768.0 if int16 else in_graph.unit_variance(waveform, num_samples)
        return in_graph.preemphasis(scaled, num_samples, self.preemphasis)

    def features(self, scaled: np.ndarray) -> np.ndarray:
        weights = np.hamming(self.window_samples) if self.window == "hamming" else None
        windows = analysis_windows(scaled, self.window_samples, self.hop_samples, weights)
        energies = power_spectrum(windows, self.fft_size) @ self._filters.T
        log_mel = np.log(np.maximum(energies, self.power_floor))
        return np.stack(with_slopes(log_mel, self.delta_frames), axis=-1)

    def features_in_graph(self, windows: tf.Tensor, num_frames: tf.Tensor, fft: bool) -> tf.Tensor:
        import tensorflow as tf

        from acrnn.frontends import in_graph

        if self.window == "hamming":
            windows *= in_graph.constant(np.hamming(self.window_samples), windows)
        energies = in_graph.band_energies(in_graph.power_spectrum(windows, self.fft_size, fft), self._filters)
        log_mel = in_graph.floored_log(energies, self.power_floor)
        return tf.stack(in_graph.with_slopes(log_mel, num_frames, self.delta_frames), axis=-1)

    @property
    def _filters(self) -> np.ndarray:
        return mel_filters(self.num_bands, self.fft_size, self.sample_rate_hz, self.low_hz, self.high_hz)


PAPER = LogMelSpec()
# The authors' published code: int16 samples, as SciPy reads them, through the defaults of python_speech_features.logfbank.
ORIGINAL = LogMelSpec(window="rectangular", preemphasis=0.97, waveform_scaling="int16", power_floor=2.0**-52)
