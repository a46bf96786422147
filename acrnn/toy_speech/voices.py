"""The speakers and emotions of the toy corpora, and how they vary.

Speakers differ in vocal tract, pitch, rate, voice and room. Emotions change pitch, tempo, pauses, energy, vocal effort and
articulation in the directions reported by Banse and Scherer (1996) and Juslin and Laukka (2003).

R. Banse, K. R. Scherer: Acoustic profiles in vocal emotion expression. J. Pers. Soc. Psychol. 70 (1996), pp. 614-636
P. N. Juslin, P. Laukka: Communication of emotions in vocal expression and music performance: different channels, same
code? Psychol. Bull. 129 (2003), pp. 770-814
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from acrnn.toy_speech.synthesis import Recording, Voice


@dataclass(frozen=True)
class Speaker:
    """A speaker: voice, recording conditions and neutral way of speaking.

    Attributes:
        voice: voice source and vocal tract.
        recording: room, microphone and levels.
        base_pitch_hz: mean pitch of neutral speech.
        pitch_range_semitones: range of the pitch within a sentence.
        stress_db: level of stressed over other syllables.
        syllables_per_second: rate of neutral speech.
    """

    voice: Voice
    recording: Recording
    base_pitch_hz: float
    pitch_range_semitones: float
    stress_db: float
    syllables_per_second: float


@dataclass(frozen=True)
class Emotion:
    """Changes of neutral speech by an emotion at full intensity.

    Attributes:
        pitch_semitones, pitch_range_percent: mean and range of the pitch.
        final_semitones: movement of the pitch on the last syllable.
        tempo_percent, pause_percent: syllables per second and duration of pauses.
        level_db, stress_db: loudness, and level of stressed over other syllables.
        attack_percent: time in which the voice sets in or stops.
        tilt_db: attenuation of the voice at 3000 Hz; negative for more vocal effort.
        jitter_percent, breathiness_percent: irregularity and noise of the voice.
        articulation_percent: distance of the vowels from the neutral vowel.
        formant_percent: all formants; spread lips shorten the vocal tract.
    """

    pitch_semitones: float
    pitch_range_percent: float
    final_semitones: float
    tempo_percent: float
    pause_percent: float
    level_db: float
    stress_db: float
    attack_percent: float
    tilt_db: float
    jitter_percent: float
    breathiness_percent: float
    articulation_percent: float
    formant_percent: float


# The position of an emotion is part of the random seed of its utterances, so append new ones. VARIATION holds the standard
# deviations of the same quantities between utterances, the same for all emotions.
LABELS = ("anger", "happiness", "neutral", "sadness")
CHANGES = {  # anger, happiness, neutral, sadness, variation
    "pitch_semitones": (3.5, 4.5, 0.0, -1.2, 0.5),
    "pitch_range_percent": (60.0, 90.0, 0.0, -40.0, 12.0),
    "final_semitones": (-3.0, 4.0, 0.0, -0.5, 0.6),
    "tempo_percent": (12.0, 6.0, 0.0, -22.0, 3.0),
    "pause_percent": (-30.0, -20.0, 0.0, 130.0, 12.0),
    "level_db": (10.0, 5.0, 0.0, -4.0, 0.8),
    "stress_db": (4.0, 1.5, 0.0, -1.0, 0.5),
    "attack_percent": (-45.0, -15.0, 0.0, 35.0, 7.0),
    "tilt_db": (-8.0, -4.0, 0.0, 3.0, 1.0),
    "jitter_percent": (60.0, 0.0, 0.0, 30.0, 15.0),
    "breathiness_percent": (-40.0, 0.0, 0.0, 50.0, 15.0),
    "articulation_percent": (5.0, 3.0, 0.0, -8.0, 3.0),
    "formant_percent": (0.0, 5.0, 0.0, -1.0, 0.5),
}
*_EXPRESSIONS, VARIATION = (Emotion(*column) for column in zip(*CHANGES.values(), strict=True))
EMOTIONS = dict(zip(LABELS, _EXPRESSIONS, strict=True))
INTENSITY = (0.8, 1.2)  # range of the factor on the changes of an emotion


def draw_speaker(number: int) -> Speaker:
    """Returns speaker 1, 2, …, determined by the number alone.

    The lengths of the vocal tracts are spread evenly for any number of speakers, and shorter tracts tend to have a higher
    pitch; the other values are random.
    """
    rng = random_generator(number)
    level_db = rng.uniform(-37.0, -31.0)
    place = number * 0.6180339887 % 1.0
    low_hz, high_hz = 90.0, 240.0
    pitch_place = np.clip(place + rng.uniform(-0.2, 0.2), 0.0, 1.0)
    return Speaker(
        voice=Voice(
            formant_scale=0.85 + 0.33 * place,
            tilt_db=rng.uniform(9.0, 16.0),
            open_quotient=rng.uniform(0.5, 0.7),
            jitter=rng.uniform(0.006, 0.014),
            shimmer=rng.uniform(0.03, 0.07),
            breathiness=rng.uniform(0.01, 0.05),
        ),
        recording=Recording(
            room_seconds=rng.uniform(0.1, 0.4),
            room_db=rng.uniform(-26.0, -17.0),
            color_db=rng.uniform(-12.0, 12.0),
            level_db=level_db,
            noise_db=level_db - rng.uniform(38.0, 42.0),
        ),
        base_pitch_hz=low_hz * (high_hz / low_hz) ** pitch_place,
        pitch_range_semitones=rng.uniform(3.5, 6.0),
        stress_db=rng.uniform(2.0, 3.5),
        syllables_per_second=rng.uniform(4.4, 5.3),
    )


def draw_expression(emotion: Emotion, rng: np.random.Generator) -> Emotion:
    """Returns the changes of one utterance: those of the emotion at a random intensity, plus random variation."""
    intensity = rng.uniform(*INTENSITY)
    changes, spread = asdict(emotion), asdict(VARIATION)
    return Emotion(**{name: intensity * changes[name] + rng.normal(0.0, spread[name]) for name in changes})


def random_generator(speaker: int, emotion: int = 0, sentence: int = 0) -> np.random.Generator:
    """Returns the random generator of an utterance, equal in all runs and on all machines.

    Emotions count from 1; emotion 0 is for the values that all utterances of a speaker share.
    """
    return np.random.default_rng(np.random.SeedSequence((speaker, emotion, sentence)))
