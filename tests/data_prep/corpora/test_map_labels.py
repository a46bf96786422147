"""Renaming of emotions: the option's text, corpora with and without published counts, names that do not occur."""

from __future__ import annotations

import argparse

import pytest
from support.corpus_trees import MANIFEST, emotions, write_manifest, write_ravdess

from acrnn.errors import FieldError
from data_prep.arguments import label_map
from data_prep.corpora import CORPORA
from data_prep.corpora.base import ReadOptions, read_corpus


def test_the_option_is_a_list_of_pairs():
    assert label_map("joy=happiness") == {"joy": "happiness"}
    assert label_map("05=anger, 06 = fear of death") == {"05": "anger", "06": "fear of death"}


@pytest.mark.parametrize("text", ["", "joy", "joy=", "=joy", "a=b=c", "a=b,", "a=b,a=c"])
def test_another_text_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is not a list such as joy=happiness"):
        label_map(text)


def test_the_emotions_of_a_table_are_renamed_before_the_labels_are_chosen(tmp_path):
    table = write_manifest(tmp_path, MANIFEST)
    options = ReadOptions(map_labels={"joy": "happiness"}, labels=("happiness", "anger"))
    selection = read_corpus(CORPORA["manifest"], table, options)
    assert selection.labels == ("happiness", "anger") and emotions(selection) == {"anger": 1, "happiness": 2}


def test_one_spelling_can_be_made_of_two(tmp_path):
    table = write_manifest(tmp_path, MANIFEST.replace("joy,bert", "Joy,bert"))
    with pytest.raises(ValueError, match="differ in writing only"):
        read_corpus(CORPORA["manifest"], table)
    assert read_corpus(CORPORA["manifest"], table, ReadOptions(map_labels={"Joy": "joy"})).labels == ("anger", "joy")


def test_a_published_corpus_is_counted_first_and_then_renamed(tmp_path):
    write_ravdess(tmp_path)
    selection = read_corpus(CORPORA["ravdess"], tmp_path, ReadOptions(map_labels={"calm": "neutral"}))
    assert not selection.complete and emotions(selection)["neutral"] == 96 + 192
    assert selection.labels == ("anger", "neutral", "disgust", "fear", "happiness", "sadness", "surprise")


@pytest.mark.parametrize(
    ("name", "write"), [("manifest", lambda path: write_manifest(path, MANIFEST)), ("ravdess", None)]
)
def test_an_emotion_that_does_not_occur_is_refused_with_those_that_do(name, write, tmp_path):
    data_dir = write(tmp_path) if write else write_ravdess(tmp_path, ("01",))
    options = ReadOptions(map_labels={"joyful": "joy", "anger": "rage"}, allow_partial=True)
    with pytest.raises(FieldError, match="map_labels joyful: no utterance has this emotion; the emotions there are "):
        read_corpus(CORPORA[name], data_dir, options)
