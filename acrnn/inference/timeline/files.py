"""Timelines as files: JSON and CSV with all windows; Praat TextGrid, Audacity labels and SRT with stretches of one emotion."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from acrnn import files
from acrnn.errors import FieldError
from acrnn.inference.timeline.recording import Window, stretches
from acrnn.model_card import Card

# Takes the file to write to, the windows, the card of the model and the name of the recording.
Writer = Callable[[TextIO, Iterable[Window], Card, str], None]
_NUMBER_WIDTH = 20  # of a number that is known at the end only


def write(path: Path, windows: Iterable[Window], card: Card, source: str) -> None:
    """Writes a timeline while its windows are computed, atomically.

    Args:
        path: file to write; its extension, a key in FORMATS, gives the format.
        windows: windows in temporal order.
        card: card of the model.
        source: name of the recording.

    Raises:
        FieldError: the extension is none of a format.
    """
    writer = format_of(path)
    files.make_folder(path.parent)
    with files.atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer(file, windows, card, source)


def format_of(path: Path) -> Writer:
    """Returns the writer for the extension of a file.

    Raises:
        FieldError: the extension is none of a format.
    """
    if path.suffix.lower() not in FORMATS:
        raise FieldError("out", path, f"no format of a timeline; let the name end with one of {', '.join(FORMATS)}")
    return FORMATS[path.suffix.lower()]


def _json(file: TextIO, windows: Iterable[Window], card: Card, source: str) -> None:
    about = json.dumps({"source": source, "model": card.name, "emotions": card.labels}, ensure_ascii=False)
    file.write(f'{about[:-1]}, "windows": [')
    separator = "\n"
    for window in windows:
        values = {
            "start_seconds": round(window.start_seconds, 6),
            "end_seconds": round(window.end_seconds, 6),
            "emotion": window.emotion,
            "probabilities": {name: round(share, 6) for name, share in window.probabilities.items()},
        }
        file.write(separator + json.dumps(values, ensure_ascii=False))
        separator = ",\n"
    file.write("\n]}\n")


def _csv(file: TextIO, windows: Iterable[Window], card: Card, source: str) -> None:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["start_seconds", "end_seconds", "emotion", *card.labels])
    for window in windows:
        shares = [f"{window.probabilities[name]:.6f}" if window.emotion else "" for name in card.labels]
        table.writerow([f"{window.start_seconds:.3f}", f"{window.end_seconds:.3f}", window.emotion or "", *shares])


def _textgrid(file: TextIO, windows: Iterable[Window], card: Card, source: str) -> None:
    """Writes a tier "emotion"; the end of the recording and the number of intervals are filled in at the end."""
    places = []
    for text in (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = ',
        'tiers? <exists>\nsize = 1\nitem []:\n    item [1]:\n        class = "IntervalTier"\n        name = "emotion"\n'
        "        xmin = 0\n        xmax = ",
        "        intervals: size = ",
    ):
        file.write(text)
        places.append(file.tell())
        file.write(" " * _NUMBER_WIDTH + "\n")
    number, end = 0, 0.0
    for number, stretch in enumerate(stretches(windows), start=1):
        end = stretch.end_seconds
        emotion = (stretch.emotion or "").replace('"', '""')
        file.write(
            f"        intervals [{number}]:\n            xmin = {stretch.start_seconds:.6f}\n            xmax = {end:.6f}\n"
            f'            text = "{emotion}"\n'
        )
    for place, value in zip(places, (f"{end:.6f}", f"{end:.6f}", f"{number}"), strict=True):
        file.seek(place)
        file.write(value)


def _audacity(file: TextIO, windows: Iterable[Window], card: Card, source: str) -> None:
    for stretch in stretches(windows):
        if stretch.emotion:
            file.write(f"{stretch.start_seconds:.6f}\t{stretch.end_seconds:.6f}\t{stretch.emotion}\n")


def _srt(file: TextIO, windows: Iterable[Window], card: Card, source: str) -> None:
    spoken = (stretch for stretch in stretches(windows) if stretch.emotion)
    for number, stretch in enumerate(spoken, start=1):
        times = f"{clock(stretch.start_seconds, ',')} --> {clock(stretch.end_seconds, ',')}"
        file.write(f"{number}\n{times}\n{stretch.emotion}\n\n")


def clock(seconds: float, separator: str = ".") -> str:
    """Formats a time: "01:02:03.450"."""
    milliseconds = round(1000 * seconds)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}{separator}{milliseconds % 1000:03}"


FORMATS: dict[str, Writer] = {
    ".json": _json,
    ".csv": _csv,
    ".textgrid": _textgrid,
    ".txt": _audacity,
    ".srt": _srt,
}
