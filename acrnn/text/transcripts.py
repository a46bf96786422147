"""Transcript files: what is said, by utterance, as people and recognisers write it: CSV, TSV, JSON, CTM."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Container, Mapping
from pathlib import Path

KINDS = (".csv", ".tsv", ".json", ".jsonl", ".ctm")
_IDS, _TEXTS = ("id", "utterance", "path", "file"), ("text", "transcript", "transcription")


def read(path: Path) -> dict[str, str]:
    """Texts by utterance.

    Args:
        path: a .csv or .tsv with a column id (or utterance, path, file) and a column text (or transcript); a .json object
            {utterance: text} or list of objects with such fields, or a .jsonl with one on each line, where null is an empty
            text; a .ctm, whose lines "utterance channel start duration word [confidence]" are put in the order of time.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is of another kind or damaged, or an utterance occurs twice; the message names file and place.
    """
    if path.suffix.lower() not in KINDS:
        raise ValueError(f"{path}: not a transcript file by its name; give one that ends with {', '.join(KINDS)}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path")
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    try:
        found = _READERS[path.suffix.lower()](content)
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: {error}") from error
    if not found:
        raise ValueError(f"{path}: holds no transcript; give one with a line for each utterance")
    return found


def _unique(rows) -> dict[str, str]:
    found: dict[str, str] = {}
    for place, utterance, text in rows:
        if utterance in found:
            raise ValueError(f"{place}: {utterance!r} occurs twice; leave one of the texts")
        found[utterance] = " ".join(text.split())
    return found


def _field(row: Mapping, names: tuple[str, ...], place: str) -> str:
    for name in names:
        if row.get(name) is not None:
            return _string(row[name], f"{place}, {name}")
    raise ValueError(f"{place}: no {names[0]} (nor {', '.join(names[1:])}); every transcript needs one")


def _string(value, place: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{place}: {json.dumps(value)} is not a text; write it as one, in quotes")
    return value


def _rows(objects, place: str) -> dict[str, str]:
    return _unique(
        (f"{place} {number}", _field(row, _IDS, f"{place} {number}"), _field(row, _TEXTS, f"{place} {number}"))
        for number, row in objects
    )


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
        raise ValueError("neither an object {utterance: text} nor a list of objects; write one of them")
    return _rows(enumerate((_without_nulls(row, _TEXTS) for row in values), start=1), "entry")


def _object(pairs: list[tuple[str, object]]) -> dict:
    """An object of JSON, of which Python would keep the last of two equal names."""
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} occurs twice; leave one of the texts")
        found[name] = value
    return found


def _without_nulls(row: Mapping, names: Container[str]) -> dict:
    """An object with "" for a text that is null: nothing was recognized."""
    return {name: "" if value is None and name in names else value for name, value in row.items()}


def _jsonl(content: str) -> dict[str, str]:
    lines = content.split("\n")  # a text may hold other ends of lines
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
                f"line {number}: {line!r} is not a line of a CTM: utterance channel start duration word"
            ) from error
    return {
        utterance: " ".join(word for _, word in sorted(said, key=lambda one: one[0]))
        for utterance, said in words.items()
    }


_READERS = {".csv": _csv, ".tsv": _tsv, ".json": _json, ".jsonl": _jsonl, ".ctm": _ctm}
