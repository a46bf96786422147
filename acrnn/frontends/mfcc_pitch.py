"""MFCC, pitch period and harmonics-to-noise ratio with their deltas: the input of Han et al. (2014), Section 3."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acrnn.frontends.waveform import refuse_short, regression_slope, unit_variance


@dataclass(frozen=True)
class MfccPitchSpec:
    """Waveform → (frames, tracks, 1): cepstrum, pitch period in ms, HNR in dB, then the deltas of all of them.

    13 MFCC, period and HNR with their deltas are 30 values, and 25 frames of them the 750 inputs of Han's network.
    Where the paper is silent, the choice is explained. The waveform is scaled to zero mean and unit variance first, as
    Chen et al. (2018) do: the first coefficient is the log energy, and how loud a recording is would tell the speaker.

    Attributes:
        num_coefficients: MFCC, the first of them replaced by the log energy of the frame.
        num_bands, lifter: of the cepstrum, and no pre-emphasis: the defaults of python_speech_features but for that one.
        fft_size: 512, the power of two above 25 ms at 16 kHz.
        power_floor: energies below it count as it, as in `LogMelSpec`: digital silence is a quiet frame.
        low_pitch_hz: 80, so that half a window of 25 ms holds the longest period.
        high_pitch_hz: 500, above the pitch of an angry woman's voice.
        octave_cost: taken from the autocorrelation for each doubling of the period, so that of the equal peaks of a
            periodic frame the first is chosen (Boersma 1993, Eq. 26). His 0.01 goes with interpolated peaks; between
            whole samples, harmonics up to 3 kHz take up to 0.2 off the first peak and less off one that fits better.
        hnr_limit_db: silence has minus, a pure tone plus this.
        delta_frames: N of the regression, on either side.
    """

    sample_rate_hz: int = 16000
    window_seconds: float = 0.025
    hop_seconds: float = 0.010
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
    def window_samples(self) -> int:
        return round(self.window_seconds * self.sample_rate_hz)

    @property
    def feature_shape(self) -> tuple[int, int]:
        """(tracks, channels) of one frame."""
        return 2 * (self.num_coefficients + 2), 1

    def extract(self, waveform: np.ndarray) -> np.ndarray:
        """Features of one utterance.

        Args:
            waveform: float [samples] in [-1, 1] at sample_rate_hz, not constant.

        Returns:
            float32 [frames, tracks, 1]: log energy, MFCC 1 … 12, period in ms, HNR in dB, and the deltas of these 15;
            frames = 1 + ⌈(samples - window) / hop⌉, the last one filled up with zeros.

        Raises:
            ValueError: the waveform is shorter than one window.
        """
        refuse_short(waveform, self.sample_rate_hz, self.window_seconds)
        scaled = unit_variance(waveform.astype(np.float64))
        tracks = np.column_stack([self._cepstrum(scaled), *self._periodicity(scaled)])
        return np.concatenate([tracks, regression_slope(tracks, self.delta_frames)], axis=1)[..., None].astype(
            np.float32
        )

    def _cepstrum(self, scaled: np.ndarray) -> np.ndarray:
        """MFCC [frames, coefficients] as python_speech_features.mfcc has them, but for the floor of the energies."""
        from python_speech_features import fbank, lifter
        from scipy.fft import dct

        bands, energy = fbank(
            scaled,
            samplerate=self.sample_rate_hz,
            winlen=self.window_seconds,
            winstep=self.hop_seconds,
            nfilt=self.num_bands,
            nfft=self.fft_size,
            preemph=0.0,
            winfunc=np.hamming,
        )
        log_bands = np.log(np.maximum(bands, self.power_floor))
        cepstrum = lifter(dct(log_bands, type=2, axis=1, norm="ortho")[:, : self.num_coefficients], self.lifter)
        cepstrum[:, 0] = np.log(np.maximum(energy, self.power_floor))
        return cepstrum

    def _periodicity(self, scaled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pitch period τ₀ in ms and HNR = 10 log₁₀(r(τ₀) / (1 - r(τ₀))) in dB, each [frames]."""
        from python_speech_features.sigproc import framesig

        hop = round(self.hop_seconds * self.sample_rate_hz)
        lags = np.arange(
            int(np.ceil(self.sample_rate_hz / self.high_pitch_hz)), int(self.sample_rate_hz / self.low_pitch_hz) + 1
        )
        correlation = self._autocorrelation(framesig(scaled, self.window_samples, hop), lags)
        best = (correlation - self.octave_cost * np.log2(lags / lags[0])).argmax(axis=1)
        at_best = correlation[np.arange(len(best)), best]
        least = 1 / (1 + 10 ** (self.hnr_limit_db / 10))
        harmonic = np.clip(at_best, least, 1 - least)
        return 1000 * lags[best] / self.sample_rate_hz, 10 * np.log10(harmonic / (1 - harmonic))

    def _autocorrelation(self, frames: np.ndarray, lags: np.ndarray) -> np.ndarray:
        """r(τ) [frames, lags]: each frame against itself τ later, over the root of the energies of the parts that meet.

        Divided by ACF(0) instead, the ratio would fall with the period, and so would the HNR of a perfect tone.
        """
        frames = frames - frames.mean(axis=1, keepdims=True)
        size = 2 ** int(np.ceil(np.log2(self.window_samples + lags[-1])))
        products = np.fft.irfft(np.abs(np.fft.rfft(frames, size)) ** 2, size)[:, lags]
        energy = np.cumsum(frames**2, axis=1)
        head = energy[:, self.window_samples - 1 - lags]
        tail = energy[:, -1:] - energy[:, lags - 1]
        return products / np.sqrt(np.maximum(head * tail, self.power_floor**2))


HAN2014 = MfccPitchSpec()
