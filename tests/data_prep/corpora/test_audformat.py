"""audformat databases: tables, splits, segments, and what is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.corpus_trees import (
    emotions,
    write_audformat,
)

from data_prep.corpora import audformat_corpus
from data_prep.corpora.base import read_corpus


@pytest.mark.parametrize("speaker_table", ["emotion", "files"])
@pytest.mark.parametrize("column", ["emotion", "gold"])
def test_audformat_finds_emotion_and_speaker_by_name_or_scheme(speaker_table, column, tmp_path):
    selection = read_corpus(audformat_corpus.CORPUS, write_audformat(tmp_path, speaker_table, emotion=column))
    assert {u.id: (u.emotion, u.speaker) for u in selection.utterances} == {
        "sound/anna_1": ("anger", "anna"),
        "sound/anna_2": ("joy", "anna"),
        "sound/bert_1": ("joy", "bert"),
    }
    assert {u.start_seconds for u in selection.utterances} == {None}


def test_audformat_segments_give_start_and_end(tmp_path):
    database = load_audformat(write_audformat(tmp_path))
    audformat = sys.modules["audformat"]
    index = audformat.segmented_index(
        ["sound/anna_1.wav"] * 2 + ["sound/bert_1.wav"], [0, 0.05, 0.01], [0.05, 0.1, None]
    )
    add_table(database, "segments", index, "emotion", ["anger", "joy", None])
    database.save(str(tmp_path))
    # while files have an emotion, their segments are not read: the same speech would count twice
    utterances = read_corpus(audformat_corpus.CORPUS, tmp_path).utterances
    assert [utterance.id for utterance in utterances] == ["sound/anna_1", "sound/anna_2", "sound/bert_1"]
    database.drop_tables("emotion")
    index = audformat.segmented_index(["sound/bert_1.wav"], ["0.01s"], [None])
    add_table(database, "more_segments", index, "emotion", ["joy"])
    database.save(str(tmp_path))
    utterances = read_corpus(audformat_corpus.CORPUS, tmp_path).utterances
    assert [(u.id, u.speaker, u.emotion, u.start_seconds, u.end_seconds) for u in utterances] == [
        ("sound/anna_1_0.000-0.050", "anna", "anger", 0, 0.05),
        ("sound/anna_1_0.050-0.100", "anna", "joy", 0.05, 0.1),
        ("sound/bert_1_0.010-end", "bert", "joy", 0.01, None),
    ]


def test_audformat_segments_may_have_speakers_of_their_own(tmp_path):
    database = load_audformat(write_audformat(tmp_path))
    audformat = sys.modules["audformat"]
    index = audformat.segmented_index(["sound/anna_1.wav"] * 2, [0, 0.05], [0.05, 0.1])
    add_table(database, "dialog", index, "emotion", ["anger", "joy"])
    database["dialog"]["speaker"] = audformat.Column(scheme_id="speaker")
    database["dialog"]["speaker"].set(["bert", "anna"])
    database.drop_tables("emotion")
    database.save(str(tmp_path))
    utterances = read_corpus(audformat_corpus.CORPUS, tmp_path).utterances
    assert [utterance.speaker for utterance in utterances] == ["bert", "anna"]


def test_audformat_tables_of_a_split_may_repeat_labels_and_give_the_split(tmp_path):
    database = load_audformat(write_audformat(tmp_path))
    audformat = sys.modules["audformat"]
    for split, file, emotion in (("dev", "sound/anna_1.wav", "anger"), ("test", "sound/bert_1.wav", "joy")):
        database.splits[split] = audformat.Split(split)
        add_table(database, split, audformat.filewise_index([file]), "emotion", [emotion], split_id=split)
    database.save(str(tmp_path))
    utterances = read_corpus(audformat_corpus.CORPUS, tmp_path).utterances
    assert [utterance.split for utterance in utterances] == ["validation", None, "test"]
    database["test"]["emotion"].set(["anger"])
    database.save(str(tmp_path))
    with pytest.raises(ValueError, match=r"bert_1\.wav is 'joy' in table emotion and 'anger' in table test"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)


def test_audformat_without_emotion_or_speaker_lists_what_is_there(tmp_path):
    database = load_audformat(write_audformat(tmp_path))
    database["files"].drop_columns("speaker", inplace=True)
    database.save(str(tmp_path))
    with pytest.raises(ValueError, match=r"no column called 'speaker'.*emotion \(emotion\), files \(no column\)"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)
    database.drop_tables("emotion")
    database.save(str(tmp_path))
    with pytest.raises(ValueError, match=r"no column called 'emotion'.*the tables there are: files \(no column\)"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)


def test_audformat_columns_of_raters_are_not_taken_for_the_emotion(tmp_path):
    database = load_audformat(write_audformat(tmp_path, emotion="rater1"))
    database["emotion"]["rater2"] = sys.modules["audformat"].Column(scheme_id="emotion")
    database.save(str(tmp_path))
    with pytest.raises(ValueError, match=r"emotion \(rater1, rater2\), files \(speaker\)"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)
    database["emotion"]["emotion"] = sys.modules["audformat"].Column(scheme_id="emotion")
    database["emotion"]["emotion"].set(["joy", "joy", "joy"])
    database.save(str(tmp_path))
    assert emotions(read_corpus(audformat_corpus.CORPUS, tmp_path)) == {"joy": 3}


def test_audformat_names_a_missing_sound_and_a_file_without_speaker(tmp_path):
    database = load_audformat(write_audformat(tmp_path))
    database["files"].drop_columns("speaker", inplace=True)
    database["files"]["speaker"] = sys.modules["audformat"].Column(scheme_id="speaker")
    database["files"]["speaker"].set(["anna", None, "bert"])
    database.save(str(tmp_path))
    with pytest.raises(ValueError, match=r"anna_2\.wav: the database has no speaker"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)
    (tmp_path / "sound" / "anna_1.wav").unlink()
    with pytest.raises(FileNotFoundError, match=r"anna_1\.wav: no such file, but table emotion lists it"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)


def test_an_audformat_folder_without_its_header_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no db\.yaml here; name the folder"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)


def test_without_the_package_audformat_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "db.yaml").write_text("name: x\n")
    monkeypatch.setitem(sys.modules, "audformat", None)
    with pytest.raises(ImportError, match=r'pip install "acrnn\[audformat\]"'):
        read_corpus(audformat_corpus.CORPUS, tmp_path)


def load_audformat(data_dir: Path):
    """Returns the database in a folder with its tables."""
    return sys.modules["audformat"].Database.load(str(data_dir), load_data=True)


def add_table(database, table_id: str, index, column: str, values: list, split_id: str | None = None) -> None:
    """Adds a table with one column, whose scheme has the same name, to a database."""
    audformat = sys.modules["audformat"]
    database[table_id] = audformat.Table(index, split_id=split_id)
    database[table_id][column] = audformat.Column(scheme_id=column)
    database[table_id][column].set(values)
