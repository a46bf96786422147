"""Builds folders with the structure and the irregularities of the IEMOCAP release, without its audio."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby, product
from pathlib import Path

HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n"
# the markers are worn by the woman (F) or the man (M); some names have a suffix
DIALOGS = (
    "Ses01F_impro01",
    "Ses01M_script01_1",
    "Ses02F_impro02",
    "Ses02M_script02_2",
    "Ses03M_impro05a",
    "Ses03M_impro05b",
    "Ses03F_script03_1",
    "Ses04F_impro08",
    "Ses05M_script01_1b",
    "Ses05F_impro03",
)
EMOTIONS = ("neu", "ang", "sad", "hap", "exc", "fru", "xxx")


@dataclass(frozen=True)
class Turn:
    """A labeled turn: id, emotion and transcript."""

    utterance: str
    emotion: str
    text: str = "Excuse me."

    @property
    def dialog(self) -> str:
        """Name of the dialog that contains the turn."""
        return self.utterance.rpartition("_")[0]


def sample_turns() -> list[Turn]:
    """Returns 70 turns: ten dialogs from the five sessions, each with seven emotions; the two actors alternate."""
    return [
        Turn(f"{dialog}_{'FM'[index % 2]}{index:03d}", emotion, f"I feel {emotion}.")
        for dialog, (index, emotion) in product(DIALOGS, enumerate(EMOTIONS))
    ]


def turns_of_index(path: Path) -> list[Turn]:
    """Reads turns from a CSV with the columns utterance and emotion."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Turn(row["utterance"], row["emotion"]) for row in csv.DictReader(file)]


def build_iemocap_tree(release: Path, turns: Iterable[Turn], write_sound: Callable[[Path], None] = Path.touch) -> Path:
    """Writes Session1 … Session5 with annotations, transcripts and sound files; returns the folder of the release.

    Args:
        release: folder for the sessions.
        turns: labeled turns.
        write_sound: writes the sound file of a turn; by default the files are empty, which is enough for the reader.
    """
    for session in range(1, 6):
        (release / f"Session{session}" / "dialog" / "EmoEvaluation").mkdir(parents=True, exist_ok=True)
    for dialog, dialog_turns in groupby(sorted(turns, key=lambda turn: turn.utterance), key=lambda turn: turn.dialog):
        _write_dialog(release / f"Session{dialog[4]}", dialog, list(dialog_turns), write_sound)
    return release


def _write_dialog(session: Path, dialog: str, turns: list[Turn], write_sound: Callable[[Path], None]) -> None:
    sounds = session / "sentences" / "wav" / dialog
    sounds.mkdir(parents=True)
    for turn in turns:
        write_sound(sounds / f"{turn.utterance}.wav")
    # a turn with sound and transcript, but without a label
    write_sound(sounds / f"{dialog}_FXX0.wav")
    (sounds / f"._{turns[0].utterance}.wav").write_bytes(b"\x00\x05\x16\x07")
    _write_file(session / "dialog" / "transcriptions" / f"{dialog}.txt", _transcript(dialog, turns))
    evaluation = session / "dialog" / "EmoEvaluation"
    _write_file(evaluation / f"{dialog}.txt", _evaluation(turns))
    # the resource fork repeats a label, so that a reader that does not ignore it finds an id twice
    _write_file(evaluation / f"._{dialog}.txt", _evaluation(turns[:1]))
    _write_file(evaluation / "Categorical" / f"{dialog}_e1_cat.txt", f"{turns[0].utterance} :Anger; ()\n".encode())


def _evaluation(turns: list[Turn]) -> bytes:
    blocks = [
        f"[{2 * index:.4f} - {2 * index + 1.5:.4f}]\t{turn.utterance}\t{turn.emotion}\t[2.5000, 3.0000, 2.0000]\n"
        "C-E2:\tNeutral;\t()\nC-F1:\tAnger; Sadness;\t()\n"
        "A-E3:\tval 3; act 2; dom  2;\t()\nA-F1:\tval ; act 2; dom  ;\t()\n"
        for index, turn in enumerate(turns)
    ]
    return "\n".join([HEADER, *blocks]).encode()


def _transcript(dialog: str, turns: list[Turn]) -> bytes:
    lines = [
        f"{turn.utterance} [{2 * index:08.4f}-{2 * index + 1.5:08.4f}]: {turn.text}\n"
        for index, turn in enumerate(turns)
    ]
    odd = [f"{dialog}_FXX0 [000.0000-000.5000]: Hm.\n", "M: [LAUGHTER]\n", "\n"]
    # one Latin-1 byte, since not all files are valid UTF-8
    return "".join([*odd, *lines, f"{turns[0].utterance} [BREATHING]: no time here\n"]).encode() + b"F: caf\xe9\n"


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
