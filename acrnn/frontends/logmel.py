"""Log-Mel spectrogram with its deltas: the 3-D input of Chen et al. (2018), Section II-A."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from acrnn.frontends.waveform import refuse_short, unit_variance, with_slopes


@dataclass(frozen=True)
class LogMelSpec:
    """Waveform → (frames, bands, 3): log-Mel energies, their deltas and delta-deltas.

    The defaults are the paper's; where it is silent, the choice is explained.

    Attributes:
        waveform_scaling: "unit-variance" removes the mean and divides by the standard deviation of the utterance
            (Section II-A); "int16" multiplies by 32768, as the authors' code sees the samples.
        preemphasis: coefficient of x[n] - a x[n-1]; the paper has none.
        window: "hamming" (Section II-A) or "rectangular".
        fft_size: 512, the power of two above 25 ms at 16 kHz.
        low_hz, high_hz: the range of the Mel bands, which the paper leaves open: everything below the Nyquist rate.
        power_floor: Mel energies below it count as it, so that digital silence is a quiet frame and not the logarithm
            of a rounding error (-36, eight standard deviations below the mean of Emo-DB). 1e-10 lies just under the
            quietest frame of Emo-DB, whose log-Mel energies span -22.8 to 7.2.
        delta_frames: N of Eq. 2 and 3.
    """

    sample_rate_hz: int = 16000
    window_seconds: float = 0.025
    hop_seconds: float = 0.010
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
    def window_samples(self) -> int:
        return round(self.window_seconds * self.sample_rate_hz)

    @property
    def band_name(self) -> str:
        """What a row of the features is, for a figure."""
        return "Mel band"

    @property
    def feature_shape(self) -> tuple[int, int]:
        """(bands, channels) of one frame."""
        return self.num_bands, 3

    def extract(self, waveform: np.ndarray) -> np.ndarray:
        """Features of one utterance.

        Args:
            waveform: float [samples] in [-1, 1] at sample_rate_hz, not constant.

        Returns:
            float32 [frames, bands, 3]; frames = 1 + ⌈(samples - window) / hop⌉, the last one filled up with zeros.

        Raises:
            ValueError: the waveform is shorter than one window.
        """
        refuse_short(waveform, self.sample_rate_hz, self.window_seconds)
        log_mel = np.log(np.maximum(self._mel_energies(waveform), self.power_floor))
        return np.stack(with_slopes(log_mel, self.delta_frames), axis=-1).astype(np.float32)

    def in_graph(self, waveform, num_samples, fft: bool = True):
        """The same for a batch as TensorFlow operations, in the precision of the waveform.

        Args:
            waveform: float tensor [batch, samples]; what lies beyond an utterance's end is ignored.
            num_samples: int32 tensor [batch], each at least a window.
            fft: see `in_graph.power_spectrum`.

        Returns:
            features [batch, frames, bands, 3], meaningless beyond an utterance's frames; num_frames int32 [batch].
        """
        import tensorflow as tf
        from python_speech_features import get_filterbanks

        from acrnn.frontends import in_graph

        windows, num_frames = in_graph.frames(
            self._scaled_in_graph(waveform, num_samples),
            num_samples,
            self.window_samples,
            round(self.hop_seconds * self.sample_rate_hz),
        )
        if self.window == "hamming":
            windows *= in_graph.constant(np.hamming(self.window_samples), windows)
        bank = get_filterbanks(self.num_bands, self.fft_size, self.sample_rate_hz, self.low_hz, self.high_hz)
        energies = in_graph.band_energies(in_graph.power_spectrum(windows, self.fft_size, fft), bank)
        log_mel = tf.math.log(tf.maximum(energies, in_graph.constant(self.power_floor, energies)))
        return tf.stack(in_graph.with_slopes(log_mel, num_frames, self.delta_frames), axis=-1), num_frames

    def _scaled_in_graph(self, waveform, num_samples):
        from acrnn.frontends import in_graph

        unit_variance = self.waveform_scaling == "unit-variance"
        scaled = in_graph.unit_variance(waveform, num_samples) if unit_variance else waveform * 32768.0
        return in_graph.preemphasis(scaled, num_samples, self.preemphasis)

    def _mel_energies(self, waveform: np.ndarray) -> np.ndarray:
        from python_speech_features import fbank

        energies, _ = fbank(
            self._scaled(waveform.astype(np.float64)),
            samplerate=self.sample_rate_hz,
            winlen=self.window_seconds,
            winstep=self.hop_seconds,
            nfilt=self.num_bands,
            nfft=self.fft_size,
            lowfreq=self.low_hz,
            highfreq=self.high_hz,
            preemph=self.preemphasis,
            winfunc=np.hamming if self.window == "hamming" else np.ones,
        )
        return energies

    def _scaled(self, waveform: np.ndarray) -> np.ndarray:
        if self.waveform_scaling == "int16":
            return waveform * 32768.0
        return unit_variance(waveform)


PAPER = LogMelSpec()
# What the authors' published code computes instead (SciPy-style int16 samples through logfbank's defaults).
ORIGINAL = LogMelSpec(window="rectangular", preemphasis=0.97, waveform_scaling="int16", power_floor=2.0**-52)
