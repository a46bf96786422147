"""Reads transcript files, written by hand or by a speech recognizer: CSV, TSV, JSON, JSON lines, CTM."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from acrnn.errors import FileError
from acrnn.reading import read_text
from acrnn.reading.foreign_errors import reason

KINDS = (".csv", ".tsv", ".json", ".jsonl", ".ctm")
_IDS, _TEXTS = ("id", "utterance", "path", "file"), ("text", "transcript", "transcription")


def read(path: Path) -> dict[str, str]:
    """Returns the texts of a transcript file by utterance.

    Args:
        path: one of
            - .csv or .tsv with a column id (or utterance, path, file) and a column text (or transcript, transcription);
            - .json with an object {utterance: text} or a list of objects with such fields; null is an empty text;
            - .jsonl with such an object on each line;
            - .ctm with lines "utterance channel start duration word [confidence]", which are sorted by time.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is of another kind or damaged, or an utterance occurs twice; the message names file and
            place.
    """
    if path.suffix.lower() not in KINDS:
        raise ValueError(f"{path}: not the name of a transcript file; it must end with {', '.join(KINDS)}")
    content = read_text(path, "check the path, and save the file as UTF-8")
    try:
        texts = _READERS[path.suffix.lower()](content)
    except (ValueError, csv.Error, RecursionError) as error:
        raise FileError(f"{path}: {reason(error)}") from error
    if not texts:
        raise ValueError(f"{path}: contains no transcript; it needs an entry for each utterance")
    return texts


def _unique(rows: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Texts by utterance, from rows of place (for messages), utterance and text; white space becomes single spaces."""
    texts: dict[str, str] = {}
    for place, utterance, text in rows:
        if utterance in texts:
            raise ValueError(f"{place}: {utterance!r} occurs twice; remove one of the texts")
        texts[utterance] = " ".join(text.split())
    return texts


def _field(row: Mapping, names: tuple[str, ...], place: str) -> str:
    """The value of the first of the names that a row has."""
    for name in names:
        if row.get(name) is not None:
            return _string(row[name], f"{place}, {name}")
    raise ValueError(f"{place}: it has no {names[0]} (nor {', '.join(names[1:])}); every entry needs one")


def _string(value, place: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{place}: {json.dumps(value)} is not a string; write the text in quotes")
    return value


def _rows(numbered: Iterable[tuple[int, Mapping]], unit: str) -> dict[str, str]:
    """Texts by utterance from numbered rows with fields; the unit, "line" or "entry", is for messages."""
    places = ((f"{unit} {number}", row) for number, row in numbered)
    return _unique((place, _field(row, _IDS, place), _field(row, _TEXTS, place)) for place, row in places)


def _table(content: str, delimiter: str) -> dict[str, str]:
    reader = csv.DictReader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    return _rows(((reader.line_num, row) for row in reader), "line")


def _csv(content: str) -> dict[str, str]:
    header = content.partition("\n")[0]
    return _table(content, max(",\t;", key=header.count))


def _tsv(content: str) -> dict[str, str]:
    return _table(content, "\t")


def _json(content: str) -> dict[str, str]:
    values = json.loads(content, object_pairs_hook=_object)
    if isinstance(values, dict):
        texts = _without_nulls(values, values)
        return _unique((f"entry {name}", name, _string(text, f"entry {name}")) for name, text in texts.items())
    if not isinstance(values, list) or not all(isinstance(row, dict) for row in values):
        raise ValueError("neither an object {utterance: text} nor a list of objects; use one of them")
    return _rows(enumerate((_without_nulls(row, _TEXTS) for row in values), start=1), "entry")


def _object(pairs: list[tuple[str, object]]) -> dict:
    """A JSON object as a dict; a repeated name is refused, where `json` would silently keep the last value."""
    values: dict[str, object] = {}
    for name, value in pairs:
        if name in values:
            raise ValueError(f"{name!r} occurs twice; remove one of the texts")
        values[name] = value
    return values


def _without_nulls(row: Mapping, names: Container[str]) -> dict:
    """A JSON object in which null texts are empty strings: the recognizer returned nothing."""
    return {name: "" if value is None and name in names else value for name, value in row.items()}


def _jsonl(content: str) -> dict[str, str]:
    lines = content.split("\n")  # not splitlines(): a text may contain other line separators
    return _json(f"[{','.join(line for line in lines if line.strip())}]")


def _ctm(content: str) -> dict[str, str]:
    words: dict[str, list[tuple[float, str]]] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        fields = line.split()
        if not fields or line.startswith(";;"):
            continue
        try:
            words.setdefault(fields[0], []).append((float(fields[2]), fields[4]))
        except (IndexError, ValueError) as error:
            raise ValueError(
                f"line {number}: {line!r} is not a CTM line: utterance channel start duration word"
            ) from error
    return {
        utterance: " ".join(word for _, word in sorted(timed_words, key=lambda timed_word: timed_word[0]))
        for utterance, timed_words in words.items()
    }


_READERS = {".csv": _csv, ".tsv": _tsv, ".json": _json, ".jsonl": _jsonl, ".ctm": _ctm}
