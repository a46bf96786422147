"""Fingerprints of sounds: the same recording is recognized in another file, format, level or sampling rate.

A speaker-independent split is worth nothing when one recording lies in the corpus twice under two names: it then trains and
tests. A checksum of the file finds byte-wise copies alone. `sound_sha256` compares decoded samples, so that a FLAC copy or
another header is found. `fingerprint` follows Haitsma and Kalker (2002), "A Highly Robust Audio Fingerprinting System":
signs of energy differences between neighboring bands and frames, 32 bits for every 11.6 ms, which survive a change of
level, lossy compression and resampling. Two speakers who say the same sentence differ in almost half of the bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

WINDOW_SECONDS, HOP_SECONDS = 0.37, 0.0116
LOW_HZ, HIGH_HZ, BANDS = 300.0, 2000.0, 33
MAX_BIT_ERROR_RATE = 0.25  # between fingerprints of one recording; see experiments/results/fingerprints
MIN_FRAMES = 24  # shared frames below which a comparison proves nothing (0.28 s beyond the window)


class SharedSound(NamedTuple):
    """Two sounds that are one recording, and the share of differing bits over their common frames."""

    first: str
    second: str
    bit_error_rate: float


def sound_sha256(waveform: np.ndarray) -> str:
    """SHA-256 of decoded samples, rounded to 16 bits: equal for lossless copies of a 16-bit recording.

    Args:
        waveform: float [samples] in [-1, 1].
    """
    samples = np.clip(np.round(np.asarray(waveform, np.float64) * 32768), -32768, 32767)
    return hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()


def fingerprint(waveform: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Fingerprint uint32 [frames] of a sound; empty for one shorter than two windows' starts.

    Args:
        waveform: float [samples].
        sample_rate_hz: of the waveform, 4 kHz or more.
    """
    energies = _band_energies(np.asarray(waveform, np.float64), sample_rate_hz)  # [frames, bands]
    if len(energies) < 2:
        return np.zeros(0, np.uint32)
    slopes = energies[:, :-1] - energies[:, 1:]
    bits = (slopes[1:] - slopes[:-1]) > 0  # [frames - 1, 32]
    return (bits * (np.uint32(1) << np.arange(32, dtype=np.uint32))).sum(axis=1, dtype=np.uint32)


def _band_energies(waveform: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Energies float [frames, BANDS] in bands of equal width on a logarithmic frequency axis."""
    window, hop = round(WINDOW_SECONDS * sample_rate_hz), HOP_SECONDS * sample_rate_hz
    starts = np.floor(np.arange(0, max(len(waveform) - window + 1, 0), hop)).astype(int)
    size = 1 << (window - 1).bit_length()
    edges = np.geomspace(LOW_HZ, HIGH_HZ, BANDS + 1) / sample_rate_hz * size
    bins = np.round(edges).astype(int)
    taper = np.hanning(window)
    energies = np.empty((len(starts), BANDS))
    for first in range(0, len(starts), 64):  # bounds the memory of long recordings
        part = starts[first : first + 64]
        frames = waveform[part[:, None] + np.arange(window)] * taper
        power = np.abs(np.fft.rfft(frames, size)) ** 2
        energies[first : first + 64] = np.add.reduceat(power[:, : bins[-1]], bins[:-1], axis=1)
    return energies


def bit_error_rate(first: np.ndarray, second: np.ndarray, shift: int = 0) -> float:
    """Share of differing bits over the frames that two fingerprints share; 1.0 where they share fewer than MIN_FRAMES.

    Args:
        first, second: uint32 [frames].
        shift: frame of `first` at which `second` begins.
    """
    first, second = (first[shift:], second) if shift >= 0 else (first, second[-shift:])
    shared = min(len(first), len(second))
    if shared < MIN_FRAMES:
        return 1.0
    differing = np.unpackbits((first[:shared] ^ second[:shared]).view(np.uint8)).sum()
    return float(differing) / (32 * shared)


def shared_sounds(
    fingerprints: Mapping[str, np.ndarray], max_bit_error_rate: float = MAX_BIT_ERROR_RATE
) -> list[SharedSound]:
    """Pairs of sounds that hold the same recording, in part at least.

    Candidates are pairs that share a frame of 32 equal bits; each is compared over all frames at that shift. A copy whose
    bits differ by a tenth has such a frame every 30 frames (0.9 to the power of 32), so that one of a second is found.

    Args:
        fingerprints: by name, uint32 [frames].
        max_bit_error_rate: above it two sounds are different recordings.
    """
    names = list(fingerprints)
    shifts: dict[tuple[int, int], set[int]] = {}
    for sounds, frames in _equal_frames([fingerprints[name] for name in names]):
        for place in range(len(sounds)):
            for other in range(place + 1, len(sounds)):
                if sounds[place] != sounds[other]:
                    pair = (sounds[place], sounds[other])
                    shifts.setdefault(pair, set()).add(int(frames[place] - frames[other]))
    shared = []
    for (a, b), candidates in sorted(shifts.items()):
        rate = min(bit_error_rate(fingerprints[names[a]], fingerprints[names[b]], shift) for shift in candidates)
        if rate <= max_bit_error_rate:
            shared.append(SharedSound(names[a], names[b], rate))
    return shared


def _equal_frames(fingerprints: Sequence[np.ndarray], at_most: int = 32):
    """Yields sounds int [places] and frames int [places] of every frame value that few places of some sounds share.

    A value in very many places (silence, all bits zero) tells nothing and is passed over.
    """
    if not fingerprints:
        return
    values = np.concatenate(fingerprints)
    sounds = np.repeat(np.arange(len(fingerprints)), [len(one) for one in fingerprints])
    frames = np.concatenate([np.arange(len(one)) for one in fingerprints])
    order = np.argsort(values, kind="stable")
    edges = np.flatnonzero(np.diff(values[order])) + 1
    for places in np.split(order, edges):
        if 1 < len(places) <= at_most:
            yield sounds[places], frames[places]
