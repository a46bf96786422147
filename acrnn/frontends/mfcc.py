"""MFCC with their deltas: the input of Peng et al. (2021), Section 4.2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acrnn.frontends.waveform import refuse_short, with_slopes


@dataclass(frozen=True)
class MfccSpec:
    """Waveform → (frames, 96, 1): 32 MFCC as librosa computes them, their deltas and delta-deltas.

    The paper names librosa, 32 coefficients, 25 ms, 10 ms, Hamming; where it is silent, the choice is explained. Unlike
    the log-Mels of Chen et al. (2018) the waveform is not scaled: librosa does not, and the paper says nothing of it.

    Attributes:
        num_coefficients: MFCC, the first of them the mean level.
        num_bands: 64; librosa's 128 are for windows of 128 ms, and with 25 ms some of them would hold no bin at all.
        fft_size: 512, the power of two above 25 ms at 16 kHz.
        power_floor, range_db: energies below the floor, and more than so many dB below the loudest of the utterance,
            count as that: librosa's values.
        delta_frames: N of the regression on either side; 4 is librosa's width of 9. At the edges the first and the last
            frame are repeated, where librosa fits a polynomial and so needs nine frames at least.
    """

    sample_rate_hz: int = 16000
    window_seconds: float = 0.025
    hop_seconds: float = 0.010
    num_coefficients: int = 32
    num_bands: int = 64
    fft_size: int = 512
    power_floor: float = 1e-10
    range_db: float = 80.0
    delta_frames: int = 4

    @property
    def window_samples(self) -> int:
        return round(self.window_seconds * self.sample_rate_hz)

    @property
    def band_name(self) -> str:
        """What a row of the features is, for a figure."""
        return "MFCC, their deltas, and theirs"

    @property
    def feature_shape(self) -> tuple[int, int]:
        """(values, channels) of one frame."""
        return 3 * self.num_coefficients, 1

    def extract(self, waveform: np.ndarray) -> np.ndarray:
        """Features of one utterance.

        Args:
            waveform: float [samples] in [-1, 1] at sample_rate_hz.

        Returns:
            float32 [frames, values, 1]: the coefficients, their deltas, and the deltas of these;
            frames = 1 + ⌈(samples - window) / hop⌉, the last one filled up with zeros.

        Raises:
            ValueError: the waveform is shorter than one window.
        """
        refuse_short(waveform, self.sample_rate_hz, self.window_seconds)
        static = self._cepstrum(waveform.astype(np.float64))
        tracks = with_slopes(static, self.delta_frames)
        return np.concatenate(tracks, axis=1)[..., None].astype(np.float32)

    def in_graph(self, waveform, num_samples, fft: bool = True):
        """The same for a batch as TensorFlow operations, in the precision of the waveform.

        Args:
            waveform: float tensor [batch, samples], zero beyond an utterance's end.
            num_samples: int32 tensor [batch], each at least a window.
            fft: see `in_graph.power_spectrum`.

        Returns:
            features [batch, frames, values, 1], meaningless beyond an utterance's frames; num_frames int32 [batch].
        """
        import tensorflow as tf

        from acrnn.frontends import in_graph

        ended = in_graph.ended(waveform, num_samples)
        windows, num_frames = in_graph.frames(ended, num_samples, self.window_samples, self._hop_samples)
        windows *= in_graph.constant(self._window, windows)
        bands = in_graph.band_energies(in_graph.power_spectrum(windows, self.fft_size, fft), self._filters)
        level = in_graph.decibels(bands * self.fft_size, num_frames, self.power_floor, self.range_db)
        static = tf.matmul(level, in_graph.constant(self._cosines, level))
        tracks = in_graph.with_slopes(static, num_frames, self.delta_frames)
        return tf.expand_dims(tf.concat(tracks, axis=-1), -1), num_frames

    @property
    def _hop_samples(self) -> int:
        return round(self.hop_seconds * self.sample_rate_hz)

    @property
    def _window(self) -> np.ndarray:
        from scipy.signal import get_window

        return get_window("hamming", self.window_samples)

    @property
    def _filters(self) -> np.ndarray:
        """The Mel filters [bands, bins]."""
        from librosa.filters import mel

        return mel(sr=self.sample_rate_hz, n_fft=self.fft_size, n_mels=self.num_bands, dtype=np.float64)

    @property
    def _cosines(self) -> np.ndarray:
        """The cosine transform as a matrix [bands, coefficients]: what it makes of the unit vectors."""
        from scipy.fft import dct

        return dct(np.eye(self.num_bands), type=2, axis=1, norm="ortho")[:, : self.num_coefficients]

    def _cepstrum(self, waveform: np.ndarray) -> np.ndarray:
        """MFCC [frames, coefficients]."""
        from librosa import power_to_db
        from librosa.feature import melspectrogram, mfcc

        # librosa lays the window in the middle of its transform: zeros before it let frames begin where windows do
        before = (self.fft_size - self.window_samples) // 2
        frames = 1 + -(-(len(waveform) - self.window_samples) // self._hop_samples)
        samples = (frames - 1) * self._hop_samples + self.fft_size
        bands = melspectrogram(
            y=np.pad(waveform, (before, samples - before - len(waveform))),
            sr=self.sample_rate_hz,
            n_fft=self.fft_size,
            hop_length=self._hop_samples,
            win_length=self.window_samples,
            window="hamming",
            center=False,
            n_mels=self.num_bands,
        )
        level = power_to_db(bands, amin=self.power_floor, top_db=self.range_db)
        return mfcc(S=level, n_mfcc=self.num_coefficients).T


PENG2021 = MfccSpec()
