"""A database in audformat (db.yaml and tables), a format in which audEERING and others publish emotional speech.

Licence, citation and counts are those of the database; its db.yaml states them. Several columns with the scheme "emotion" are
ratings and not the emotion. If files and segments of them both have emotions, only the files are read, so that no speech
counts twice. Tables of a whole database and of its splits repeat rows; the splits "train", "dev" and "test" are kept.
"""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from acrnn.errors import missing_extra
from data_prep.corpora.base import Corpus, ReadOptions, Utterance

if TYPE_CHECKING:
    import audformat

_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


class _Part(NamedTuple):
    """A row of a table: a file or a segment of it; None for the start and end of the file."""

    file: str
    start_seconds: float | None
    end_seconds: float | None


class _Label(NamedTuple):
    """The emotion and split of a row, and the table that contains it."""

    emotion: str
    split: str | None
    table_id: str


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Returns the files or segments that have an emotion in a table of the database.

    The emotion is in a column with the name or scheme "emotion", the speaker in a column with the name or scheme "speaker" of
    the same table or a filewise one.

    Raises:
        ImportError: the package audformat is not installed.
        FileNotFoundError: db.yaml or a sound file is missing.
        ValueError: no column has the emotion or the speaker, two tables disagree, or a speaker is missing.
    """
    if not (data_dir / "db.yaml").is_file():
        raise FileNotFoundError(f"{data_dir}: no db.yaml here; name the folder of an audformat database")
    database = _import_audformat().Database.load(str(data_dir))
    tables = _emotion_tables(data_dir, database)
    speakers = _speakers(data_dir, database, tables)
    return [_utterance(data_dir, part, label, speakers) for part, label in _labels(data_dir, database, tables).items()]


def _import_audformat() -> ModuleType:
    try:
        import audformat
    except ImportError as error:
        raise missing_extra("audformat", "reading an audformat database", error) from error
    return audformat


def _emotion_tables(data_dir: Path, database: audformat.Database) -> list[str]:
    tables = [table_id for table_id in database.tables if _column(database[table_id], "emotion")]
    if not tables:
        raise ValueError(
            f"{data_dir}: no column called 'emotion', nor one with that scheme; {_tables_and_columns(database)}"
        )
    # segments of labeled files would count the same speech twice
    filewise = [table_id for table_id in tables if database[table_id].is_filewise]
    return filewise or tables


def _column(table: audformat.Table, name: str) -> str | None:
    if name in table.columns:
        return name
    with_scheme = [column_id for column_id, column in table.columns.items() if column.scheme_id == name]
    # several columns with the scheme are the ratings of several people
    return with_scheme[0] if len(with_scheme) == 1 else None


def _tables_and_columns(database: audformat.Database) -> str:
    tables = (f"{table_id} ({', '.join(table.columns) or 'no column'})" for table_id, table in database.tables.items())
    return f"the tables there are: {', '.join(tables) or 'none'}; rename the column, or read the corpus as a manifest"


def _labels(data_dir: Path, database: audformat.Database, tables: list[str]) -> dict[_Part, _Label]:
    """Returns the emotion and split of each row over all tables, which may repeat rows."""
    labels: dict[_Part, _Label] = {}
    for table_id in tables:
        split = _split(database, table_id)
        for part, emotion in _values(database[table_id], "emotion").items():
            label = labels.get(part, _Label(emotion, split, table_id))
            if label.emotion != emotion:
                raise ValueError(
                    f"{data_dir}: {part.file} is {label.emotion!r} in table {label.table_id} and {emotion!r} in "
                    f"table {table_id}; remove one of the tables, or read the corpus as a manifest"
                )
            labels[part] = label._replace(split=label.split or split)
    return labels


def _values(table: audformat.Table, name: str) -> dict[_Part, str]:
    """Returns the values of a column by row; rows without a value are left out."""
    series = table[_column(table, name)].get().dropna()
    return {_part(row): str(value) for row, value in series.items()}


def _part(row: str | tuple) -> _Part:
    if isinstance(row, str):
        return _Part(row, None, None)
    file, start, end = row
    end_seconds = end.total_seconds()  # NaN for the end of the file
    return _Part(file, start.total_seconds(), None if math.isnan(end_seconds) else end_seconds)


def _split(database: audformat.Database, table_id: str) -> str | None:
    split_id = database[table_id].split_id
    return _SPLITS.get(database.splits[split_id].type) if split_id else None


def _speakers(data_dir: Path, database: audformat.Database, emotion_tables: list[str]) -> dict[_Part, str]:
    tables = [table for table_id, table in database.tables.items() if table.is_filewise or table_id in emotion_tables]
    tables = [table for table in tables if _column(table, "speaker")]
    if not tables:
        raise ValueError(
            f"{data_dir}: no column called 'speaker', nor one with that scheme, in the emotion's table or a filewise "
            f"one; {_tables_and_columns(database)}"
        )
    return {part: speaker for table in tables for part, speaker in _values(table, "speaker").items()}


def _utterance(data_dir: Path, part: _Part, label: _Label, speakers: dict[_Part, str]) -> Utterance:
    path = data_dir / part.file
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, but table {label.table_id} lists it; complete the database")
    speaker = speakers.get(part) or speakers.get(_Part(part.file, None, None))
    if not speaker:
        raise ValueError(f"{path}: the database has no speaker for it; fill the column 'speaker'")
    return Utterance(
        id=_utterance_id(part),
        path=path,
        speaker=speaker,
        session=speaker,
        emotion=label.emotion,
        start_seconds=part.start_seconds,
        end_seconds=part.end_seconds,
        split=label.split,
    )


def _utterance_id(part: _Part) -> str:
    stem = PurePosixPath(part.file).with_suffix("").as_posix()
    if part.start_seconds is None:
        return stem
    end = "end" if part.end_seconds is None else f"{part.end_seconds:.3f}"
    return f"{stem}_{part.start_seconds:.3f}-{end}"


CORPUS = Corpus(
    name="audformat",
    title="a database in audformat, a folder with db.yaml",
    version="that of the database",
    licence="see license in the database's db.yaml",
    citation="see description and source in the database's db.yaml",
    homepage="https://audeering.github.io/audformat/",
    find_utterances=find_utterances,
    accepts=frozenset({"labels", "name", "licence", "citation"}),
)
