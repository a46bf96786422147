"""The tables of Peng et al. (2021) as a script writes them, from a corpus with texts and from one without."""

import json

from support.auxiliary_files import GLOVE, QUICK, ids, without_texts
from support.tiny_corpus import write_tiny_corpus

from acrnn.records import RecordSet
from experiments import peng2021_tables


def test_the_tables_are_in_one_file_with_the_origin_of_their_inputs(tmp_path, monkeypatch):
    corpus = write_tiny_corpus(tmp_path / "corpus", speakers=3)
    monkeypatch.setattr(peng2021_tables, "ABLATION", {"spu-no-swem": peng2021_tables.ABLATION["spu-no-swem"]})
    monkeypatch.setattr(peng2021_tables, "TRUTH", {"text": peng2021_tables.TRUTH["text"]})
    monkeypatch.setattr(peng2021_tables, "RECOGNIZED", {"asr-text": peng2021_tables.TRUTH["text"]})
    monkeypatch.setattr(peng2021_tables, "SPEECH", {"audio-xvector": peng2021_tables.SPEECH["audio-xvector"]})
    (tmp_path / "asr.json").write_text(json.dumps(dict.fromkeys(ids(), "i do n't say")))
    options = ["--records", str(tmp_path / "records"), "--output-dir", str(tmp_path / "out"), "--no-models"]
    command = ["--dataset", "manifest", "--data-dir", str(corpus), "--transcripts", str(tmp_path / "asr.json")]
    assert peng2021_tables.main([*command, *options, *QUICK]) == 0
    text = (tmp_path / "out" / "tables.md").read_text()
    assert "no x-vectors were given" in text and "no word vectors were given" in text
    assert "recognized texts: asr.json" in text and "word error rate" in text
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ") and "folds × 1 seed" in line]
    assert rows == ["| Text-CNN", "| Text-CNN", "| w/o text SWEM"]
    assert peng2021_tables.main([*command, *options, "--tables-only"]) == 0


def test_the_tables_of_a_corpus_without_texts_have_speech_and_recognized_texts(tmp_path, monkeypatch):
    corpus = without_texts(tmp_path / "corpus", speakers=3)
    monkeypatch.setattr(peng2021_tables, "RECOGNIZED", {"asr-text": peng2021_tables.TRUTH["text"]})
    (tmp_path / "asr.json").write_text(json.dumps(dict.fromkeys(ids(), "i do n't say")))
    (tmp_path / "glove.txt").write_text(GLOVE)
    options = ["--records", str(tmp_path / "records"), "--output-dir", str(tmp_path / "out"), "--no-models"]
    command = ["--dataset", "manifest", "--data-dir", str(corpus), "--transcripts", str(tmp_path / "asr.json")]
    assert peng2021_tables.main([*command, "--word-vectors", str(tmp_path / "glove.txt"), *options, *QUICK]) == 0
    text = (tmp_path / "out" / "tables.md").read_text()
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ") and "folds × 1 seed" in line]
    assert rows == ["| Audio-CNN", "| Text-CNN"]
    assert "the corpus has no texts: the rows that need them, and Table 2, are left out" in text
    assert "word vectors: glove.txt" in text and "word error rate unknown" in text
    assert set(RecordSet(tmp_path / "records").manifest.auxiliary_inputs) == set()
    assert "word_vectors" in RecordSet(tmp_path / "records-asr").manifest.auxiliary_inputs
    assert peng2021_tables.main([*command, *options, "--tables-only"]) == 0
    assert (tmp_path / "out" / "tables.md").read_text() == text
