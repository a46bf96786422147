"""Nonsense sentences in an emotion, spoken by a synthetic speaker: text and emotion → sounds → recording."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from acrnn.toy_speech.synthesis import CONSONANTS, SILENCE, VOWELS_HZ, Sound, Voice, record, synthesize
from acrnn.toy_speech.voices import EMOTIONS, LABELS, Emotion, Speaker, draw_expression, draw_speaker, random_generator

SENTENCES = (  # capitals mark stress, a comma marks a pause
    "ma LI so te NA",
    "da KO ne shu PA li",
    "bi LA tu, so ME ka ri",
    "no TA ge li MO, fa SE ru DA ni",
)


def utterance_waveform(number: int, emotion: str, sentence: int) -> np.ndarray:
    """Returns the waveform of a sentence, float64 [samples] within ±1, the same in each call.

    Args:
        number: speaker, from 1.
        emotion: one of LABELS.
        sentence: sentence, from 1.
    """
    rng = random_generator(number, LABELS.index(emotion) + 1, sentence)
    return spoken(number, SENTENCES[sentence - 1], EMOTIONS[emotion], rng)


def spoken(number: int, text: str, emotion: Emotion, rng: np.random.Generator) -> np.ndarray:
    """Returns the recording of a text, float64 [samples] within ±1.

    Args:
        number: speaker, from 1.
        text: syllables as in SENTENCES.
        emotion: changes of the voice at full intensity.
        rng: source of the random variation.
    """
    speaker = draw_speaker(number)
    expression = draw_expression(emotion, rng)
    sounds = plan_sounds(text, speaker, expression, rng)
    voice = synthesize(sounds, _expressive_voice(speaker.voice, expression), rng)
    recording = replace(speaker.recording, level_db=speaker.recording.level_db + expression.level_db)
    return record(voice, recording, random_generator(number, sentence=1), rng)


def plan_sounds(text: str, speaker: Speaker, expression: Emotion, rng: np.random.Generator) -> list[Sound]:
    """Returns the sounds of a text with duration and pitch, between silence at the start and at the end."""
    syllables = text.split()
    pitches_hz = _pitch_contour(syllables, speaker, expression, rng)
    ends_hz = [*pitches_hz[:-1], pitches_hz[-1] * 2 ** (expression.final_semitones / 12)]
    seconds = 1 / _changed(speaker.syllables_per_second, expression.tempo_percent)
    unstressed = 10 ** (-max(0.0, speaker.stress_db + expression.stress_db) / 20)
    articulation = _changed(1.0, expression.articulation_percent)
    sounds = [_pause(rng.uniform(0.06, 0.16), pitches_hz[0])]
    for count, (syllable, pitch_hz, end_hz) in enumerate(zip(syllables, pitches_hz, ends_hz, strict=True), start=1):
        stressed, phrase_end = syllable.isupper(), syllable.endswith(",") or count == len(syllables)
        length = seconds * (1.3 if phrase_end else 1.1 if stressed else 0.9) * rng.uniform(0.88, 1.12)
        voicing, clarity = (1.0, articulation) if stressed else (unstressed, 0.9 * articulation)
        sounds += _syllable(syllable.strip(","), length, voicing, pitch_hz, end_hz, clarity)
        if syllable.endswith(","):
            sounds.append(_pause(max(0.05, _changed(0.16, expression.pause_percent)), pitch_hz))
    return [*sounds, _pause(rng.uniform(0.1, 0.2), ends_hz[-1])]


def _pitch_contour(syllables: list[str], speaker: Speaker, expression: Emotion, rng: np.random.Generator) -> np.ndarray:
    """Returns the pitch of each syllable in Hz: a falling line with random rises on stressed syllables."""
    span = max(0.8, _changed(speaker.pitch_range_semitones, expression.pitch_range_percent))
    fall = np.linspace(0.35, -0.35, len(syllables))
    accent = np.array([0.6 if syllable.isupper() else -0.25 for syllable in syllables])
    semitones = expression.pitch_semitones + span * (fall + accent * rng.uniform(0.6, 1.3, len(syllables)))
    return speaker.base_pitch_hz * 2 ** (semitones / 12)


def _syllable(
    syllable: str, seconds: float, voicing: float, pitch_hz: float, end_hz: float, clarity: float
) -> list[Sound]:
    """Returns the sounds of a consonant and a vowel.

    The pitch of the vowel ends at end_hz. Its formants lie between the neutral ones (clarity 0) and the full ones (1).
    """
    onset, vowel = syllable[:-1].lower(), syllable[-1].lower()
    first, second, third = (
        neutral + clarity * (full - neutral) for full, neutral in zip(VOWELS_HZ[vowel], VOWELS_HZ["@"], strict=True)
    )
    scale = seconds / 0.2  # the durations in CONSONANTS are those in a syllable of 0.2 s
    consonant = [replace(s, duration_seconds=s.duration_seconds * scale, pitch_hz=pitch_hz) for s in CONSONANTS[onset]]
    rest = max(0.05, seconds - sum(sound.duration_seconds for sound in consonant))
    head = Sound(0.5 * rest, (first, second, third), pitch_hz, voicing=voicing)
    return [*consonant, head, replace(head, pitch_hz=end_hz, voicing=0.8 * voicing)]


def _pause(seconds: float, pitch_hz: float) -> Sound:
    return replace(SILENCE, duration_seconds=seconds, pitch_hz=pitch_hz)


def _expressive_voice(voice: Voice, expression: Emotion) -> Voice:
    return replace(
        voice,
        formant_scale=_changed(voice.formant_scale, expression.formant_percent),
        tilt_db=max(0.5, voice.tilt_db + expression.tilt_db),
        attack_seconds=max(0.01, _changed(voice.attack_seconds, expression.attack_percent)),
        jitter=max(0.002, _changed(voice.jitter, expression.jitter_percent)),
        breathiness=max(0.01, _changed(voice.breathiness, expression.breathiness_percent)),
    )


def _changed(value: float, percent: float) -> float:
    return value * (1 + percent / 100)
