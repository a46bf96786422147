"""A small source-filter speech synthesizer after Klatt (1980): list of sounds → recording of a voice.

source   glottal flow pulses (Rosenberg 1971) with jitter, shimmer and spectral tilt, and aspiration noise
filter   a cascade of resonators at the formants, which glide from sound to sound
noise    fricatives and bursts, each through its own resonator, added after the filter
record   reverberation of the room, frequency response of the microphone, background noise and level

D. H. Klatt: Software for a cascade/parallel formant synthesizer. J. Acoust. Soc. Am. 67 (1980), pp. 971-995
A. E. Rosenberg: Effect of glottal pulse shape on the quality of natural vowels. Ibid. 49 (1971), pp. 583-590
G. E. Peterson, H. L. Barney: Control methods used in a study of the vowels. Ibid. 24 (1952), pp. 175-184
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SAMPLE_RATE_HZ = 16000
STEP_SAMPLES = 80  # formants, pitch and amplitudes have one value per step of 5 ms, as in Klatt's program
FFT_SAMPLES = 1024  # two steps and 54 ms, in which the response of the narrowest formant decays
BANDWIDTHS_HZ = (70.0, 90.0, 140.0, 200.0, 260.0, 340.0, 420.0)
UPPER_FORMANTS_HZ = (3500.0, 4500.0, 5500.0, 6500.0)  # above the three formants that distinguish vowels
FORMANT_GLIDE_SECONDS = 0.07
PITCH_GLIDE_SECONDS = 0.11


@dataclass(frozen=True)
class Sound:
    """A section of speech with constant target values; values glide from one sound to the next.

    Attributes:
        duration_seconds: at least one step of 5 ms.
        formants_hz: first three formants for a vocal tract of reference length.
        pitch_hz: fundamental frequency; it also glides through unvoiced sounds.
        voicing, aspiration, frication: amplitudes, 0 to about 1, of the glottal pulses, of the noise at the glottis and
            of the noise at a constriction.
        frication_hz: resonance of the noise at the constriction.
    """

    duration_seconds: float
    formants_hz: tuple[float, float, float]
    pitch_hz: float = 120.0
    voicing: float = 0.0
    aspiration: float = 0.0
    frication: float = 0.0
    frication_hz: float = 4000.0


# rounded values of Peterson and Barney (1952) for men; `@` is the neutral vowel
VOWELS_HZ = {
    "a": (730.0, 1090.0, 2440.0),
    "e": (530.0, 1840.0, 2480.0),
    "i": (280.0, 2250.0, 2950.0),
    "o": (570.0, 850.0, 2410.0),
    "u": (310.0, 870.0, 2240.0),
    "@": (500.0, 1500.0, 2500.0),
}
_LIPS, _RIDGE, _VELUM = (300.0, 900.0, 2200.0), (300.0, 1750.0, 2650.0), (300.0, 1900.0, 2200.0)
CONSONANTS = {
    "p": (Sound(0.07, _LIPS), Sound(0.03, _LIPS, aspiration=0.4, frication=0.5, frication_hz=1000.0)),
    "t": (Sound(0.06, _RIDGE), Sound(0.035, _RIDGE, aspiration=0.5, frication=0.9, frication_hz=4200.0)),
    "k": (Sound(0.06, _VELUM), Sound(0.045, _VELUM, aspiration=0.6, frication=0.9, frication_hz=2000.0)),
    "b": (Sound(0.06, _LIPS, voicing=0.12),),
    "d": (Sound(0.05, _RIDGE, voicing=0.12), Sound(0.01, _RIDGE, voicing=0.3, frication=0.5, frication_hz=3800.0)),
    "g": (Sound(0.05, _VELUM, voicing=0.12), Sound(0.015, _VELUM, voicing=0.3, frication=0.5, frication_hz=1900.0)),
    "s": (Sound(0.1, _RIDGE, frication=1.0, frication_hz=5600.0),),
    "sh": (Sound(0.1, _RIDGE, frication=1.2, frication_hz=3000.0),),
    "f": (Sound(0.09, _LIPS, aspiration=0.1, frication=0.35, frication_hz=6500.0),),
    "m": (Sound(0.07, (260.0, 1050.0, 2200.0), voicing=0.4),),
    "n": (Sound(0.06, (260.0, 1600.0, 2550.0), voicing=0.4),),
    "l": (Sound(0.06, (360.0, 1250.0, 2750.0), voicing=0.6),),
    "r": (Sound(0.06, (420.0, 1250.0, 1700.0), voicing=0.6),),
}
SILENCE = Sound(0.1, VOWELS_HZ["@"])


@dataclass(frozen=True)
class Voice:
    """Properties of glottis and vocal tract in one utterance.

    Attributes:
        formant_scale: factor on all formants; below 1 for a longer vocal tract.
        tilt_db: attenuation of the glottal pulses at 3000 Hz; high for a soft voice.
        open_quotient: fraction of each cycle in which the glottis is open.
        jitter, shimmer: relative standard deviation of the length and the amplitude of a cycle.
        breathiness: level of the aspiration noise during voicing, in [0, 1].
        attack_seconds: time in which the voice sets in or stops.
    """

    formant_scale: float = 1.0
    tilt_db: float = 10.0
    open_quotient: float = 0.6
    jitter: float = 0.01
    shimmer: float = 0.04
    breathiness: float = 0.03
    attack_seconds: float = 0.035


@dataclass(frozen=True)
class Recording:
    """Recording conditions: room, microphone and levels.

    Attributes:
        room_seconds: reverberation time, to -60 dB.
        room_db: level of the reverberation relative to the direct sound.
        color_db: gain of the microphone at high frequencies relative to low ones.
        level_db: RMS level of the voice relative to full scale.
        noise_db: RMS level of the background noise relative to full scale.
    """

    room_seconds: float = 0.2
    room_db: float = -20.0
    color_db: float = 0.0
    level_db: float = -26.0
    noise_db: float = -70.0


def synthesize(sounds: Sequence[Sound], voice: Voice, rng: np.random.Generator) -> np.ndarray:
    """Returns the waveform of a sequence of sounds, float64 [samples] at SAMPLE_RATE_HZ, at an arbitrary level."""
    steps = [max(1, round(sound.duration_seconds * SAMPLE_RATE_HZ / STEP_SAMPLES)) for sound in sounds]
    formants_hz = _track([sound.formants_hz for sound in sounds], steps, FORMANT_GLIDE_SECONDS)
    pitch_hz, voicing, aspiration = (
        _per_sample(_track([getattr(sound, name) for sound in sounds], steps, glide_seconds))
        for name, glide_seconds in (
            ("pitch_hz", PITCH_GLIDE_SECONDS),
            ("voicing", voice.attack_seconds),
            ("aspiration", voice.attack_seconds),
        )
    )
    flow = glottal_flow(pitch_hz, voice, rng)
    pulses = _tilted(np.diff(flow, prepend=0.0) * SAMPLE_RATE_HZ / pitch_hz, voice.tilt_db)
    breath = rng.standard_normal(len(flow))
    source = voicing * (pulses + voice.breathiness * (0.4 + flow) * breath) + 0.5 * aspiration * breath
    formants_hz = np.hstack([formants_hz, np.tile(UPPER_FORMANTS_HZ, (len(formants_hz), 1))])
    return vocal_tract(source, voice.formant_scale * formants_hz) + _frication(sounds, steps, rng)


def glottal_flow(pitch_hz: np.ndarray, voice: Voice, rng: np.random.Generator) -> np.ndarray:
    """Returns the pulses of Rosenberg (1971).

    The glottis opens by a half cosine, closes twice as fast by a quarter cosine, and stays closed for the rest of the cycle.

    Args:
        pitch_hz: fundamental frequency, float [samples].
        voice: open quotient, jitter and shimmer.
        rng: source of jitter and shimmer.

    Returns:
        flow, float64 [samples], 0 to about 1.
    """
    cycles = int(pitch_hz.sum() / SAMPLE_RATE_HZ * 1.5) + 2
    length_change, amplitude_change = np.clip(rng.standard_normal((2, cycles)), -2.5, 2.5)
    cycle = (np.cumsum(pitch_hz) / SAMPLE_RATE_HZ).astype(int)
    phase = np.cumsum(pitch_hz * (1 + voice.jitter * length_change[cycle])) / SAMPLE_RATE_HZ
    cycle, position = phase.astype(int), phase % 1.0
    peak, closed = voice.open_quotient * 2 / 3, voice.open_quotient
    opening = 0.5 * (1 - np.cos(np.pi * position / peak))
    closing = np.cos(0.5 * np.pi * (position - peak) / (closed - peak))
    flow = np.where(position < peak, opening, np.where(position < closed, closing, 0.0))
    return flow * (1 + voice.shimmer * amplitude_change[cycle])


def vocal_tract(source: np.ndarray, formants_hz: np.ndarray) -> np.ndarray:
    """Returns the source, float [samples], filtered by a cascade of resonators with gliding formants.

    Overlapping Hann windows of the source pass a constant filter each, and their responses are added. Changing the
    coefficients of one recursive filter would cause clicks.

    Args:
        source: float [steps * STEP_SAMPLES].
        formants_hz: [steps, formants], with as many formants as BANDWIDTHS_HZ.
    """
    padded = np.pad(source, STEP_SAMPLES // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * STEP_SAMPLES)[::STEP_SAMPLES]
    spectra = np.fft.rfft(windows * np.hanning(2 * STEP_SAMPLES + 1)[:-1], FFT_SAMPLES)
    for formant_hz, bandwidth_hz in zip(formants_hz.T, BANDWIDTHS_HZ, strict=True):
        spectra *= resonance(formant_hz[:, np.newaxis], bandwidth_hz, FFT_SAMPLES)
    responses = np.fft.irfft(spectra)
    spoken = np.zeros(len(source) + FFT_SAMPLES)
    for step, response in enumerate(responses):
        spoken[step * STEP_SAMPLES :][:FFT_SAMPLES] += response
    return spoken[STEP_SAMPLES // 2 :][: len(source)]


def resonance(center_hz: np.ndarray | float, bandwidth_hz: float, samples: int) -> np.ndarray:
    """Returns the frequency response of the resonator of Klatt (1980), y[n] = A x[n] + B y[n-1] + C y[n-2].

    Args:
        center_hz: resonance frequency, scalar or [..., 1].
        bandwidth_hz: bandwidth at -3 dB.
        samples: length of the transform.

    Returns:
        complex128 [..., samples // 2 + 1].
    """
    radius = np.exp(-np.pi * bandwidth_hz / SAMPLE_RATE_HZ)
    angle = 2 * np.pi * np.minimum(center_hz, 0.48 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    b, c = 2 * radius * np.cos(angle), -(radius**2)
    delay = np.exp(-2j * np.pi * np.arange(samples // 2 + 1) / samples)
    return (1 - b - c) / (1 - b * delay - c * delay**2)


def _track(targets: Sequence, steps: Sequence[int], glide_seconds: float) -> np.ndarray:
    """Returns targets [sounds, ...] repeated for their steps and smoothed by a Hann window of the glide: [steps, ...]."""
    repeated = np.repeat(np.asarray(targets, dtype=float), steps, axis=0)
    half = max(1, round(glide_seconds * SAMPLE_RATE_HZ / STEP_SAMPLES / 2))
    window = np.hanning(2 * half + 3)[1:-1]
    padded = np.concatenate([repeated[:1].repeat(half, 0), repeated, repeated[-1:].repeat(half, 0)])
    return np.apply_along_axis(np.convolve, 0, padded, window / window.sum(), "valid")


def _per_sample(track: np.ndarray) -> np.ndarray:
    """Returns a track [steps] interpolated to [samples]."""
    centers = (np.arange(len(track)) + 0.5) * STEP_SAMPLES
    return np.interp(np.arange(len(track) * STEP_SAMPLES), centers, track)


def _tilted(pulses: np.ndarray, tilt_db: float) -> np.ndarray:
    """Returns the pulses after a first-order low-pass filter with an attenuation of tilt_db at 3000 Hz."""
    from scipy.signal import lfilter

    cutoff_hz = 3000.0 / np.sqrt(max(10 ** (tilt_db / 10) - 1, 0.05))
    pole = np.exp(-2 * np.pi * cutoff_hz / SAMPLE_RATE_HZ)
    return lfilter([1 - pole], [1, -pole], pulses)


def _frication(sounds: Sequence[Sound], steps: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Returns the noise of the fricatives and bursts, float64 [samples]."""
    noise = np.zeros(sum(steps) * STEP_SAMPLES)
    starts = np.cumsum([0, *steps]) * STEP_SAMPLES
    for sound, start, end in zip(sounds, starts, starts[1:], strict=False):
        if sound.frication:
            spectrum = np.fft.rfft(rng.standard_normal(end - start))
            spectrum *= resonance(sound.frication_hz, 0.35 * sound.frication_hz, end - start)
            burst = np.fft.irfft(spectrum, end - start) * np.sqrt(np.hanning(end - start))
            noise[start:end] = sound.frication * burst / np.sqrt(np.mean(burst**2))
    return noise


def record(
    waveform: np.ndarray, recording: Recording, room_rng: np.random.Generator, rng: np.random.Generator
) -> np.ndarray:
    """Returns the recording of a voice, float64 [samples] within ±0.97.

    Args:
        waveform: result of `synthesize`, float [samples].
        recording: room, microphone and levels.
        room_rng: source of the reverberation; the same seed gives the same room.
        rng: source of the background noise.
    """
    from scipy.signal import fftconvolve, lfilter

    room_samples = int(recording.room_seconds * SAMPLE_RATE_HZ)
    echo = room_rng.standard_normal(room_samples) * 10 ** (-3 * np.arange(room_samples) / room_samples)
    echo *= 10 ** (recording.room_db / 20) / np.sqrt(np.sum(echo**2))
    voice = _leveled(waveform + fftconvolve(waveform, echo)[: len(waveform)], recording.level_db)
    noise = lfilter([1.0], [1.0, -0.85], rng.standard_normal(len(waveform)))
    mixed = _colored(voice + _leveled(noise, recording.noise_db), recording.color_db)
    return mixed * min(1.0, 0.97 / np.abs(mixed).max())


def _leveled(waveform: np.ndarray, level_db: float) -> np.ndarray:
    """Returns the waveform [samples] with an RMS level of level_db relative to full scale."""
    return waveform * (10 ** (level_db / 20) / np.sqrt(np.mean(waveform**2)))


def _colored(waveform: np.ndarray, color_db: float) -> np.ndarray:
    """Returns the waveform after shelving filters: plus half of color_db above about 1500 Hz, minus half of it below."""
    from scipy.signal import lfilter

    gain = 10 ** (color_db / 40)
    low = lfilter([1 - 0.555], [1, -0.555], waveform)
    return low / gain + (waveform - low) * gain
