"""Log-Mel spectrogram by librosa's filters with its deltas: the input of Zhang et al. (2021), Section 2.2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acrnn.frontends.waveform import refuse_short, unit_variance, with_slopes


@dataclass(frozen=True)
class LibrosaLogMelSpec:
    """Waveform → (frames, bands, 3): log-Mel energies, their deltas and delta-deltas.

    The values are the paper's; where it is silent, the choice is explained. Frames begin with the first sample and are
    not centered, as in the other front ends: librosa's mirrored edges would be sound that nobody made.

    Attributes:
        fft_size: 512, the power of two above 25 ms at 16 kHz.
        low_hz, high_hz: the range of the Mel bands (Section 2.2), which are librosa's: Slaney's scale, equal areas.
        preemphasis: coefficient of x[n] - a x[n-1]; the paper has a pre-emphasis and no number, 0.97 is the usual one.
        power_floor: Mel energies below it count as it, librosa's own floor: digital silence is a quiet frame.
        delta_frames: N of Eq. 2 and 3; "a popular choice for N is 2".
    """

    sample_rate_hz: int = 16000
    window_seconds: float = 0.025
    hop_seconds: float = 0.010
    fft_size: int = 512
    num_bands: int = 64
    low_hz: float = 20.0
    high_hz: float = 8000.0
    preemphasis: float = 0.97
    power_floor: float = 1e-10
    delta_frames: int = 2

    @property
    def window_samples(self) -> int:
        return round(self.window_seconds * self.sample_rate_hz)

    @property
    def hop_samples(self) -> int:
        return round(self.hop_seconds * self.sample_rate_hz)

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
        from python_speech_features.sigproc import framesig, preemphasis

        refuse_short(waveform, self.sample_rate_hz, self.window_seconds)
        emphasized = preemphasis(unit_variance(waveform.astype(np.float64)), self.preemphasis)
        windows = framesig(emphasized, self.window_samples, self.hop_samples, np.hamming)
        power = np.abs(np.fft.rfft(windows, self.fft_size)) ** 2
        log_mel = np.log(np.maximum(power @ self._filters().T, self.power_floor))
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

        from acrnn.frontends import in_graph

        scaled = in_graph.unit_variance(waveform, num_samples)
        emphasized = in_graph.preemphasis(scaled, num_samples, self.preemphasis)
        windows, num_frames = in_graph.frames(emphasized, num_samples, self.window_samples, self.hop_samples)
        windows *= in_graph.constant(np.hamming(self.window_samples), windows)
        power = in_graph.power_spectrum(windows, self.fft_size, fft)
        energies = in_graph.band_energies(power, self.fft_size * self._filters())  # power there is |FFT|² / fft_size
        log_mel = tf.math.log(tf.maximum(energies, in_graph.constant(self.power_floor, energies)))
        return tf.stack(in_graph.with_slopes(log_mel, num_frames, self.delta_frames), axis=-1), num_frames

    def _filters(self) -> np.ndarray:
        """The Mel filters, float64 [bands, bins]."""
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
