"""Small corpora in temporary folders, and functions shared by their tests."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_prep.corpora import emodb, ravdess
from data_prep.corpora.base import ReadOptions, Selection, Utterance

PARTIAL = ReadOptions(allow_partial=True)
BY_PREFIX = ReadOptions(speaker_pattern="([^/_]+)_")


def write_noise(path: Path, seed: int = 0, seconds: float = 0.1) -> Path:
    """Writes noise as a sound file and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.1, 0.1, int(16000 * seconds)), 16000)
    return path


def emotions(selection: Selection) -> Counter[str]:
    """Returns the number of utterances by emotion."""
    return Counter(utterance.emotion for utterance in selection.utterances)


def by_id(selection: Selection) -> dict[str, Utterance]:
    """Returns the utterances by id."""
    return {utterance.id: utterance for utterance in selection.utterances}


def environment_path(name: str) -> Path:
    """Returns the path in an environment variable; skips the test if it is not set."""
    if name not in os.environ:
        pytest.skip(f"{name} is not set")
    return Path(os.environ[name])


def write_emodb(data_dir: Path, counts: dict[str, int]) -> Path:
    """Writes files with names of Emo-DB, by emotion as many as in counts, and returns their folder."""
    letters = {emotion: letter for letter, emotion in emodb.EMOTIONS.items()}
    speakers = ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
    stems = [
        f"{speaker}{sentence}{{}}{version}" for version in "ab" for speaker in speakers for sentence in emodb.SENTENCES
    ]
    for emotion, count in counts.items():
        for stem in stems[:count]:
            write_noise(data_dir / f"{stem.format(letters[emotion])}.wav")
    return data_dir


def write_ravdess(data_dir: Path, speakers: Sequence[str] = tuple(f"{number:02d}" for number in range(1, 25))) -> Path:
    """Writes Actor_01/03-01-…-01.wav and so on, 60 files a speaker, and returns their folder."""
    for speaker in speakers:
        folder = data_dir / f"Actor_{speaker}"
        folder.mkdir(parents=True)
        for emotion, intensity, statement, repetition in product(ravdess.EMOTIONS, *[("01", "02")] * 3):
            if (emotion, intensity) != ("01", "02"):
                name = f"03-01-{emotion}-{intensity}-{statement}-{repetition}-{speaker}.wav"
                (folder / name).touch()
    return data_dir


def write_manifest(data_dir: Path, text: str, name: str = "manifest.csv", encoding: str = "utf-8") -> Path:
    """Writes a table and the three sound files of `MANIFEST`; returns the path of the table."""
    for sound in ("anna_1.wav", "anna_2.wav", "bert_1.wav"):
        write_noise(data_dir / "sound" / sound)
    (data_dir / name).write_text(text, encoding=encoding)
    return data_dir / name


MANIFEST = "path,label,speaker\nsound/anna_1.wav,anger,anna\nsound/anna_2.wav,joy,anna\nsound/bert_1.wav,joy,bert\n"


def write_folders(data_dir: Path) -> Path:
    """Writes four utterances in one folder per emotion, a hidden file, a hidden folder and a text file."""
    for name in (
        "anger/anna_1.wav",
        "anger/bert_1.flac",
        "joy/take 2/Jürgen_1.ogg",
        "joy/anna_3.WAV",
        "joy/._anna_3.wav",
    ):
        write_noise(data_dir / name)
    write_noise(data_dir / ".cache" / "anna_9.wav")
    (data_dir / "joy" / "notes.txt").write_text("no sound")
    return data_dir


def write_audformat(data_dir: Path, speaker_table: str = "files", **columns: str) -> Path:
    """Writes an audformat database with three utterances.

    Args:
        data_dir: folder of the database.
        speaker_table: table with the column "speaker"; "emotion" for the table with the emotions.
        columns: name of the column with the emotions, as `emotion`.
    """
    audformat = pytest.importorskip("audformat", reason="the package audformat is not installed")
    files = ["sound/anna_1.wav", "sound/anna_2.wav", "sound/bert_1.wav"]
    for file in files:
        write_noise(data_dir / file)
    database = audformat.Database("made-by-a-test")
    database.schemes["emotion"] = audformat.Scheme(labels=["anger", "joy"])
    database.schemes["speaker"] = audformat.Scheme(labels=["anna", "bert"])
    database["emotion"] = audformat.Table(audformat.filewise_index(files))
    column = columns.get("emotion", "emotion")
    database["emotion"][column] = audformat.Column(scheme_id="emotion")
    database["emotion"][column].set(["anger", "joy", "joy"])
    if speaker_table != "emotion":
        database[speaker_table] = audformat.Table(audformat.filewise_index(files))
    database[speaker_table]["speaker"] = audformat.Column(scheme_id="speaker")
    database[speaker_table]["speaker"].set(["anna", "anna", "bert"])
    database.save(str(data_dir))
    return data_dir
