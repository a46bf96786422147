"""Text: words in Python and in the graph, vocabularies, word vectors, transcript files, word error rate."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from acrnn.text import in_graph, tokens, transcripts
from acrnn.text.embedding import WordEmbedding, embedding_of
from acrnn.text.vocabulary import Vocabulary
from acrnn.training.state import copy_state
from data_prep.transcripts.error_rate import edits, word_error_rate

TEXTS = [
    "I don't know!",
    "[LAUGHTER] You know what, I'm sick -- and TIRED of it...",
    "it's Anna’s; we'll, they've, you're, he'd",
    "'quoted' 'til o'clock rock'n'roll ' '",
    "Über die Größe, ÄÖÜ ß école naïve",
    "under_score 1,000.5 3rd snake_case",
    "",
    " \t\n ",
    "... !?",
    "日本 語 и по-русски",
    "don't can't won't isn't 'n't",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't KNOW!", ["i", "do", "n't", "know"]),
        ("[LAUGHTER] It's 'fine', we'll see.", ["laughter", "it", "'s", "fine", "we", "'ll", "see"]),
        ("Größe_2 – o’clock", ["größe", "2", "o'clock"]),
        ("...", []),
    ],
)
def test_texts_are_split_into_words_of_glove(text, expected):
    assert tokens.words(text) == expected


def test_the_tokenizer_in_the_graph_returns_the_same_words_and_ids():
    split = in_graph.words(tf.constant(TEXTS))
    assert [[word.decode() for word in row] for row in split.to_list()] == [tokens.words(text) for text in TEXTS]
    vocabulary = Vocabulary.fit(TEXTS[:6], 12)
    for batch in (TEXTS, TEXTS[6:7], ["unheard"]):
        expected, counts = vocabulary.ids(batch)
        ids, num_words = in_graph.Tokenizer(vocabulary)(tf.constant(batch))
        np.testing.assert_array_equal(ids, expected)
        np.testing.assert_array_equal(num_words, counts)


def test_in_the_graph_of_an_empty_vocabulary_every_word_is_unknown():
    ids, _ = in_graph.Tokenizer(Vocabulary())(tf.constant(["a b", ""]))
    assert ids.numpy().tolist() == [[0, 0], [0, 0]]


def test_a_vocabulary_holds_the_most_frequent_words_in_a_fixed_order():
    texts = ["b a a", "c b a", "rare"]
    assert Vocabulary.fit(texts, 9).words == ("a", "b", "c", "rare")
    assert Vocabulary.fit(texts, 2).words == ("a", "b")
    assert Vocabulary.fit(texts, 9, min_count=2).words == ("a", "b")


def test_ids_are_padded_with_zeros_and_an_empty_text_is_one_unknown_word():
    ids, counts = Vocabulary(("a", "b")).ids(["b a x", "", "a"])
    assert ids.tolist() == [[2, 1, 0], [0, 0, 0], [1, 0, 0]]
    assert counts.tolist() == [3, 1, 1]


def test_an_embedding_adopts_pretrained_vectors_and_keeps_other_rows():
    layer = WordEmbedding(6, 3)
    layer.build(None)
    before = np.array(layer.table)
    layer.adopt(Vocabulary(("a", "b")), {"b": np.array([1, 2, 3]), "z": np.ones(3)})
    after = np.array(layer.table)
    assert after[0].tolist() == [0, 0, 0] and after[2].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(after[[1, 3, 4, 5]], before[[1, 3, 4, 5]])


def test_a_network_keeps_its_words_when_it_is_saved_and_when_it_is_copied(tmp_path):
    def build():
        words = keras.Input((None,), dtype="int32")
        return keras.Model(words, WordEmbedding(6, 3, name="words")(words))

    model = build()
    embedding_of(model).adopt(Vocabulary(("größe", "n't")))
    model.save(tmp_path / "words.keras")
    loaded = keras.saving.load_model(tmp_path / "words.keras", safe_mode=True)
    copied = build()
    copy_state(loaded, copied)
    assert embedding_of(copied).vocabulary.words == ("größe", "n't")
    np.testing.assert_array_equal(np.array(embedding_of(copied).table), np.array(embedding_of(model).table))


FILES = {
    "a.csv": "utterance,speaker,transcript\nu1,x,Hello there\nu2,y,\n",
    "b.csv": "\ufeffid;text\nu1;Hello there\nu2;\n",
    "c.tsv": "file\ttext\nu1\tHello  there\nu2\t\n",
    "d.json": json.dumps({"u1": "Hello there", "u2": ""}),
    "e.json": json.dumps([{"id": "u1", "text": "Hello there"}, {"id": "u2", "text": ""}]),
    "f.jsonl": '{"id": "u1", "text": "Hello there"}\n\n{"id": "u2", "text": ""}\n',
    "null.json": '{"u1": "Hello there", "u2": null}',
    "nulls.json": '[{"id": "u1", "text": "Hello there"}, {"id": "u2", "text": null, "confidence": 0.3}]',
    "separator.jsonl": '{"id": "u1", "text": "Hello\u2028there"}\r\n{"id": "u2", "text": null}',
    "g.ctm": ";; made by hand\nu1 A 0.90 0.2 there 0.8\nu1 A 0.10 0.5 Hello\nu2 1 0 0.1 \u00f6 1\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_transcript_file_of_every_kind_is_read(name, tmp_path):
    (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    assert transcripts.read(tmp_path / name) == {"u1": "Hello there", "u2": "ö" if name == "g.ctm" else ""}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "u1 hello", r"a\.txt: not the name of a transcript file; it must end with \.csv"),
        ("a.csv", "name,text\nx,y\n", "a.csv: line 2: it has no id"),
        ("a.csv", "id,text\nu1,a\nu1,b\n", "a.csv: line 3: 'u1' occurs twice"),
        ("a.json", '{"u1": "a", "u1": "b"}', "a.json: 'u1' occurs twice"),
        ("a.csv", "id,text\n", "a.csv: contains no transcript"),
        ("a.json", "{", "a.json: Expecting property name"),
        ("a.json", '["hello"]', "neither an object"),
        ("a.json", '{"u1": ["a"]}', r'a.json: entry u1: \["a"\] is not a string; write the text in quotes'),
        ("a.json", '{"u1": 3}', "a.json: entry u1: 3 is not a string"),
        ("a.json", '[{"id": "u1", "text": {"words": []}}]', r'entry 1, text: {"words": \[\]} is not a string'),
        ("a.json", '[{"id": null, "text": "x"}]', "a.json: entry 1: it has no id"),
        ("a.csv", "id,text\nu1\n", "a.csv: line 2: it has no text"),
        ("a.ctm", "u1 A 0.9\n", "a.ctm: line 1: 'u1 A 0.9' is not a CTM line"),
    ],
)
def test_errors_in_transcript_files_name_file_and_place(name, content, message, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        transcripts.read(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="nowhere.csv: no such file"):
        transcripts.read(tmp_path / "nowhere.csv")


def test_edits_are_the_fewest_insertions_deletions_and_substitutions():
    assert edits(["the", "cat", "sat", "down"], ["the", "cat", "sat", "down"]) == 0
    assert edits(["the", "cat", "sat", "down"], ["a", "cat", "down", "there"]) == 3
    assert edits(["a", "b"], ["a", "x", "b"]) == 1 and edits(["a", "x", "b"], ["a", "b"]) == 1
    assert edits([], ["a", "b"]) == 2 and edits(["a", "b"], []) == 2


def test_the_word_error_rate_pools_all_texts_and_ignores_case_and_punctuation():
    pairs = [("I don't know.", "i don't know"), ("Yes", "No"), ("", "oh")]
    assert word_error_rate(pairs) == pytest.approx(2 / 5)
    assert word_error_rate([("", "")]) is None
