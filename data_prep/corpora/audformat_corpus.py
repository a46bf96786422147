"""A database in audformat (db.yaml and tables), as audEERING and others publish emotional speech."""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from data_prep.corpora.base import Corpus, ReadOptions, Utterance

if TYPE_CHECKING:
    import audformat

_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


class _Part(NamedTuple):
    """A row of a table: a file, or the part of it between two times."""

    file: str
    start_seconds: float | None
    end_seconds: float | None


class _Label(NamedTuple):
    emotion: str
    split: str | None
    table_id: str


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Every file or segment that has an emotion in a table of the database.

    The emotion comes from a column that is called "emotion" or has the scheme "emotion", the speaker from such a column
    "speaker" in the same table or in a filewise one. Tables of a split tell the utterance's split.

    Raises:
        ImportError: the package audformat is not installed.
        FileNotFoundError: there is no db.yaml, or a sound file is not there.
        ValueError: no column has the emotion or the speaker, two tables disagree, or a speaker is missing.
    """
    if not (data_dir / "db.yaml").is_file():
        raise FileNotFoundError(f"{data_dir}: no db.yaml here; point --data-dir at the folder of an audformat database")
    database = _import_audformat().Database.load(str(data_dir))
    tables = _emotion_tables(data_dir, database)
    speakers = _speakers(data_dir, database, tables)
    return [_utterance(data_dir, part, label, speakers) for part, label in _labels(data_dir, database, tables).items()]


def _import_audformat() -> ModuleType:
    try:
        import audformat
    except ImportError as error:
        raise ImportError(
            'reading an audformat database needs the package audformat: pip install "acrnn[audformat]"'
        ) from error
    return audformat


def _emotion_tables(data_dir: Path, database: audformat.Database) -> list[str]:
    tables = [table_id for table_id in database.tables if _column(database[table_id], "emotion")]
    if not tables:
        raise ValueError(
            f"{data_dir}: no column called 'emotion', nor one with that scheme; {_what_is_there(database)}"
        )
    # Segments of files that are labeled as a whole would count the same speech twice.
    filewise = [table_id for table_id in tables if database[table_id].is_filewise]
    return filewise or tables


def _column(table: audformat.Table, name: str) -> str | None:
    if name in table.columns:
        return name
    with_scheme = [column_id for column_id, column in table.columns.items() if column.scheme_id == name]
    # Several columns with the scheme are several raters: none of them is the emotion.
    return with_scheme[0] if len(with_scheme) == 1 else None


def _what_is_there(database: audformat.Database) -> str:
    tables = (f"{table_id} ({', '.join(table.columns) or 'no column'})" for table_id, table in database.tables.items())
    return f"the tables there are: {', '.join(tables) or 'none'}; rename the column, or read the corpus as a manifest"


def _labels(data_dir: Path, database: audformat.Database, tables: list[str]) -> dict[_Part, _Label]:
    """Emotion and split of each part over all tables: whole-database and split tables repeat each other's rows."""
    labels: dict[_Part, _Label] = {}
    for table_id in tables:
        split = _split(database, table_id)
        # A row without an emotion is no labeled utterance.
        for part, emotion in _values(database[table_id], "emotion").items():
            known = labels.get(part, _Label(emotion, split, table_id))
            if known.emotion != emotion:
                raise ValueError(
                    f"{data_dir}: {part.file} is {known.emotion!r} in table {known.table_id} and {emotion!r} in "
                    f"table {table_id}; remove one of the tables, or read the corpus as a manifest"
                )
            labels[part] = known._replace(split=known.split or split)
    return labels


def _values(table: audformat.Table, name: str) -> dict[_Part, str]:
    series = table[_column(table, name)].get().dropna()
    return {_part(row): str(value) for row, value in series.items()}


def _part(row: str | tuple) -> _Part:
    if isinstance(row, str):
        return _Part(row, None, None)
    file, start, end = row
    # NaT stands for the file's end.
    end_seconds = end.total_seconds()
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
            f"one; {_what_is_there(database)}"
        )
    return {part: speaker for table in tables for part, speaker in _values(table, "speaker").items()}


def _utterance(data_dir: Path, part: _Part, label: _Label, speakers: dict[_Part, str]) -> Utterance:
    path = data_dir / part.file
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, but table {label.table_id} lists it; complete the database")
    speaker = speakers.get(part) or speakers.get(_Part(part.file, None, None))
    if not speaker:
        raise ValueError(f"{path}: the database tells no speaker for it; fill the column 'speaker'")
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
    accepts=frozenset({"labels"}),
)
