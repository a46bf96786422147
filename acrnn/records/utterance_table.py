"""The table of utterances in a record set, utterances.csv: one row per utterance."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from acrnn import files

UTTERANCES = "utterances.csv"
UNKNOWN_SPEAKER = "(unknown)"  # of every utterance of a corpus that does not name its speakers


@dataclass(frozen=True)
class UtteranceRow:
    """A row of utterances.csv.

    Attributes:
        id: unique id of the utterance in its corpus; a copy at another speed has the speed added ("03a01Fa@0.9").
        speaker, session: who speaks, or UNKNOWN_SPEAKER, and the recording session; the speaker again where a corpus has no
            sessions.
        emotion, label: name of the class, and its index in the order of the classes.
        num_frames: number of frames of the utterance.
        num_segments: number of segments that it was cut into.
        duration_seconds: duration at this speed.
        sample_rate_hz: sampling rate of the sound file.
        path: sound file, relative to the folder of the corpus.
        sha256: checksum of the sound file.
        text: transcript; "" where there is none.
        split: part of the corpus that it prescribes ("train", "validation", "test"); "" where it prescribes none.
        speed: playing speed of a copy, 1 for the recording itself.
        copy_of: id of the utterance that this row is a copy of, at another speed; "" for an utterance.
    """

    id: str
    speaker: str
    session: str
    emotion: str
    label: int
    num_frames: int
    num_segments: int
    duration_seconds: float
    sample_rate_hz: int
    path: str
    sha256: str
    text: str = ""
    split: str = ""
    speed: float = 1.0
    copy_of: str = ""


_COPY_COLUMNS = ("speed", "copy_of")  # written only where a table has copies


def write_utterances(path: Path, rows: Sequence[UtteranceRow]) -> None:
    """Writes utterances.csv, atomically."""
    buffer = io.StringIO()
    names = [item.name for item in fields(UtteranceRow)]
    if not any(row.copy_of for row in rows):
        names = [name for name in names if name not in _COPY_COLUMNS]
    writer = csv.DictWriter(buffer, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(vars, rows))
    files.write_text(path, buffer.getvalue())


def read_utterances(path: Path) -> tuple[UtteranceRow, ...]:
    """Reads the rows of utterances.csv."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(row_from_strings(values) for values in csv.DictReader(file))


def row_from_strings(values: Mapping[str, str]) -> UtteranceRow:
    """Makes a row from the cells of a line in the CSV file, by column."""
    integers = ("label", "num_frames", "num_segments", "sample_rate_hz")
    numbers = [name for name in ("duration_seconds", "speed") if name in values]
    cells: dict[str, Any] = dict(values)
    cells |= {name: int(values[name]) for name in integers} | {name: float(values[name]) for name in numbers}
    return UtteranceRow(**cells)
