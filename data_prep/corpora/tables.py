"""Tables as people have them: text with commas, semicolons or tabs, and Excel workbooks, read into rows of named cells.

A text must be UTF-8, with or without a byte order mark. Its first line may name the separator, as Excel writes it ("sep=;").
Rows without any content are left out, and empty cells at the end of a row do not count.
"""

from __future__ import annotations

import csv
import datetime
import io
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acrnn.errors import FieldError, UsageError, missing_extra
from acrnn.reading import foreign_errors

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"  # first bytes of workbooks: .xlsx, and .xls of Excel up to 2003
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n')


@dataclass(frozen=True)
class Row:
    """A row of a table with its position, which error messages name.

    Attributes:
        table: the file.
        line: line of the file, from 1.
        cells: texts by the name of the column; those of `columns` under both names.
        columns: name in this package → name in the table, of the columns that have another name there.
    """

    table: Path
    line: int
    cells: Mapping[str, str]
    columns: Mapping[str, str]

    def place(self, column: str) -> str:
        """Returns the position of a cell for a message."""
        return f"{self.table}, line {self.line}, column {self.columns.get(column, column)}"

    def has(self, column: str) -> bool:
        """Returns True if the table has a column."""
        return column in self.cells

    def optional(self, column: str) -> str | None:
        """Returns the text of a cell, or None if it is empty."""
        return self.cells.get(column, "").strip() or None

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


def read_rows(
    table: Path, columns: Mapping[str, str], required: Sequence[str], instead: Mapping[str, str]
) -> list[Row]:
    """Reads a table whose first row names the columns.

    Args:
        table: text file or Excel workbook.
        columns: name in this package → name in the table.
        required: columns that the table must have, by their names in this package.
        instead: required column → column that may take its place.

    Raises:
        UsageError: a required column is missing.
        FieldError: one of `columns` is missing.
        ImportError: the table is a workbook, and the extra to read it is not installed.
        ValueError: the table cannot be read, two columns have one name, or a row has more cells than the first one.
    """
    content = table.read_bytes()
    lines = _workbook_lines(table) if content.startswith((_ZIP, _OLE)) else _text_lines(table, content)
    names = [name.strip() for name in next(lines, (1, []))[1]]
    _check_columns(table, names, columns, [name for name in required if instead.get(name) not in (*names, *columns)])
    return list(_rows(table, names, columns, lines))


def _rows(
    table: Path, names: Sequence[str], columns: Mapping[str, str], lines: Iterable[tuple[int, list[str]]]
) -> Iterator[Row]:
    for line, texts in lines:
        if not any(text.strip() for text in texts):
            continue
        if any(text.strip() for text in texts[len(names) :]):
            raise ValueError(
                f"{table}, line {line}: more cells than columns; put quotation marks around a text with the delimiter in it"
            )
        cells = dict(itertools.zip_longest(names, texts[: len(names)], fillvalue=""))
        yield Row(table, line, cells | {own: cells.get(theirs, "") for own, theirs in columns.items()}, columns)


def _check_columns(table: Path, names: Sequence[str], columns: Mapping[str, str], required: Sequence[str]) -> None:
    listed = f"the columns there are: {', '.join(name for name in names if name) or 'none'}"
    for own, theirs in columns.items():
        if theirs not in names:
            raise FieldError("columns", f"{own}={theirs}", f"{table} has no column {theirs!r}; {listed}")
    missing = [column for column in required if column not in (*names, *columns)]
    if missing:
        renamed = f"{missing[0]}=NAME"
        raise UsageError(
            f"{table}: no column {' and '.join(missing)}; {listed}; name the columns in the first line, or, if they have other "
            f"names there, give these with the option columns, as in {renamed}"
        )
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise ValueError(f"{table}: column {', '.join(repeated)} occurs twice; rename or remove one")


def _text_lines(table: Path, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yields the number and the cells of each line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{table}: byte {error.start} is not UTF-8; save the table as UTF-8") from error
    separator = _SEPARATOR_LINE.match(text)
    delimiter = separator[1] if separator else _delimiter(table, text)
    start = separator.end() if separator else 0
    reader = csv.reader(io.StringIO(text[start:], newline=""), delimiter=delimiter, strict=True)
    skipped = 1 if separator else 0
    try:
        for cells in reader:
            yield reader.line_num + skipped, cells
    except csv.Error as error:
        # without strict=True, a missing closing quotation mark would make the rest of the table one cell
        raise ValueError(f"{table}, line {reader.line_num + skipped}: {error}; check the quotation marks") from error


def _delimiter(table: Path, text: str) -> str:
    if table.suffix.lower() == ".tsv":
        return "\t"
    # where the comma is the decimal separator, spreadsheets write semicolons or tabs into .csv files
    header = text.partition("\n")[0]
    return max(",\t;", key=header.count)


def _workbook_lines(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Yields the number and the cells of each row of the only sheet with content."""
    try:
        import openpyxl
    except ImportError as error:
        raise missing_extra("excel", f"{table}: reading an Excel workbook", error) from error
    # openpyxl raises errors of several libraries, some while it reads rows
    with foreign_errors(table, "not a workbook of Excel 2007 or later", "save it as .xlsx or as CSV"):
        workbook = openpyxl.load_workbook(table, read_only=True, data_only=True)
        sheets = {sheet.title: rows for sheet in workbook.worksheets if (rows := list(sheet.iter_rows()))}
    if len(sheets) > 1:
        raise ValueError(f"{table}: {len(sheets)} sheets ({', '.join(sheets)}); save one as a file of its own")
    for line, cells in enumerate(next(iter(sheets.values()), []), start=1):
        yield line, [_cell_text(table, line, cell) for cell in cells]


def _cell_text(table: Path, line: int, cell) -> str:
    """Returns the text that a cell shows; a format such as 00 shows zeros before a number."""
    value = cell.value
    if isinstance(value, datetime.date | datetime.time):
        raise ValueError(
            f"{table}, line {line}: a cell is the date {value}; Excel may have made it of a name such as 1-2; format the column "
            "as text and write the name again"
        )
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and re.fullmatch("0+", cell.number_format):
        return f"{value:0{len(cell.number_format)}d}"
    return "" if value is None else str(value)
