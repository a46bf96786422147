"""Checksums and fingerprints of sounds: the same recording is recognized in another file, format, level or sampling rate.

A speaker-independent split is worth nothing when one recording lies in the corpus twice under two names: it then trains and
tests. A checksum of the file finds byte-wise copies alone. `sound_sha256` compares decoded samples, so that a FLAC copy or
another header is found. `fingerprint` follows Haitsma and Kalker (2002), "A Highly Robust Audio Fingerprinting System":
signs of energy differences between neighboring bands and frames, 32 bits for every 23.2 ms, which survive a change of
level, lossy compression and resampling. Two speakers who say the same sentence differ in almost half of the bits.
`acrnn.records.shared_sounds` compares fingerprints.
"""

from __future__ import annotations

import hashlib

import numpy as np

from acrnn import audio

SAMPLE_RATE_HZ = 5000  # of the analysis, as in the paper; all bands lie below 2 kHz
WINDOW_SAMPLES, HOP_SAMPLES = 1850, 116  # 0.37 s, and 23.2 ms: twice the hop of the paper, at half the cost
LOW_HZ, HIGH_HZ, BANDS = 300.0, 2000.0, 33
SOFT_DB = 25.0  # frames softer than the loudest one by more are 0: noise and codecs change most of their bits
_FFT_SIZE = 2048
_EDGES = np.round(np.geomspace(LOW_HZ, HIGH_HZ, BANDS + 1) / SAMPLE_RATE_HZ * _FFT_SIZE).astype(int)
_TAPER = np.hanning(WINDOW_SAMPLES).astype(np.float32)
_BATCH = 16  # frames analyzed at a time: they stay in the processor's cache


def sound_sha256(waveform: np.ndarray) -> str:
    """Returns the SHA-256 of decoded samples, rounded to 16 bits: equal for lossless copies of a 16-bit recording.

    Args:
        waveform: float [samples] in [-1, 1].
    """
    samples = np.clip(np.round(np.asarray(waveform, np.float64) * 32768), -32768, 32767).astype("<i2")
    exact = samples if samples.any() else np.asarray(waveform, "<f4")  # too quiet for 16 bits
    return hashlib.sha256(exact.tobytes()).hexdigest()


def fingerprint(waveform: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Returns the fingerprint of a sound, uint32 [frames]; empty for one shorter than the window and a hop, 0.39 s.

    Soft frames are 0.

    Args:
        waveform: float [samples].
        sample_rate_hz: sampling rate of the waveform, 4 kHz or more.
    """
    waveform = audio.resampled(np.asarray(waveform, np.float32), sample_rate_hz, SAMPLE_RATE_HZ)
    if len(waveform) < WINDOW_SAMPLES + HOP_SAMPLES:
        return np.zeros(0, np.uint32)
    energies = _band_energies(waveform)  # [frames + 1, bands]
    slopes = energies[:, :-1] - energies[:, 1:]
    bits = (slopes[1:] - slopes[:-1]) > 0  # [frames, 32]
    levels = energies[1:].sum(axis=1)
    bits[levels < levels.max() / 10 ** (SOFT_DB / 10)] = False
    return np.packbits(bits, axis=1, bitorder="little").view("<u4")[:, 0].astype(np.uint32)


def _band_energies(waveform: np.ndarray) -> np.ndarray:
    """Energies float32 [frames, BANDS] in bands of equal width on a logarithmic frequency axis."""
    from scipy.fft import rfft  # in single precision many times as fast as numpy's

    frames = np.lib.stride_tricks.sliding_window_view(waveform, WINDOW_SAMPLES)[::HOP_SAMPLES]
    energies = np.empty((len(frames), BANDS), np.float32)
    for first in range(0, len(frames), _BATCH):
        spectrum = rfft(frames[first : first + _BATCH] * _TAPER, _FFT_SIZE)[:, : _EDGES[-1]]
        power = spectrum.real**2 + spectrum.imag**2
        energies[first : first + _BATCH] = np.add.reduceat(power, _EDGES[:-1], axis=1)
    return energies
