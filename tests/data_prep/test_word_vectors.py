"""Word vectors: read from text files of GloVe and word2vec, and only once."""

import numpy as np
import pytest
from support.auxiliary_files import GLOVE, prepare, without_texts

from data_prep import word_vectors


def test_the_vectors_of_the_words_are_read_and_no_others(tmp_path):
    (tmp_path / "glove.txt").write_text(GLOVE)
    vectors = word_vectors.read(tmp_path / "glove.txt", {"say", ".", "n't", "unseen"})
    assert {word: vector.tolist() for word, vector in vectors.items()} == {
        "say": [-1, np.float32(0.2), 3.5],
        "n't": [7, 8, 9],
    }
    (tmp_path / "w2v.txt").write_text("2 3\n" + GLOVE)
    assert word_vectors.read(tmp_path / "w2v.txt", {"high"})["high"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hello\n", r"line 1: b'hello\\n' is not a word and its values"),
        ("the 1 2\nsay 1 x\n", "line 2: could not convert"),
        ("der 1 2\n", r"has none of the 1 words; give vectors of the texts' language"),
    ],
)
def test_a_file_without_word_vectors_is_named_with_the_line(content, message, tmp_path):
    (tmp_path / "glove.txt").write_text(content)
    with pytest.raises(ValueError, match=message):
        word_vectors.read(tmp_path / "glove.txt", {"say"})


def test_vectors_of_the_same_file_and_words_are_not_read_again(corpus, tmp_path, monkeypatch):
    (tmp_path / "glove.txt").write_text(GLOVE)
    options = ["--word-vectors", str(tmp_path / "glove.txt")]
    assert prepare(corpus, tmp_path / "records", *options) == 0
    monkeypatch.setattr(word_vectors, "read", lambda *arguments: pytest.fail("it was read again"))
    assert prepare(corpus, tmp_path / "records", *options) == 0


def test_word_vectors_without_any_text_are_wrong_usage(tmp_path, capsys):
    corpus = without_texts(tmp_path / "corpus", speakers=1)
    assert prepare(corpus, tmp_path / "records", "--word-vectors", str(tmp_path / "glove.txt")) == 2
    assert "glove.txt: the utterances have no texts; give some with transcripts or asr" in capsys.readouterr().err
