"""Toy speech: a synthetic corpus for trying out the whole pipeline; it is no evidence about real emotion.

Ten speakers say four nonsense sentences in four emotions: 160 utterances of 1 to 4 s, 40 of each emotion, as 16-bit WAV files at
16 kHz. The strength of an emotion varies from utterance to utterance, so that the emotions overlap across speakers. The
corpus is generated on the spot by a formant synthesizer after Klatt (1980), and is equal in all runs and on all machines.

Licence: CC0 1.0. Citation: D. H. Klatt (1980), see `synthesis.py`; for the acoustics of the emotions, see `toy_voices.py`.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from acrnn import files
from data_prep.corpora.base import Corpus, ReadOptions, Subset, Utterance
from data_prep.corpora.synthesis import (
    CONSONANTS,
    SAMPLE_RATE_HZ,
    SILENCE,
    VOWELS_HZ,
    Sound,
    Voice,
    record,
    synthesize,
)
from data_prep.corpora.toy_voices import (
    CHANGES,
    EMOTIONS,
    LABELS,
    Emotion,
    Speaker,
    draw_expression,
    draw_speaker,
    random_generator,
)

GENERATOR_VERSION = "1"  # increase it with any change of a waveform; files of another version are generated again
SPEAKER_COUNT = 10
SENTENCES = (  # capitals mark stress, a comma marks a pause
    "ma LI so te NA",
    "da KO ne shu PA li",
    "bi LA tu, so ME ka ri",
    "no TA ge li MO, fa SE ru DA ni",
)
_FILE_NAME = re.compile(r"toy(?P<speaker>\d\d+)_(?P<emotion>[a-z]+)_(?P<sentence>\d+)")


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
    formants_hz = tuple(
        neutral + clarity * (full - neutral) for full, neutral in zip(VOWELS_HZ[vowel], VOWELS_HZ["@"], strict=True)
    )
    scale = seconds / 0.2  # the durations in CONSONANTS are those in a syllable of 0.2 s
    consonant = [replace(s, duration_seconds=s.duration_seconds * scale, pitch_hz=pitch_hz) for s in CONSONANTS[onset]]
    rest = max(0.05, seconds - sum(sound.duration_seconds for sound in consonant))
    head = Sound(0.5 * rest, formants_hz, pitch_hz, voicing=voicing)
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


def generate(folder: Path, speaker_count: int = SPEAKER_COUNT) -> Path:
    """Writes the corpus and returns the folder.

    The files are toy01_anger_1.wav and so on, and toy.json with the settings of the generator.
    """
    utterances = product(range(1, speaker_count + 1), LABELS, range(1, len(SENTENCES) + 1))
    sounds = {
        f"toy{number:02d}_{emotion}_{sentence}": partial(utterance_waveform, number, emotion, sentence)
        for number, emotion, sentence in utterances
    }
    return write_corpus(folder, "toy", settings(speaker_count), sounds, _FILE_NAME)


def write_corpus(
    folder: Path, name: str, settings: bytes, sounds: Mapping[str, Callable[[], np.ndarray]], file_name: re.Pattern
) -> Path:
    """Writes the sound files of a generated corpus and its settings; returns the folder.

    Existing files are kept if their settings are the same, and generated again if not. A file gets its final name when it
    is complete.

    Args:
        folder: folder to write to.
        name: stem of the settings file NAME.json.
        settings: content of the settings file.
        sounds: file name without extension → function that returns the waveform, float [samples] within ±1.
        file_name: pattern of the names in `sounds`, and of those of other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings_path = folder / f"{name}.json"
    if not settings_path.exists() or settings_path.read_bytes() != settings:
        settings_path.unlink(missing_ok=True)
        for path in folder.glob("*.wav"):
            if file_name.fullmatch(path.stem):
                path.unlink(missing_ok=True)
    for stem, make in sounds.items():
        path = folder / f"{stem}.wav"
        if not path.exists():
            _write(path, _wav_bytes(make()))
    _write(settings_path, settings)
    return folder


def settings(speaker_count: int) -> bytes:
    """Returns the content of toy.json: all settings that determine the waveforms."""
    values = {
        "generator_version": GENERATOR_VERSION,
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "speakers": speaker_count,
        "sentences": SENTENCES,
        "labels": LABELS,
        "changes": CHANGES,
    }
    return (json.dumps(values, indent=2) + "\n").encode()


def _wav_bytes(waveform: np.ndarray) -> bytes:
    from scipy.io import wavfile

    stream = io.BytesIO()
    wavfile.write(stream, SAMPLE_RATE_HZ, np.round(waveform * 32767).astype(np.int16))
    return stream.getvalue()


def _write(path: Path, content: bytes) -> None:
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(content)


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Returns the utterances in a folder; the file name holds speaker, emotion and sentence (toy03_anger_2.wav)."""
    return [_utterance(path) for path in _sound_files(data_dir)]


def _sound_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.wav") if not path.name.startswith("."))


def _utterance(path: Path) -> Utterance:
    match = _FILE_NAME.fullmatch(path.stem)
    if not match or match["emotion"] not in LABELS or not 1 <= int(match["sentence"]) <= len(SENTENCES):
        raise ValueError(f"{path}: not a toy file name such as toy03_anger_2.wav ({', '.join(LABELS)}); remove it")
    return Utterance(
        id=path.stem,
        path=path,
        speaker=match["speaker"],
        session=match["speaker"],
        emotion=match["emotion"],
        text=SENTENCES[int(match["sentence"]) - 1],
    )


CORPUS = Corpus(
    name="toy",
    title=f"toy speech, synthesised ({SPEAKER_COUNT} speakers, {len(LABELS)} emotions)",
    version=f"generator {GENERATOR_VERSION}",
    licence="CC0 1.0 (generated)",
    citation=(
        "Generated by this project, after D. H. Klatt: Software for a cascade/parallel formant synthesizer. "
        "J. Acoust. Soc. Am. 67 (1980), pp. 971-995"
    ),
    homepage="https://doi.org/10.1121/1.383940",
    find_utterances=find_utterances,
    subsets={
        "all": Subset(labels=LABELS, expected=dict.fromkeys(LABELS, SPEAKER_COUNT * len(SENTENCES))),
    },
    generate=generate,
)
