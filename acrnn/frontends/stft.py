"""STFT magnitudes: the image of 128 bins by 128 frames of Lim et al. (2016), Section III-A."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from acrnn.frontends.spec import Spec
from acrnn.frontends.waveform import analysis_windows

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class StftSpec(Spec):
    """Magnitudes of the short-time Fourier transform, or their logarithms: [frames, bins, 1].

    The defaults are the values of the paper; where it states none, the choice is explained. The highest of the 129 bins,
    at the Nyquist rate, is left out, so that the image is square as in the paper.

    Attributes:
        window_samples: 256, 16 ms at 16 kHz. The paper names no window function; the periodic Hann window adds up to one
            at 50 % overlap.
        hop_samples: half a window (50 % overlap, Section III-A).
        num_bins: number of bins, from DC up.
        magnitude: "linear", since the paper does not mention a logarithm, or "log".
        magnitude_floor: minimum of the magnitudes before the logarithm, for digital silence.
    """

    kind = "stft"
    band_name = "bin"
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
    def feature_shape(self) -> tuple[int, int]:
        return self.num_bins, 1

    def features(self, scaled: np.ndarray) -> np.ndarray:
        windows = analysis_windows(scaled, self.window_samples, self.hop_samples, self._window())
        magnitude = np.abs(np.fft.rfft(windows))[:, : self.num_bins]
        if self.magnitude == "log":
            magnitude = np.log(np.maximum(magnitude, self.magnitude_floor))
        return magnitude[..., None]

    def features_in_graph(self, windows: tf.Tensor, num_frames: tf.Tensor, fft: bool) -> tf.Tensor:
        import tensorflow as tf

        from acrnn.frontends import in_graph

        windows *= in_graph.constant(self._window(), windows)
        power = in_graph.power_spectrum(windows, self.window_samples, fft)[..., : self.num_bins]
        magnitude = tf.sqrt(power * self.window_samples)
        if self.magnitude == "log":
            magnitude = in_graph.floored_log(magnitude, self.magnitude_floor)
        return tf.expand_dims(magnitude, -1)

    def _window(self) -> np.ndarray:
        """Returns the periodic Hann window [window_samples]."""
        return np.hanning(self.window_samples + 1)[:-1]


LIM2016 = StftSpec()
LIM2016_LOG = StftSpec(magnitude="log")
