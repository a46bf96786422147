"""Auxiliary inputs: real files of Kaldi, GloVe and recognizers, from the command line into the records."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.auxiliary_files import GLOVE, embeddings, ids, prepare, write_kaldi

from acrnn.crossval import Experiment, cross_validate
from acrnn.errors import FieldError
from acrnn.recipes import PENG2021
from acrnn.records import RecordSet
from data_prep.auxiliary_inputs import NoTextsError, Sources, gather
from data_prep.corpora.base import Selection

SMALL = {"filters": 4, "dense_units": 8, "audio_kernels": (3,), "text_kernels": (2,)}


def test_records_without_auxiliary_inputs_have_no_entry_for_them(corpus, tmp_path):
    assert prepare(corpus, tmp_path / "plain") == 0
    assert "companions" not in json.loads((tmp_path / "plain" / "manifest.json").read_text())


def test_kaldi_glove_and_a_transcript_file_go_into_the_records_with_their_origin(corpus, tmp_path, capsys):
    write_kaldi(tmp_path, embeddings())
    (tmp_path / "glove.txt").write_text(GLOVE)
    recognized = "\n".join(
        f"{name} A 0.{n} 0.1 {word}" for name in ids()[1:] for n, word in enumerate(["i", "do", "say", "high"])
    )
    (tmp_path / "asr.ctm").write_text(recognized)
    out = tmp_path / "records"
    options = ["--transcripts", "asr.ctm", "--speaker-embeddings", "x.scp", "--word-vectors", "glove.txt"]
    options = [part if part.startswith("--") else str(tmp_path / part) for part in options]
    assert prepare(corpus, out, *options) == 0
    output = capsys.readouterr().out
    assert "word vectors: glove.txt has 2 of 4 words" in output
    assert "0 of 18 are empty, 1 have none and do not count in the rate" in output
    record_set = RecordSet(out)
    entries = record_set.manifest.auxiliary_inputs
    # six words against "i do say high": n't and 0 are missing, and other emotions changed; the first is not in the file
    assert entries["transcripts"]["word_error_rate"] == pytest.approx((5 * 2 + 12 * 3) / (17 * 6), abs=1e-4)
    assert entries["transcripts"]["origin"].startswith("asr.ctm")
    assert [entries["transcripts"][name] for name in ("compared", "empty", "missing")] == [17, 0, 1]
    assert record_set.manifest.speaker_embedding_size == 5
    inputs = record_set.auxiliary_inputs
    assert inputs.texts[1] == "i do say high" and inputs.texts[0] == ""
    np.testing.assert_array_equal(inputs.speaker_embeddings[3], embeddings()[record_set.utterances[3].id])
    assert set(inputs.word_vectors) == {"say", "high"} and inputs.word_vectors["say"].tolist() == [
        -1,
        np.float32(0.2),
        3.5,
    ]
    assert prepare(corpus, out, *options) == 0  # finished: nothing to do
    assert prepare(corpus, out) == 1
    assert "holds finished records of other recordings or settings" in capsys.readouterr().err


def test_copies_at_other_speeds_have_the_text_and_the_embedding_of_their_utterance(corpus, tmp_path):
    np.savez(tmp_path / "x.npz", **embeddings())
    out = tmp_path / "records"
    assert prepare(corpus, out, "--speaker-embeddings", str(tmp_path / "x.npz"), "--speeds", "0.9,1.0") == 0
    record_set = RecordSet(out)
    copies = {row.copy_of: place for place, row in enumerate(record_set.utterances) if row.copy_of}
    assert sorted(copies) == sorted(ids())
    places = {row.id: place for place, row in enumerate(record_set.utterances)}
    for name, copy in copies.items():
        assert record_set.auxiliary_inputs.texts[copy] == record_set.auxiliary_inputs.texts[places[name]] != ""
        for place in (copy, places[name]):
            np.testing.assert_array_equal(record_set.auxiliary_inputs.speaker_embeddings[place], embeddings()[name])
    experiment = Experiment(out, "peng2021-bimodal", replace(PENG2021, epochs=1, batch_size=8), options=SMALL)
    found = cross_validate(
        replace(experiment, save_models=False), tmp_path / "out", folds=[0], announce=lambda line: None
    )
    assert found.settings.network_fields["speaker_embedding_size"] == 5 and len(found.runs) == 1


def test_a_damaged_table_is_refused_before_it_is_used(corpus, tmp_path):
    np.savez(tmp_path / "x.npz", **embeddings())
    assert prepare(corpus, tmp_path / "records", "--speaker-embeddings", str(tmp_path / "x.npz")) == 0
    record_set = RecordSet(tmp_path / "records")
    path = record_set.folder / "speaker_embeddings.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(
        ValueError, match=r"speaker_embeddings\.npz: missing or changed since the records were made.*delete"
    ):
        record_set.auxiliary_inputs  # noqa: B018


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--asr-model", "x"], "--asr-model x: a model is used with asr only"),
        (["--asr", "faster-whisper", "--asr-model", "nowhere"], "--asr-model nowhere: name the folder"),
        (["--asr", "pocketsphinx", "--asr-language", "de"], "--asr-language de: pocketsphinx includes English only"),
        (["--asr", "pocketsphinx", "--asr-model", "."], r"--asr-model .: it has \d of"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(options, message, corpus, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert prepare(corpus, tmp_path / "records", *options) == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_caller_in_python_sees_the_field_that_does_not_fit(tmp_path):
    with pytest.raises(FieldError, match="^asr_model x: a model is used with asr only"):
        gather(Selection((), ("high", "low")), Sources(asr_model=Path("x")), tmp_path)
    with pytest.raises(NoTextsError, match="^word_vectors glove.txt: the utterances have no texts"):
        gather(Selection((), ("high", "low")), Sources(word_vectors=Path("glove.txt")), tmp_path)


@pytest.mark.parametrize(
    ("module", "options", "extra"),
    [
        ("pocketsphinx", ["--asr", "pocketsphinx"], "pocketsphinx"),
        ("kaldiio", ["--speaker-embeddings", "x.ark"], "kaldi"),
        ("onnxruntime", ["--speaker-model", "x.ark"], "onnx-runtime"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(module, options, extra, corpus, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.ark").touch()
    monkeypatch.setitem(sys.modules, module, None)
    assert prepare(corpus, tmp_path / "records", *options) == 1
    assert f'pip install "acrnn[{extra}]"' in capsys.readouterr().err
