"""A MELD release in a temporary folder: three tables in the published form, and small clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from support.corpus_trees import write_noise

FOLDERS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
# part, utterance, speaker, emotion, dialog, number
TURNS = (
    ("train", "Also I was the point person on my company\x92s transition.", "Chandler", "neutral", 0, 0),
    ("train", "You must\x92ve had your hands full.", "The Interviewer", "surprise", 0, 1),
    ("train", "Oh no-no-no, see, that clock\x92s a little fast.", "Ross", "neutral", 125, 3),
    ("train", "My duties?  All right.", "Chandler", "joy", 0, 2),
    ("dev", "Oh my God, he’s lost it.", "Phoebe", "sadness", 0, 0),
    ("dev", '"Wanted. Female roommate." Nice!', "Chandler", "joy", 0, 1),
    ("dev", "Did they tell you anything?", "Phoebe", "neutral", 110, 7),
    ("test", "Why do all you\x92re coffee mugs have numbers?", "the interviewer", "surprise", 0, 0),
    ("test", "Oh. That\x92s so Monica can keep track.", "Rachel", "anger", 0, 1),
)


def line(number: int, text: str, speaker: str, emotion: str, dialog: int, turn: int) -> str:
    """A line of a table, of the fourth episode of the first season."""
    quoted = text.replace('"', '""')
    return f'{number},"{quoted}",{speaker},{emotion},neutral,{dialog},{turn},1,4,"00:01:02,256","00:01:04,049"'


def write_tables(folder: Path, turns: Sequence[tuple], encoding: str = "utf-8") -> None:
    """Writes the three tables."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in FOLDERS:
        lines = [line(number, *turn[1:]) for number, turn in enumerate(turns, 1) if turn[0] == part]
        text = "\r\n".join([HEADER, *lines, ""])
        (folder / f"{part}_sent_emo.csv").write_bytes(text.encode(encoding))


def write_meld(folder: Path) -> Path:
    """Writes the tables and a sound for each turn but the one that the release lacks; returns the folder."""
    write_tables(folder, TURNS)
    for number, (part, _, _, _, dialog, turn) in enumerate(TURNS):
        if (part, dialog) != ("dev", 110):
            write_noise(folder / part / FOLDERS[part] / f"dia{dialog}_utt{turn}.wav", seed=number)
    return folder
