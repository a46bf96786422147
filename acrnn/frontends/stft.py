"""STFT magnitudes, the image that Lim et al. (2016), Section III-A, give their networks: 128 bins by 128 frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from acrnn.frontends.waveform import refuse_short, unit_variance


@dataclass(frozen=True)
class StftSpec:
    """Waveform → (frames, bins, 1): magnitudes of the short-time Fourier transform, or their logarithms.

    The defaults are the paper's; where it is silent, the choice is explained. At the edges: frames begin at the first
    sample, nothing is mirrored in front of it, and zeros fill the last frame up. Of the 129 bins the highest is left
    out, which lies at the Nyquist rate, so that the image is as square as the paper's.

    Attributes:
        window_samples: 256, 16 ms at 16 kHz; half of it is the hop (50 % overlap, Section III-A).
        window: the paper names none; "hann" adds up to one at 50 % overlap.
        magnitude: "linear", as the paper says nothing of a logarithm, or "log".
        num_bins: the lowest, DC among them.
        magnitude_floor: of the logarithm: smaller magnitudes count as it, so that digital silence is a quiet frame.
    """

    sample_rate_hz: int = 16000
    window_samples: int = 256
    hop_samples: int = 128
    num_bins: int = 128
    magnitude: Literal["linear", "log"] = "linear"
    magnitude_floor: float = 1e-4

    @property
    def window_seconds(self) -> float:
        return self.window_samples / self.sample_rate_hz

    @property
    def hop_seconds(self) -> float:
        return self.hop_samples / self.sample_rate_hz

    @property
    def band_name(self) -> str:
        """What a row of the features is, for a figure."""
        return "bin"

    @property
    def feature_shape(self) -> tuple[int, int]:
        """(bins, channels) of one frame."""
        return self.num_bins, 1

    def extract(self, waveform: np.ndarray) -> np.ndarray:
        """Features of one utterance.

        Args:
            waveform: float [samples] in [-1, 1] at sample_rate_hz, not constant; scaled to zero mean and unit variance.

        Returns:
            float32 [frames, bins, 1]; frames = 1 + ⌈(samples - window) / hop⌉, the last one filled up with zeros.

        Raises:
            ValueError: the waveform is shorter than one window.
        """
        from python_speech_features.sigproc import framesig

        refuse_short(waveform, self.sample_rate_hz, self.window_seconds)
        scaled = unit_variance(waveform.astype(np.float64))
        frames = framesig(scaled, self.window_samples, self.hop_samples) * self._window
        magnitude = np.abs(np.fft.rfft(frames))[:, : self.num_bins]
        if self.magnitude == "log":
            magnitude = np.log(np.maximum(magnitude, self.magnitude_floor))
        return magnitude[..., None].astype(np.float32)

    def in_graph(self, waveform, num_samples, fft: bool = True):
        """The same for a batch as TensorFlow operations, in the precision of the waveform.

        Args:
            waveform: float tensor [batch, samples]; what lies beyond an utterance's end is ignored.
            num_samples: int32 tensor [batch], each at least a window.
            fft: see `in_graph.power_spectrum`.

        Returns:
            features [batch, frames, bins, 1], meaningless beyond an utterance's frames; num_frames int32 [batch].
        """
        import tensorflow as tf

        from acrnn.frontends import in_graph

        scaled = in_graph.unit_variance(waveform, num_samples)
        windows, num_frames = in_graph.frames(scaled, num_samples, self.window_samples, self.hop_samples)
        windows *= in_graph.constant(self._window, windows)
        power = in_graph.power_spectrum(windows, self.window_samples, fft)[..., : self.num_bins]
        magnitude = tf.sqrt(power * self.window_samples)
        if self.magnitude == "log":
            magnitude = tf.math.log(tf.maximum(magnitude, in_graph.constant(self.magnitude_floor, magnitude)))
        return tf.expand_dims(magnitude, -1), num_frames

    @property
    def _window(self) -> np.ndarray:
        """The periodic Hann window [window_samples], which adds up to one at 50 % overlap."""
        return np.hanning(self.window_samples + 1)[:-1]


LIM2016 = StftSpec()
LIM2016_LOG = StftSpec(magnitude="log")
