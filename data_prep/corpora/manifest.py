"""A table of utterances, CSV, TSV or XLSX, with the columns path, label and speaker: your own corpus.

Optional columns are id, session, text, split, start and end (in seconds from the start of the file); other columns are
ignored. Columns with other names are named by the option `columns`. Without a column speaker, every utterance must have a part
of a prescribed split. Counts are those of your data; name, licence and citation are options. See `tables` for the formats.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from acrnn.errors import FieldError
from acrnn.reading import is_file
from acrnn.records import UNKNOWN_SPEAKER
from data_prep.corpora import tables
from data_prep.corpora.base import Corpus, ReadOptions, Utterance

COLUMNS = ("path", "label", "speaker", "id", "session", "text", "split", "start", "end")
SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "devel", "development"),
    "test": ("test", "testing"),
}
TABLE_NAMES = ("manifest.csv", "manifest.tsv", "manifest.xlsx")
_PART_OF = {name: part for part, names in SPLITS.items() for name in names}


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Returns an utterance for each row of a table.

    Args:
        data_dir: file of the table, or a folder with one of `TABLE_NAMES`. Paths in the table are relative to its folder.
        options: with `columns`.

    Raises:
        FileNotFoundError: the table or a sound file does not exist.
        FieldError: a column is missing or unknown.
        ValueError: a cell is empty or wrong; the message names file, line, column and value.
    """
    columns = options.columns or {}
    for name in columns:
        if name not in COLUMNS:
            raise FieldError("columns", f"{name}={columns[name]}", f"{name!r} is none of {', '.join(COLUMNS)}")
    table = table_path(data_dir)
    first_lines: dict[str, int] = {}  # by id
    utterances = []
    for row in tables.read_rows(table, columns, ("path", "label", "speaker"), {"speaker": "split"}):
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
    """Returns the file of the table: data_dir itself, or one of `TABLE_NAMES` in it.

    Raises:
        FileNotFoundError: there is no table.
        ValueError: there are several.
    """
    if data_dir.is_file():
        return data_dir
    present = [data_dir / name for name in TABLE_NAMES if (data_dir / name).is_file()]
    if not present:
        raise FileNotFoundError(
            f"{data_dir}: no {' or '.join(TABLE_NAMES)} here; name the file of the table or its folder"
        )
    if len(present) > 1:
        raise ValueError(
            f"{data_dir}: both {' and '.join(table.name for table in present)} are here; name the file to use"
        )
    return present[0]


def _utterance(row: tables.Row) -> Utterance:
    written_path = row.required("path")
    speaker = row.required("speaker") if row.has("speaker") else UNKNOWN_SPEAKER
    path = _sound_file(row, written_path)
    start, end = _start_and_end(row)
    part = "" if start is None and end is None else f"@{start or 0:g}-{'' if end is None else f'{end:g}'}"
    return Utterance(
        id=row.optional("id") or _portable(written_path).with_suffix("").as_posix() + part,
        path=path,
        speaker=speaker,
        session=row.optional("session") or speaker,
        emotion=row.required("label"),
        text=row.optional("text"),
        start_seconds=start,
        end_seconds=end,
        split=_split(row),
        place=f"{row.table}, line {row.line}",
    )


def _portable(written_path: str) -> PurePosixPath:
    r"""Returns a path with slashes, also where Windows wrote it: sound\anna_1.wav."""
    return PurePosixPath(PureWindowsPath(written_path).as_posix() if "\\" in written_path else written_path)


def _sound_file(row: tables.Row, written_path: str) -> Path:
    folder = row.table.parent
    for path in (folder / written_path, folder / _portable(written_path)):
        if is_file(path):
            return path
    raise FileNotFoundError(
        f"{row.place('path')}: {written_path[:200]!r} does not exist; a path is absolute or relative to {folder.resolve()}"
    )


def _start_and_end(row: tables.Row) -> tuple[float | None, float | None]:
    start, end = row.seconds("start"), row.seconds("end")
    if end is not None and end <= (start or 0.0):
        raise ValueError(
            f"{row.place('end')}: {end:g} is not after the start {start or 0.0:g}; correct it, or leave it "
            "empty for the file's end"
        )
    return start, end


def _split(row: tables.Row) -> str | None:
    written = row.optional("split")
    if written is None and not row.has("speaker"):
        raise ValueError(
            f"{row.place('split')}: the cell is empty; without a column speaker, every utterance needs a part of a prescribed "
            f"split: {', '.join(SPLITS)}"
        )
    if written is None:
        return None
    if written.casefold() not in _PART_OF:
        known = ", ".join(f"{part} ({', '.join(names[1:])})" for part, names in SPLITS.items())
        raise ValueError(f"{row.place('split')}: {written!r} is none of {known}; correct it, or leave it empty")
    return _PART_OF[written.casefold()]


CORPUS = Corpus(
    name="manifest",
    title="a table of utterances, CSV, TSV or XLSX",
    version="one's own",
    licence="that of the data the table lists",
    citation="that of the data the table lists",
    homepage="none: the data are one's own",
    find_utterances=find_utterances,
    accepts=frozenset({"labels", "columns", "name", "licence", "citation"}),
)
