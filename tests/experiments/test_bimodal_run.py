"""An experiment with text and speakers, from the corpus to a prediction; a corpus without texts is refused."""

import json

import numpy as np
from support.auxiliary_files import GLOVE, QUICK, embeddings, prepare, without_texts
from support.tiny_corpus import write_tiny_corpus

from acrnn.audio import load_waveform
from acrnn.cli import main as acrnn_main
from acrnn.export import version_folder
from acrnn.export.trained_model import TrainedModel
from experiments import run_cv


def test_an_experiment_with_text_and_speakers_leads_to_a_prediction(tmp_path, capsys):
    """Records, one fold of the whole system, export, and predictions on the command line."""
    corpus = write_tiny_corpus(tmp_path / "corpus", speakers=3)
    np.savez(tmp_path / "x.npz", **embeddings())
    (tmp_path / "glove.txt").write_text(GLOVE)
    shared = ["--dataset", "manifest", "--records", str(tmp_path / "records"), "--output-dir", str(tmp_path / "out")]
    auxiliary = ["--speaker-embeddings", str(tmp_path / "x.npz"), "--word-vectors", str(tmp_path / "glove.txt")]
    command = [*shared, "--data-dir", str(corpus), "--model", "peng2021-bimodal-att", *auxiliary, *QUICK]
    assert run_cv.main(command) == 0
    settings = json.loads((tmp_path / "out" / "results.json").read_text())["settings"]
    assert settings["network"]["speaker_embedding_size"] == 5 and settings["network"]["embedding_size"] == 3
    assert settings["companions"]["word_vectors"]["origin"] == "glove.txt"
    trained = TrainedModel.of_run(tmp_path / "out", 0)
    assert trained.auxiliary_inputs == ("text", "speaker_embedding")
    version_folder.export(trained, tmp_path / "model" / "1", ("onnx",))
    assert (tmp_path / "model" / "1" / "assets.extra" / "words.txt").read_text().splitlines()[0] in ("do", "i")
    capsys.readouterr()
    sound, model = str(corpus / "s0_high_0.wav"), ["--model", str(tmp_path / "model")]
    predict = ["predict", sound, *model, "--json", "--text", "I don't say high 0"]
    assert acrnn_main([*predict, "--speaker-embeddings", str(tmp_path / "x.npz")]) == 0
    answer = json.loads(capsys.readouterr().out)
    inputs = [{"text": "I don't say high 0", "speaker_embedding": embeddings()["s0_high_0"]}]
    expected = trained.posteriors([load_waveform(sound, 16000)], inputs)[0]
    np.testing.assert_allclose(list(answer["probabilities"].values()), expected, atol=1e-4)
    assert acrnn_main(predict) == 1
    assert "the model takes speaker embedding too; pass speaker_embedding=" in capsys.readouterr().err
    assert acrnn_main(["predict", sound, sound, *model, "--text", "x"]) == 2
    assert "--text: one text for 2 files; use --transcripts FILE" in capsys.readouterr().err
    assert acrnn_main(["predict", sound, "--text", "x"]) == 1
    assert "text is given, and the model does not take it; leave it out" in capsys.readouterr().err


def test_records_without_texts_are_refused_by_a_system_that_takes_text(tmp_path, capsys):
    corpus = without_texts(tmp_path / "corpus", speakers=1)
    assert prepare(corpus, tmp_path / "records") == 0
    shared = ["--dataset", "manifest", "--records", str(tmp_path / "records"), "--output-dir", str(tmp_path / "out")]
    assert run_cv.main([*shared, "--model", "peng2021-text"]) == 1
    assert "no utterance has a text, and MSCNN-SPU, text alone" in capsys.readouterr().err
