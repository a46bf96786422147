"""Tables as people have them: separators, line ends, empty cells, Windows paths, and workbooks."""

from __future__ import annotations

import sys

import pytest
from support.corpus_trees import MANIFEST, by_id, write_manifest

from acrnn.errors import FieldError
from data_prep.corpora import manifest
from data_prep.corpora.base import ReadOptions, read_corpus

SPEAKERS = {"sound/anna_1": "anna", "sound/anna_2": "anna", "sound/bert_1": "bert"}


def speakers(table, **options):
    """Returns the speakers of a table by the id of the utterance."""
    utterances = by_id(read_corpus(manifest.CORPUS, table, ReadOptions(**options)))
    return {name: utterance.speaker for name, utterance in utterances.items()}


@pytest.mark.parametrize(
    "text",
    [
        MANIFEST.replace("\n", "\r\n"),
        "sep=;\r\n" + MANIFEST.replace(",", ";").replace("\n", "\r\n"),
        '"sep=|"\n' + MANIFEST.replace(",", "|"),
        MANIFEST.replace("\n", ",,\n"),
        MANIFEST.replace("label,speaker\n", "label,speaker,,\n"),
        MANIFEST + ",,\n , ,\n\n",
        MANIFEST.replace("sound/", "sound\\"),
    ],
)
def test_a_table_as_a_spreadsheet_writes_it_is_read(text, tmp_path):
    assert speakers(write_manifest(tmp_path, text)) == SPEAKERS


def test_lines_are_counted_from_the_one_that_names_the_separator(tmp_path):
    text = "sep=;\r\n" + MANIFEST.replace(",", ";").replace("joy;bert", ";bert")
    with pytest.raises(ValueError, match="line 5, column label: the cell is empty"):
        speakers(write_manifest(tmp_path, text))


def test_columns_with_other_names_take_the_place_of_those_asked_for(tmp_path):
    text = MANIFEST.replace("path,label,speaker", "file_id,emotion,label")
    columns = {"path": "file_id", "label": "emotion", "speaker": "label"}
    assert speakers(write_manifest(tmp_path, text), columns=columns) == SPEAKERS
    text = text.replace("joy,bert", ",bert")
    with pytest.raises(ValueError, match="line 4, column emotion: the cell is empty; every utterance needs a label"):
        speakers(write_manifest(tmp_path, text), columns=columns)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": "mood"}, r"columns label=mood: .*manifest\.csv has no column 'mood'; the columns there are: path, "),
        ({"emotion": "label"}, r"columns emotion=label: 'emotion' is none of path, label, speaker, "),
    ],
)
def test_a_column_that_does_not_exist_is_refused(columns, message, tmp_path):
    with pytest.raises(FieldError, match=message):
        speakers(write_manifest(tmp_path, MANIFEST), columns=columns)


def test_leading_zeros_of_speakers_are_kept(tmp_path):
    text = MANIFEST.replace(",anna", ",01").replace(",bert", ",0002")
    assert set(speakers(write_manifest(tmp_path, text)).values()) == {"01", "0002"}


PARTS = {
    "train": ("train", "Train", "training"),
    "validation": ("validation", "dev", "VAL", "valid", "devel", "Development"),
    "test": ("test", "Test", "testing"),
}


@pytest.mark.parametrize(("written", "part"), [(name, part) for part, names in PARTS.items() for name in names])
def test_the_usual_names_of_the_parts_of_a_split_are_known(written, part, tmp_path):
    lines = MANIFEST.splitlines()
    table = write_manifest(tmp_path, "\n".join([lines[0] + ",part", *(f"{line},{written}" for line in lines[1:])]))
    selection = read_corpus(manifest.CORPUS, table, ReadOptions(columns={"split": "part"}))
    assert {utterance.split for utterance in selection.utterances} == {part}


def write_workbook(folder, *sheets):
    """Writes a workbook of one or more sheets, each a list of rows, and the sounds of `MANIFEST`."""
    openpyxl = pytest.importorskip("openpyxl", reason="the package openpyxl is not installed")
    table = write_manifest(folder, MANIFEST).with_name("mine.xlsx")
    workbook = openpyxl.Workbook()
    for number, rows in enumerate(sheets):
        sheet = workbook.create_sheet(f"sheet {number}")
        for row in rows:
            sheet.append(row)
    workbook.save(table)
    return table


ROWS = [line.split(",") for line in MANIFEST.splitlines()]


def test_a_workbook_is_read_as_its_cells_are_shown(tmp_path):
    rows = [[*row[:2], speaker] for row, speaker in zip(ROWS, ["speaker", 1, 1.0, "02"], strict=True)]
    table = write_workbook(tmp_path, [*rows, [None] * 3], [])
    assert list(speakers(table).values()) == ["1", "1", "02"]
    openpyxl = sys.modules["openpyxl"]
    workbook = openpyxl.load_workbook(table)
    for line in (2, 3):
        workbook["sheet 0"].cell(line, 3).number_format = "000"
    workbook.save(table)
    assert list(speakers(table).values()) == ["001", "001", "02"]


def test_a_workbook_of_two_tables_or_with_a_date_is_refused(tmp_path):
    import datetime

    with pytest.raises(ValueError, match=r"mine\.xlsx: 2 sheets \(sheet 0, sheet 1\); save one as a file of its own"):
        speakers(write_workbook(tmp_path, ROWS, ROWS))
    dated = [*ROWS[:2], [*ROWS[2][:2], datetime.date(2026, 1, 2)]]
    with pytest.raises(
        ValueError, match=r"mine\.xlsx, line 3: a cell is the date 2026-01-02.*format the column as text"
    ):
        speakers(write_workbook(tmp_path, dated))


@pytest.mark.parametrize("content", [b"PK\x03\x04 and no workbook", b"\xd0\xcf\x11\xe0 of 2003"])
def test_another_spreadsheet_is_refused_with_the_remedy(content, tmp_path):
    pytest.importorskip("openpyxl", reason="the package openpyxl is not installed")
    (tmp_path / "mine.xls").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"mine\.xls: not a workbook of Excel 2007 or later \(.*\); save it as \.xlsx or as CSV"
    ):
        speakers(tmp_path / "mine.xls")


def test_a_workbook_without_its_package_is_refused_with_the_name_of_the_extra(tmp_path, monkeypatch):
    (tmp_path / "mine.xlsx").write_bytes(b"PK\x03\x04")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ImportError, match=r'mine\.xlsx: reading .* the extra \[excel\] .*pip install "acrnn\[excel\]"'):
        speakers(tmp_path / "mine.xlsx")
