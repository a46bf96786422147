"""The tiny corpus: three emotions as tones and noise that a very small network learns in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

TINY_EMOTIONS = {"high": 900.0, "low": 250.0, "noisy": None}
TINY_NETWORK = {"first_filters": 4, "linear_units": 8, "lstm_units": 4, "dense_units": 8}


def tiny_sound(emotion: str, seconds: float, seed: int) -> np.ndarray:
    """Returns a tone in noise with the pitch of the emotion, or noise alone: float64 [samples] at 16 kHz.

    Every emotion has noise of its own: a tone added to the noise of another recording is a copy of that recording.
    """
    generator = np.random.default_rng([seed, list(TINY_EMOTIONS).index(emotion)])
    time = np.arange(int(seconds * 16000)) / 16000
    noise = generator.normal(0, 0.05, len(time))
    pitch = TINY_EMOTIONS[emotion]
    return noise if pitch is None else noise + 0.3 * np.sin(2 * np.pi * pitch * generator.uniform(0.95, 1.05) * time)


def write_tiny_corpus(folder: Path, speakers: int = 5, silence_seconds: float = 0.0) -> Path:
    """Writes a manifest and two utterances per speaker and emotion; the second "low" one is longer than a segment.

    Args:
        silence_seconds: silence before and after each utterance.
    """
    silence = np.zeros(round(16000 * silence_seconds))
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["text,path,label,speaker"]
    for speaker in range(speakers):
        for emotion in TINY_EMOTIONS:
            for take in range(2):
                seconds = 3.4 if (emotion, take) == ("low", 1) else 0.6 + 0.1 * speaker
                name = f"s{speaker}_{emotion}_{take}.wav"
                sound = tiny_sound(emotion, seconds, speaker * 10 + take)
                soundfile.write(folder / name, np.concatenate([silence, sound, silence]), 16000)
                lines.append(f"I don't say {emotion} {take},{name},{emotion},s{speaker}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder
