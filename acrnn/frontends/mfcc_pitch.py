"""MFCC, pitch period and harmonics-to-noise ratio with their deltas: the input of Han et al. (2014), Section 3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from acrnn.frontends.spec import SecondsSpec
from acrnn.frontends.waveform import analysis_windows, mel_filters, power_spectrum, regression_slope

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class MfccPitchSpec(SecondsSpec):
    """Cepstrum, pitch period in ms and harmonics-to-noise ratio (HNR) in dB, then the deltas of all: [frames, 30, 1].

    13 MFCC, period and HNR with their deltas are 30 values; 25 frames of them are the 750 inputs of Han's network. Where the
    paper states nothing, the choice is explained. The waveform is scaled to zero mean and unit variance, as by Chen et al.
    (2018): the first coefficient is the log energy, and the level of a recording would identify the speaker.

    Attributes:
        num_coefficients: number of MFCC; the first is replaced by the log energy of the frame.
        num_bands, lifter: Mel bands and lifter of the cepstrum, the defaults of python_speech_features. Unlike there, the
            waveform has no pre-emphasis.
        fft_size: 512, the power of two above 25 ms at 16 kHz.
        power_floor: minimum of the energies, for digital silence, as in `LogMelSpec`.
        low_pitch_hz: lowest pitch, 80 Hz, so that half a window of 25 ms holds the longest period.
        high_pitch_hz: highest pitch, 500 Hz, above the pitch of an angry woman's voice.
        octave_cost: subtracted from the autocorrelation for each doubling of the period, so that the first of the equal
            peaks of a periodic frame is chosen (Boersma 1993, Eq. 26). Boersma's 0.01 is meant for interpolated peaks.
            Without interpolation, harmonics up to 3 kHz lower the first peak by up to 0.2, and later peaks that lie closer
            to a whole sample by less.
        hnr_limit_db: limit of the HNR: minus this for silence, plus this for a pure tone.
        delta_frames: N of the regression, in frames on either side.
    """

    kind = "mfcc-pitch"
    band_name = "track"
    num_coefficients: int = 13
    num_bands: int = 26
    fft_size: int = 512
    lifter: int = 22
    power_floor: float = 1e-10
    low_pitch_hz: float = 80.0
    high_pitch_hz: float = 500.0
    octave_cost: float = 0.05
    hnr_limit_db: float = 30.0
    delta_frames: int = 2

    @property
    def feature_shape(self) -> tuple[int, int]:
        return 2 * (self.num_coefficients + 2), 1

    def features(self, scaled: np.ndarray) -> np.ndarray:
        """Returns log energy, MFCC 1 … 12, period in ms, HNR in dB, and the deltas of these 15: [frames, tracks, 1]."""
        tracks = np.column_stack([self._cepstrum(scaled), *self._periodicity(scaled)])
        return np.concatenate([tracks, regression_slope(tracks, self.delta_frames)], axis=1)[..., None]

    def features_in_graph(self, windows: tf.Tensor, num_frames: tf.Tensor, fft: bool) -> tf.Tensor:
        import tensorflow as tf

        from acrnn.frontends import in_graph

        period, harmonicity = self._periodicity_in_graph(windows, fft)
        # expand_dims and reverse instead of indexing, since LiteRT has no such slices
        periodicity = [tf.expand_dims(period, -1), tf.expand_dims(harmonicity, -1)]
        tracks = tf.concat([self._cepstrum_in_graph(windows, fft), *periodicity], axis=-1)
        slopes = in_graph.regression_slope(tracks, num_frames, self.delta_frames)
        return tf.expand_dims(tf.concat([tracks, slopes], axis=-1), -1)

    def _cepstrum_in_graph(self, windows: tf.Tensor, fft: bool) -> tf.Tensor:
        """Returns what `_cepstrum` returns, [batch, frames, coefficients], for windows [batch, frames, samples]."""
        import tensorflow as tf
        from python_speech_features import lifter
        from scipy.fft import dct

        from acrnn.frontends import in_graph

        power = in_graph.power_spectrum(
            windows * in_graph.constant(np.hamming(self.window_samples), windows), self.fft_size, fft
        )
        filters = mel_filters(self.num_bands, self.fft_size, self.sample_rate_hz)
        log_bands = in_graph.floored_log(in_graph.band_energies(power, filters), self.power_floor)
        # the cosine transform and the lifter are linear, so their results for the unit vectors form one matrix
        cosines = lifter(
            dct(np.eye(self.num_bands), type=2, axis=1, norm="ortho")[:, : self.num_coefficients], self.lifter
        )
        cepstrum = tf.matmul(log_bands, in_graph.constant(cosines, windows))
        energy = in_graph.floored_log(tf.reduce_sum(power, axis=-1, keepdims=True), self.power_floor)
        return tf.concat([energy, cepstrum[..., 1:]], axis=-1)

    def _periodicity_in_graph(self, windows: tf.Tensor, fft: bool) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what `_periodicity` returns, each [batch, frames], for windows [batch, frames, samples]."""
        import tensorflow as tf

        from acrnn.frontends import in_graph

        lags = self._lags
        correlation = self._autocorrelation_in_graph(windows, lags, fft)
        cost = in_graph.constant(self.octave_cost * np.log2(lags / lags[0]), windows)
        best = tf.argmax(correlation - cost, axis=-1, output_type=tf.int32)
        at_best = tf.gather(correlation, best, batch_dims=2)
        least = 1 / (1 + 10 ** (self.hnr_limit_db / 10))
        harmonic = tf.clip_by_value(at_best, least, 1 - least)
        period = tf.gather(in_graph.constant(1000 * lags / self.sample_rate_hz, windows), best)
        return period, 10 / np.log(10) * tf.math.log(harmonic / (1 - harmonic))

    def _autocorrelation_in_graph(self, windows: tf.Tensor, lags: np.ndarray, fft: bool) -> tf.Tensor:
        """Returns what `_autocorrelation` returns, [batch, frames, lags], for windows [batch, frames, samples]."""
        import tensorflow as tf

        from acrnn.frontends import in_graph

        windows -= tf.reduce_mean(windows, axis=-1, keepdims=True)
        power = in_graph.power_spectrum(windows, self._correlation_size(lags), fft)
        products = in_graph.autocorrelation(power, lags, fft)
        first, last = int(lags[0]), int(lags[-1])
        energy = tf.cumsum(windows**2, axis=-1)
        head = tf.reverse(energy[..., self.window_samples - 1 - last : self.window_samples - first], [-1])
        tail = energy[..., -1:] - energy[..., first - 1 : last]
        floor = in_graph.constant(self.power_floor**2, windows)
        return products / tf.sqrt(tf.maximum(head * tail, floor))

    @property
    def _lags(self) -> np.ndarray:
        """Candidate pitch periods in samples, ascending."""
        shortest = int(np.ceil(self.sample_rate_hz / self.high_pitch_hz))
        return np.arange(shortest, int(self.sample_rate_hz / self.low_pitch_hz) + 1)

    def _correlation_size(self, lags: np.ndarray) -> int:
        """Returns the FFT size of the autocorrelation: a power of two that leaves no circular overlap up to the last lag."""
        return 2 ** int(np.ceil(np.log2(self.window_samples + lags[-1])))

    def _cepstrum(self, scaled: np.ndarray) -> np.ndarray:
        """Returns the MFCC [frames, coefficients] of python_speech_features.mfcc, except for the floor of the energies."""
        from python_speech_features import lifter
        from scipy.fft import dct

        hamming = np.hamming(self.window_samples)
        windows = analysis_windows(scaled, self.window_samples, self.hop_samples, hamming)
        power = power_spectrum(windows, self.fft_size)
        bands, energy = power @ mel_filters(self.num_bands, self.fft_size, self.sample_rate_hz).T, power.sum(axis=1)
        log_bands = np.log(np.maximum(bands, self.power_floor))
        cepstrum = lifter(dct(log_bands, type=2, axis=1, norm="ortho")[:, : self.num_coefficients], self.lifter)
        cepstrum[:, 0] = np.log(np.maximum(energy, self.power_floor))
        return cepstrum

    def _periodicity(self, scaled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the pitch period τ₀ in ms and HNR = 10 log₁₀(r(τ₀) / (1 - r(τ₀))) in dB, each [frames]."""
        lags = self._lags
        correlation = self._autocorrelation(analysis_windows(scaled, self.window_samples, self.hop_samples), lags)
        best = (correlation - self.octave_cost * np.log2(lags / lags[0])).argmax(axis=1)
        at_best = correlation[np.arange(len(best)), best]
        least = 1 / (1 + 10 ** (self.hnr_limit_db / 10))
        harmonic = np.clip(at_best, least, 1 - least)
        return 1000 * lags[best] / self.sample_rate_hz, 10 * np.log10(harmonic / (1 - harmonic))

    def _autocorrelation(self, frames: np.ndarray, lags: np.ndarray) -> np.ndarray:
        """Returns the normalized autocorrelation r(τ) [frames, lags] of frames [frames, samples].

        The product of a frame and itself τ later is divided by the root of the energies of the two overlapping parts.
        Divided by the energy of the whole frame instead, the ratio would fall with the period, and with it the HNR of a
        pure tone.
        """
        frames = frames - frames.mean(axis=1, keepdims=True)
        size = self._correlation_size(lags)
        products = np.fft.irfft(np.abs(np.fft.rfft(frames, size)) ** 2, size)[:, lags]
        energy = np.cumsum(frames**2, axis=1)
        head = energy[:, self.window_samples - 1 - lags]
        tail = energy[:, -1:] - energy[:, lags - 1]
        return products / np.sqrt(np.maximum(head * tail, self.power_floor**2))


HAN2014 = MfccPitchSpec()
