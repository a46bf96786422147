"""Own data: emotions renamed and left out, several tables at once, and the name that the data have."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.corpus_trees import BY_PREFIX, MANIFEST, PARTIAL, emotions, write_emodb, write_folders, write_manifest
from support.tiny_corpus import write_tiny_corpus

from acrnn.errors import FieldError
from acrnn.records import RecordSet
from data_prep.__main__ import main
from data_prep.corpora import CORPORA, emodb, folder, manifest
from data_prep.corpora.base import ReadOptions, read_corpus
from data_prep.corpora.own import named


def test_emotions_are_renamed_merged_and_left_out_before_names_are_compared(tmp_path):
    rows = ("1,sound/anna_1.wav,Joy,anna", "2,sound/anna_2.wav,joy,anna", "3,sound/bert_1.wav,nan,bert")
    table = write_manifest(tmp_path, "\n".join(["id,path,label,speaker", *rows]))
    options = ReadOptions(map_labels={"Joy": "joy"}, drop_labels=("nan",))
    assert emotions(read_corpus(manifest.CORPUS, table, options)) == {"joy": 2}
    with pytest.raises(ValueError, match="emotion 'Joy' of .* and emotion 'joy' of .* differ in writing only"):
        read_corpus(manifest.CORPUS, table, replace(options, map_labels=None))
    with pytest.raises(ValueError, match="its emotion is 'nan'"):
        read_corpus(manifest.CORPUS, table, replace(options, drop_labels=None))


def test_an_emotion_that_nobody_has_cannot_be_renamed_or_left_out(tmp_path):
    table = write_manifest(tmp_path, MANIFEST)
    with pytest.raises(
        FieldError, match="map_labels angry: no utterance has this emotion; the emotions there are anger, joy"
    ):
        read_corpus(manifest.CORPUS, table, ReadOptions(map_labels={"angry": "anger"}))
    with pytest.raises(FieldError, match="drop_labels grief: no utterance has this emotion"):
        read_corpus(manifest.CORPUS, table, ReadOptions(drop_labels=("grief",)))


def test_a_subset_is_renamed_after_its_selection_and_is_no_longer_the_published_one(tmp_path):
    write_emodb(tmp_path, {"anger": 3, "fear": 2, "boredom": 4})
    options = replace(PARTIAL, map_labels={"anger": "negative", "fear": "negative"}, drop_labels=("boredom",))
    selection = read_corpus(emodb.CORPUS, tmp_path, options)
    assert emotions(selection) == {"negative": 5} and not selection.complete
    assert "negative" in selection.labels and not {"anger", "fear", "boredom"} & set(selection.labels)
    assert len(selection.labels) == len(set(selection.labels)) == 5


def test_several_tables_are_one_corpus_whose_equal_speakers_stay_apart(tmp_path):
    first = write_manifest(tmp_path / "a", MANIFEST, "first.csv")
    second = write_manifest(tmp_path / "b", MANIFEST.replace("joy,anna", "grief,anna"), "second.csv")
    selection = read_corpus(manifest.CORPUS, [first, second], ReadOptions(labels=("joy", "grief", "anger")))
    assert selection.labels == ("joy", "grief", "anger")
    assert {u.speaker for u in selection.utterances} == {"first:anna", "first:bert", "second:anna", "second:bert"}
    assert {u.session for u in selection.utterances} == {u.speaker for u in selection.utterances}
    assert len(selection.utterances) == len({u.id for u in selection.utterances}) == 6


def test_speakers_of_each_table_are_compared_and_tables_with_one_name_refused(tmp_path):
    first = write_manifest(tmp_path / "a", MANIFEST, "first.csv")
    second = write_manifest(tmp_path / "b", MANIFEST.replace("joy,anna", "joy,Anna"), "second.csv")
    with pytest.raises(ValueError, match=r"speaker 'anna' of .*second\.csv, line 2 and speaker 'Anna' of .* line 3"):
        read_corpus(manifest.CORPUS, [first, second])
    again = write_manifest(tmp_path / "b", MANIFEST, "first.csv")
    with pytest.raises(FieldError, match="two of them have one name.*rename one"):
        read_corpus(manifest.CORPUS, [first, again])


@pytest.mark.parametrize(
    ("corpus", "place", "name"),
    [
        (manifest.CORPUS, "data/words.csv", "words"),
        (manifest.CORPUS, "data/manifest.csv", "data"),
        (manifest.CORPUS, "data", "data"),
        (folder.CORPUS, "emodb", "emodb-folder"),
    ],
)
def test_own_data_have_the_name_of_their_table_or_folder(corpus, place, name, tmp_path):
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.touch() if path.suffix else path.mkdir()
    found = named(corpus, [path], ReadOptions(), CORPORA)
    assert (found.name, found.title, found.reader, found.licence) == (name, name, corpus.name, corpus.licence)


@pytest.mark.parametrize("name", ["emodb", "a/b", ".hidden", ""])
def test_a_name_of_a_published_corpus_or_one_that_is_no_folder_is_refused(name, tmp_path):
    with pytest.raises(FieldError, match="name"):
        named(folder.CORPUS, [tmp_path], ReadOptions(name=name), CORPORA)


def test_a_published_corpus_keeps_its_name(tmp_path):
    assert named(emodb.CORPUS, [tmp_path], ReadOptions(), CORPORA) is emodb.CORPUS
    with pytest.raises(FieldError, match="name mine: the corpus 'emodb' does not take it"):
        read_corpus(emodb.CORPUS, tmp_path, ReadOptions(name="mine"))


def test_the_command_line_reads_two_tables_and_writes_their_facts_to_the_manifest(tmp_path):
    first, second = (write_tiny_corpus(tmp_path / name, speakers) for name, speakers in (("a", 2), ("b", 1)))
    (second / "manifest.csv").rename(second / "other.csv")
    for path in second.glob("*.wav"):  # other recordings, so that no sound is there twice
        path.write_bytes((tmp_path / "a" / path.name.replace("s0", "s1")).read_bytes())
    (first / "manifest.csv").write_text(
        "\n".join(line for line in (first / "manifest.csv").read_text().splitlines() if not line.endswith("s1"))
    )
    out = tmp_path / "records"
    options = ["--data-dir", str(first), "--data-dir", str(second / "other.csv"), "--out", str(out), "--jobs", "1"]
    facts = ["--licence", "CC0", "--cite", "A. Author: Mine. 2026", "--map-labels", "high=loud,low=quiet"]
    assert main(["manifest", *options, *facts, "--drop-labels", "noisy"]) == 0
    record_set = RecordSet(out)
    assert record_set.manifest.labels == ("loud", "quiet")
    assert {row.speaker for row in record_set.utterances} == {"a:s0", "other:s0"}
    assert {row.path for row in record_set.utterances} >= {"a/s0_high_0.wav", "b/s0_low_1.wav"}
    corpus = json.loads((out / "manifest.json").read_text())["corpus"]
    assert corpus["name"] == corpus["title"] == "a+other" and corpus["reader"] == "manifest"
    assert (corpus["licence"], corpus["citation"]) == ("CC0", "A. Author: Mine. 2026")


def test_a_published_corpus_has_one_folder(tmp_path, capsys):
    places = ["--data-dir", str(tmp_path), "--data-dir", str(tmp_path)]
    assert main(["emodb", *places, "--out", str(tmp_path / "records")]) == 2
    assert "the corpus 'emodb' is one folder; give one" in capsys.readouterr().err


def test_columns_on_the_command_line_are_pairs(tmp_path, capsys):
    table = write_manifest(tmp_path, MANIFEST.replace("label", "emotion"))
    options = ["manifest", "--data-dir", str(table), "--out", str(tmp_path / "records"), "--jobs", "1"]
    with pytest.raises(SystemExit):
        main([*options, "--column", "label"])
    assert "'label' is not a pair such as label=emotion" in capsys.readouterr().err
    assert main([*options, "--column", "label=mood"]) == 2
    assert "error: --column label=mood: " in capsys.readouterr().err


def test_the_reader_of_a_folder_keeps_its_options(tmp_path):
    options = replace(BY_PREFIX, drop_labels=("anger",), name="mine")
    assert emotions(read_corpus(folder.CORPUS, write_folders(tmp_path), options)) == {"joy": 2}
