"""Toy speech: a corpus made by this project's own synthesizer, with known speakers, sentences and emotions.

Ten speakers say four nonsense sentences in four emotions. Speakers differ in vocal tract, pitch, rate, voice and room;
emotions change pitch, tempo, pauses, energy, vocal effort and articulation in the directions that Banse and Scherer
(1996) and Juslin and Laukka (2003) report, by an amount that varies from utterance to utterance, so that they overlap
across speakers. It shows that a pipeline works; it is no evidence about real emotion.

R. Banse, K. R. Scherer: Acoustic profiles in vocal emotion expression. J. Pers. Soc. Psychol. 70 (1996), pp. 614-636
P. N. Juslin, P. Laukka: Communication of emotions in vocal expression and music performance: different channels, same
code? Psychol. Bull. 129 (2003), pp. 770-814
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
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
    Recording,
    Sound,
    Voice,
    record,
    synthesize,
)

GENERATOR_VERSION = "1"  # raise it whenever a waveform changes: folders made by another version are made anew
SPEAKER_COUNT = 10
SENTENCES = (  # capitals are stressed, a comma is a pause
    "ma LI so te NA",
    "da KO ne shu PA li",
    "bi LA tu, so ME ka ri",
    "no TA ge li MO, fa SE ru DA ni",
)


@dataclass(frozen=True)
class Speaker:
    """One voice and the room it was recorded in; drawn from the speaker's number alone."""

    voice: Voice
    recording: Recording
    base_pitch_hz: float
    pitch_range_semitones: float
    stress_db: float
    syllables_per_second: float


@dataclass(frozen=True)
class Emotion:
    """What an emotion at full intensity changes in the speaker's neutral way to speak.

    Attributes:
        pitch_semitones, pitch_range_percent: the level of the pitch, and how far it moves.
        final_semitones: the pitch's last movement, up or down.
        tempo_percent, pause_percent: syllables a second, and the length of pauses.
        level_db, stress_db: loudness, and by how much stressed syllables exceed the others.
        attack_percent: how long the voice takes to set in.
        tilt_db: attenuation of the voice at 3000 Hz; negative for more vocal effort.
        jitter_percent, breathiness_percent: irregularity and noise of the voice.
        articulation_percent: distance of the vowels from the neutral one.
        formant_percent: every formant; spread lips shorten the tract.
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


# An emotion's place seeds its utterances: a new one goes to the end. VARIATION is the standard deviation of the same
# quantities from one utterance to the next, whatever the emotion.
LABELS = ("anger", "happiness", "neutral", "sadness")
_CHANGES = {  # anger, happiness, neutral, sadness, variation
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
*_EXPRESSIONS, VARIATION = (Emotion(*column) for column in zip(*_CHANGES.values(), strict=True))
EMOTIONS = dict(zip(LABELS, _EXPRESSIONS, strict=True))
INTENSITY = (0.8, 1.2)

_FILE_NAME = re.compile(r"toy(?P<speaker>\d\d+)_(?P<emotion>[a-z]+)_(?P<sentence>\d+)")


def draw_speaker(number: int) -> Speaker:
    """Speaker 1, 2, …: tracts are spread evenly whatever the count, pitch goes with them, the rest is drawn."""
    rng = _rng(number)
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
            colour_db=rng.uniform(-12.0, 12.0),
            level_db=level_db,
            noise_db=level_db - rng.uniform(38.0, 42.0),
        ),
        base_pitch_hz=low_hz * (high_hz / low_hz) ** pitch_place,
        pitch_range_semitones=rng.uniform(3.5, 6.0),
        stress_db=rng.uniform(2.0, 3.5),
        syllables_per_second=rng.uniform(4.4, 5.3),
    )


def draw_expression(emotion: Emotion, rng: np.random.Generator) -> Emotion:
    """The changes of one utterance: the emotion's, at a random intensity, and a random variation of everything."""
    intensity = rng.uniform(*INTENSITY)
    changes, spread = asdict(emotion), asdict(VARIATION)
    return Emotion(**{name: intensity * changes[name] + rng.normal(0.0, spread[name]) for name in changes})


def utterance_waveform(number: int, emotion: str, sentence: int) -> np.ndarray:
    """What one speaker (1, 2, …) records of a sentence (1, 2, …): (samples,) float64 within ±1, always the same."""
    rng = _rng(number, LABELS.index(emotion) + 1, sentence)
    return spoken(number, SENTENCES[sentence - 1], EMOTIONS[emotion], rng)


def spoken(number: int, text: str, emotion: Emotion, rng: np.random.Generator) -> np.ndarray:
    """What one speaker (1, 2, …) records of syllables, see SENTENCES: (samples,) float64 within ±1."""
    speaker = draw_speaker(number)
    expression = draw_expression(emotion, rng)
    sounds = plan_sounds(text, speaker, expression, rng)
    voice = synthesize(sounds, _expressive_voice(speaker.voice, expression), rng)
    recording = replace(speaker.recording, level_db=speaker.recording.level_db + expression.level_db)
    return record(voice, recording, _rng(number, sentence=1), rng)


def plan_sounds(text: str, speaker: Speaker, expression: Emotion, rng: np.random.Generator) -> list[Sound]:
    """The sounds of a sentence in time and pitch, with silence around them."""
    syllables = text.split()
    pitches_hz = _pitch_contour(syllables, speaker, expression, rng)
    ends_hz = [*pitches_hz[:-1], pitches_hz[-1] * 2 ** (expression.final_semitones / 12)]
    seconds = 1 / _changed(speaker.syllables_per_second, expression.tempo_percent)
    unstressed = 10 ** (-max(0.0, speaker.stress_db + expression.stress_db) / 20)
    reach = _changed(1.0, expression.articulation_percent)
    sounds = [_pause(rng.uniform(0.06, 0.16), pitches_hz[0])]
    for count, (syllable, pitch_hz, end_hz) in enumerate(zip(syllables, pitches_hz, ends_hz, strict=True), start=1):
        stressed, phrase_end = syllable.isupper(), syllable.endswith(",") or count == len(syllables)
        length = seconds * (1.3 if phrase_end else 1.1 if stressed else 0.9) * rng.uniform(0.88, 1.12)
        voicing, clarity = (1.0, reach) if stressed else (unstressed, 0.9 * reach)
        sounds += _syllable(syllable.strip(","), length, voicing, pitch_hz, end_hz, clarity)
        if syllable.endswith(","):
            sounds.append(_pause(max(0.05, _changed(0.16, expression.pause_percent)), pitch_hz))
    return [*sounds, _pause(rng.uniform(0.1, 0.2), ends_hz[-1])]


def _pitch_contour(syllables: list[str], speaker: Speaker, expression: Emotion, rng: np.random.Generator) -> np.ndarray:
    """One pitch in Hz a syllable: a falling line, a rise on every stressed syllable, a little wandering."""
    span = max(0.8, _changed(speaker.pitch_range_semitones, expression.pitch_range_percent))
    fall = np.linspace(0.35, -0.35, len(syllables))
    accent = np.array([0.6 if syllable.isupper() else -0.25 for syllable in syllables])
    semitones = expression.pitch_semitones + span * (fall + accent * rng.uniform(0.6, 1.3, len(syllables)))
    return speaker.base_pitch_hz * 2 ** (semitones / 12)


def _syllable(
    syllable: str, seconds: float, voicing: float, pitch_hz: float, end_hz: float, reach: float
) -> list[Sound]:
    """Consonant and vowel; the vowel's pitch ends at end_hz, its formants go `reach` of the way from the neutral ones."""
    onset, vowel = syllable[:-1].lower(), syllable[-1].lower()
    formants_hz = tuple(n + reach * (v - n) for v, n in zip(VOWELS_HZ[vowel], VOWELS_HZ["@"], strict=True))
    scale = seconds / 0.2  # CONSONANTS have the lengths they take in a syllable of 0.2 s
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


def _rng(speaker: int, emotion: int = 0, sentence: int = 0) -> np.random.Generator:
    """Stable across runs and machines; emotions count from 1, and 0 seeds what all utterances of a speaker share."""
    return np.random.default_rng(np.random.SeedSequence((speaker, emotion, sentence)))


def generate(folder: Path, speaker_count: int = SPEAKER_COUNT) -> Path:
    """Writes the corpus, toy01_anger_1.wav and so on, and toy.json with its settings; returns the folder."""
    utterances = product(range(1, speaker_count + 1), LABELS, range(1, len(SENTENCES) + 1))
    sounds = {
        f"toy{number:02d}_{emotion}_{sentence}": partial(utterance_waveform, number, emotion, sentence)
        for number, emotion, sentence in utterances
    }
    return write_corpus(folder, "toy", settings(speaker_count), sounds, _FILE_NAME)


def write_corpus(
    folder: Path, name: str, settings: bytes, sounds: Mapping[str, Callable[[], np.ndarray]], of_corpus: re.Pattern
) -> Path:
    """Writes sounds, and their settings into NAME.json; returns the folder.

    Files that the same settings made are kept, those of others are made anew. A file gets its name when it is whole.

    Args:
        sounds: what makes a waveform, by the name of its file without its ending.
        of_corpus: matches these names, and those of other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings_path = folder / f"{name}.json"
    if not settings_path.exists() or settings_path.read_bytes() != settings:
        settings_path.unlink(missing_ok=True)
        for path in folder.glob("*.wav"):
            if of_corpus.fullmatch(path.stem):
                path.unlink(missing_ok=True)
    for stem, make in sounds.items():
        path = folder / f"{stem}.wav"
        if not path.exists():
            _write(path, _wav_bytes(make()))
    _write(settings_path, settings)
    return folder


def settings(speaker_count: int) -> bytes:
    """What toy.json holds: all that decides the waveforms."""
    values = {
        "generator_version": GENERATOR_VERSION,
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "speakers": speaker_count,
        "sentences": SENTENCES,
        "labels": LABELS,
        "changes": _CHANGES,
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
    """Every utterance in the folder; speaker, emotion and sentence are read from the file's name."""
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
