"""A table of utterances, CSV or TSV, with the columns path, label and speaker: your own corpus.

Optional columns are id, session, text, split, start and end (in seconds from the start of the file); other columns are
ignored. Licence, citation and counts are those of your data; the manifest of the records does not state them. The separator
may be a comma, a semicolon or a tab, and the table must be UTF-8, with or without a byte order mark.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path, PurePath

from data_prep.corpora.base import Corpus, ReadOptions, Utterance

REQUIRED_COLUMNS = ("path", "label", "speaker")
SPLITS = ("train", "validation", "test")
TABLE_NAMES = ("manifest.csv", "manifest.tsv")


@dataclass(frozen=True)
class _Row:
    """A row of a table with its position, which error messages name."""

    table: Path
    line: int
    cells: dict[str, str]

    def place(self, column: str) -> str:
        """Returns the position of a cell for a message."""
        return f"{self.table}, line {self.line}, column {column}"

    def optional(self, column: str) -> str | None:
        """Returns the text of a cell, or None if it is empty."""
        return (self.cells.get(column) or "").strip() or None

    def required(self, column: str) -> str:
        """Returns the text of a cell; raises ValueError if it is empty."""
        value = self.optional(column)
        if value is None:
            raise ValueError(f"{self.place(column)}: the cell is empty; every utterance needs a {column}")
        return value

    def seconds(self, column: str) -> float | None:
        """Returns the time in a cell, or None if it is empty; raises ValueError if it is not a time."""
        value = self.optional(column)
        if value is None:
            return None
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(
                f"{self.place(column)}: {value!r} is not a time; give seconds from the file's start, such as 1.25"
            )
        return seconds


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Returns an utterance for each row of a table.

    Args:
        data_dir: file of the table, or a folder with manifest.csv or manifest.tsv. Paths in the table are relative to its
            folder.
        options: not used.

    Raises:
        FileNotFoundError: the table or a sound file does not exist.
        ValueError: a column is missing, or a cell is empty or wrong; the message names file, line, column and value.
    """
    table = table_path(data_dir)
    first_lines: dict[str, int] = {}  # by id
    utterances = []
    for row in _read_rows(table):
        utterance = _utterance(row)
        if utterance.id in first_lines:
            raise ValueError(
                f"{row.place('id')}: {utterance.id!r} is in line {first_lines[utterance.id]} already; ids must be "
                "unique (without a column id, the path without its extension is the id)"
            )
        first_lines[utterance.id] = row.line
        utterances.append(utterance)
    return utterances


def table_path(data_dir: Path) -> Path:
    """Returns the file of the table: data_dir itself, or manifest.csv or manifest.tsv in it.

    Raises:
        FileNotFoundError: there is no table.
        ValueError: there are two.
    """
    if data_dir.is_file():
        return data_dir
    tables = [data_dir / name for name in TABLE_NAMES if (data_dir / name).is_file()]
    if not tables:
        raise FileNotFoundError(
            f"{data_dir}: no {' or '.join(TABLE_NAMES)} here; name the file of the table or its folder"
        )
    if len(tables) > 1:
        raise ValueError(f"{data_dir}: both {' and '.join(TABLE_NAMES)} are here; name the file to use")
    return tables[0]


def _read_rows(table: Path) -> list[_Row]:
    text = _decode(table)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(table, text), strict=True)
    try:
        # DictReader keeps the spaces around the names of columns
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        _check_columns(table, list(reader.fieldnames))
        rows = [_Row(table, reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        # without strict=True, a missing closing quotation mark would make the rest of the table one cell
        raise ValueError(f"{table}, line {reader.line_num}: {error}; check the quotation marks") from error
    for row in rows:
        if None in row.cells:
            raise ValueError(
                f"{table}, line {row.line}: more cells than columns; put quotation marks around a text "
                "with the delimiter in it"
            )
    return rows


def _decode(table: Path) -> str:
    try:
        return table.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{table}: byte {error.start} is not UTF-8; save the table as UTF-8") from error


def _delimiter(table: Path, text: str) -> str:
    if table.suffix.lower() == ".tsv":
        return "\t"
    # where the comma is the decimal separator, spreadsheets write semicolons or tabs into .csv files
    header = text.partition("\n")[0]
    return max(",\t;", key=header.count)


def _check_columns(table: Path, columns: list[str]) -> None:
    missing = [column for column in REQUIRED_COLUMNS if column not in columns]
    if missing:
        raise ValueError(
            f"{table}: column {', '.join(missing)} missing; the columns there are: {', '.join(columns) or 'none'}; "
            "the first line must name them"
        )
    repeated = sorted({column for column in columns if column and columns.count(column) > 1})
    if repeated:
        raise ValueError(f"{table}: column {', '.join(repeated)} occurs twice; rename or remove one")


def _utterance(row: _Row) -> Utterance:
    written_path, speaker = row.required("path"), row.required("speaker")
    path = _sound_file(row, written_path)
    start, end = _start_and_end(row)
    part = "" if start is None and end is None else f"@{start or 0:g}-{'' if end is None else f'{end:g}'}"
    return Utterance(
        id=row.optional("id") or PurePath(written_path).with_suffix("").as_posix() + part,
        path=path,
        speaker=speaker,
        session=row.optional("session") or speaker,
        emotion=row.required("label"),
        text=row.optional("text"),
        start_seconds=start,
        end_seconds=end,
        split=_split(row),
    )


def _sound_file(row: _Row, written_path: str) -> Path:
    path = row.table.parent / written_path
    if not path.is_file():
        raise FileNotFoundError(
            f"{row.place('path')}: {written_path!r} does not exist; a path is absolute or relative to "
            f"{row.table.parent.resolve()}"
        )
    return path


def _start_and_end(row: _Row) -> tuple[float | None, float | None]:
    start, end = row.seconds("start"), row.seconds("end")
    if end is not None and end <= (start or 0.0):
        raise ValueError(
            f"{row.place('end')}: {end:g} is not after the start {start or 0.0:g}; correct it, or leave it "
            "empty for the file's end"
        )
    return start, end


def _split(row: _Row) -> str | None:
    split = row.optional("split")
    if split is not None and split not in SPLITS:
        raise ValueError(
            f"{row.place('split')}: {split!r} is none of {', '.join(SPLITS)}; correct it, or leave it empty"
        )
    return split


CORPUS = Corpus(
    name="manifest",
    title="a table of utterances, manifest.csv or manifest.tsv",
    version="one's own",
    licence="that of the data the table lists",
    citation="that of the data the table lists",
    homepage="none: the data are one's own",
    find_utterances=find_utterances,
    accepts=frozenset({"labels"}),
)
