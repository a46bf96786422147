"""A table of utterances: columns, formats, and errors that name line, column and remedy."""

from __future__ import annotations

import pytest
from support.corpus_trees import (
    MANIFEST,
    by_id,
    emotions,
    write_manifest,
    write_noise,
)

from acrnn.records import UNKNOWN_SPEAKER
from data_prep.corpora import manifest
from data_prep.corpora.base import ReadOptions, Utterance, read_corpus

FULL_MANIFEST = """id,path,label,speaker,session,text,split,start,end,age
one,sound/anna_1.wav,anger,anna,monday,"no, never",train,0,0.05,30
two,sound/anna_1.wav,joy,anna,monday,,test,0.05,,30
three,sound/bert_1.wav,joy,bert,,,,,,
"""


def test_the_cells_of_a_manifest_become_the_fields_of_utterances(tmp_path):
    utterances = by_id(read_corpus(manifest.CORPUS, write_manifest(tmp_path, FULL_MANIFEST)))
    sound = tmp_path / "sound"
    assert utterances == {
        "one": Utterance(
            "one",
            sound / "anna_1.wav",
            "anna",
            "monday",
            "anger",
            "no, never",
            start_seconds=0,
            end_seconds=0.05,
            split="train",
        ),
        "two": Utterance("two", sound / "anna_1.wav", "anna", "monday", "joy", start_seconds=0.05, split="test"),
        "three": Utterance("three", sound / "bert_1.wav", "bert", "bert", "joy"),
    }


@pytest.mark.parametrize(
    ("name", "delimiter", "encoding"),
    [
        ("manifest.csv", ",", "utf-8-sig"),
        ("manifest.csv", ";", "utf-8"),
        ("manifest.csv", "\t", "utf-8"),
        ("manifest.tsv", "\t", "utf-8-sig"),
    ],
)
def test_a_manifest_may_use_any_delimiter_and_a_byte_order_mark(name, delimiter, encoding, tmp_path):
    write_manifest(tmp_path, MANIFEST.replace(",", delimiter), name, encoding)
    utterances = by_id(read_corpus(manifest.CORPUS, tmp_path))
    assert list(utterances) == ["sound/anna_1", "sound/anna_2", "sound/bert_1"]
    assert (utterances["sound/bert_1"].emotion, utterances["sound/bert_1"].session) == ("joy", "bert")


@pytest.mark.parametrize(
    ("name", "header"),
    [("manifest.csv", "path, label ,speaker"), ("manifest.tsv", "path\tlabel\tspeaker\tage, in years, or so, or none")],
)
def test_a_header_may_have_spaces_around_its_names_and_commas_in_a_tsv(name, header, tmp_path):
    delimiter = "\t" if "\t" in header else ","
    row = delimiter.join(["sound/anna_1.wav", "joy", "anna"])
    write_manifest(tmp_path, f"{header}\n{row}\n", name)
    assert emotions(read_corpus(manifest.CORPUS, tmp_path)) == {"joy": 1}


def test_a_manifest_may_have_absolute_paths_spaces_and_letters_beyond_ascii(tmp_path):
    absolute = write_noise(tmp_path / "far away" / "Zoë 1.wav")
    text = MANIFEST + f"{absolute},Ärger,Zoë Müller\n"
    selection = read_corpus(manifest.CORPUS, write_manifest(tmp_path / "here", text))
    utterances = by_id(selection)[absolute.with_suffix("").as_posix()]
    assert (utterances.path, utterances.speaker, utterances.emotion) == (absolute, "Zoë Müller", "Ärger")
    assert selection.labels == ("anger", "joy", "Ärger")


def test_the_labels_of_a_manifest_keep_the_order_asked_for_and_must_be_complete(tmp_path):
    table = write_manifest(tmp_path, MANIFEST)
    assert read_corpus(manifest.CORPUS, table, ReadOptions(labels=("joy", "anger"))).labels == ("joy", "anger")
    with pytest.raises(ValueError, match="anna_1.wav: emotion 'anger' is not among the labels joy"):
        read_corpus(manifest.CORPUS, table, ReadOptions(labels=("joy",)))
    with pytest.raises(ValueError, match="no utterance of grief; the emotions there are anger, joy"):
        read_corpus(manifest.CORPUS, table, ReadOptions(labels=("anger", "joy", "grief")))


HEADER = "path,label,speaker,id,split,start,end\n"
GOOD = "sound/anna_1.wav,anger,anna"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "file,label\nx,y\n",
            ValueError,
            r"manifest\.csv: no column path and speaker; the columns there are: file, label",
        ),
        ("", ValueError, r"manifest\.csv: no column path and label and speaker; the columns there are: none"),
        ("path,label,speaker,label\n", ValueError, r"manifest\.csv: column label occurs twice"),
        (HEADER, ValueError, "no utterance of a table"),
        (HEADER + "sound/anna_1.wav, ,anna\n", ValueError, r"line 2, column label: the cell is empty"),
        (HEADER + "sound/anna_1.wav,anger\n", ValueError, r"line 2, column speaker: the cell is empty"),
        (
            HEADER + f"{GOOD}\nsound/no.wav,anger,anna\n",
            FileNotFoundError,
            r"line 3, column path: 'sound/no\.wav' does not",
        ),
        (HEADER + "sound,anger,anna\n", FileNotFoundError, r"line 2, column path: 'sound' does not exist"),
        (HEADER + f"{GOOD},,,soon\n", ValueError, r"line 2, column start: 'soon' is not a time"),
        (HEADER + f"{GOOD},,,,-1\n", ValueError, r"line 2, column end: '-1' is not a time"),
        (HEADER + f"{GOOD},,,nan\n", ValueError, r"line 2, column start: 'nan' is not a time"),
        (HEADER + f"{GOOD},,,2,2\n", ValueError, r"line 2, column end: 2 is not after the start 2"),
        (HEADER + f"{GOOD},,,,0\n", ValueError, r"line 2, column end: 0 is not after the start 0"),
        (HEADER + f"{GOOD},,held\n", ValueError, r"line 2, column split: 'held' is none of train \(training\), valid"),
        (HEADER + f"{GOOD},x\n{GOOD},x\n", ValueError, r"line 3, column id: 'x' is in line 2 already"),
        (HEADER + f"{GOOD}\n{GOOD}\n", ValueError, r"line 3, column id: 'sound/anna_1' is in line 2 already"),
        (HEADER + f"{GOOD},,,,,Well, no\n", ValueError, r"line 2: more cells than columns"),
        (HEADER + f'{GOOD},"x\n{GOOD}\n', ValueError, r"manifest\.csv, line \d: .*check the quotation marks"),
    ],
)
def test_a_manifest_with_a_fault_is_refused_with_its_line_column_and_value(text, error, message, tmp_path):
    with pytest.raises(error, match=message):
        read_corpus(manifest.CORPUS, write_manifest(tmp_path, text))


def test_a_manifest_must_be_utf8_and_the_only_one_in_its_folder(tmp_path):
    table = write_manifest(tmp_path, MANIFEST.replace("anger", "Ärger"), encoding="latin-1")
    with pytest.raises(ValueError, match=r"manifest\.csv: byte 36 is not UTF-8; save the table as UTF-8"):
        read_corpus(manifest.CORPUS, table)
    write_manifest(tmp_path, MANIFEST, "manifest.tsv")
    with pytest.raises(ValueError, match=r"both manifest\.csv and manifest\.tsv are here"):
        read_corpus(manifest.CORPUS, tmp_path)


def test_a_table_without_speakers_needs_a_part_of_a_split_in_every_row(tmp_path):
    text = "path,label,split\nsound/anna_1.wav,anger,train\nsound/anna_2.wav,joy,dev\nsound/bert_1.wav,joy,test\n"
    utterances = read_corpus(manifest.CORPUS, write_manifest(tmp_path, text)).utterances
    assert {(each.speaker, each.session) for each in utterances} == {(UNKNOWN_SPEAKER, UNKNOWN_SPEAKER)}
    with pytest.raises(
        ValueError, match=r"line 3, column split: the cell is empty; without a column speaker, every utt"
    ):
        read_corpus(manifest.CORPUS, write_manifest(tmp_path, text.replace(",dev", "")))
    tables = [write_manifest(tmp_path / name, text, f"{name}.csv") for name in "ab"]
    assert {each.speaker for each in read_corpus(manifest.CORPUS, tables).utterances} == {UNKNOWN_SPEAKER}
