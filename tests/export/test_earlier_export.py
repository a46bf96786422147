"""An exported model is exported again: with the same weights, card and vocabulary, in other formats."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from support.exports import sharp, sounds
from support.networks import texts

from acrnn.cli import main
from acrnn.export import earlier_export, version_folder
from acrnn.inference import Recognizer
from acrnn.model_card import CARD, Card

FIGURES = ({"corpus": "Other", "emotions": ["fear"], "speakers": 2, "utterances": 9, "results": []},)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """The SavedModel of a network, with figures on its card that no experiment can give; to be read only."""
    out = tmp_path_factory.mktemp("models") / "mine" / "1"
    version_folder.export(sharp("chen2018-3d"), out)
    replace(Card.read(out), evaluations=FIGURES).write(out)
    return out


def test_weights_and_card_are_kept_in_another_format(earlier, capsys):
    out = earlier.with_name("2")
    command = ["export", "--model", str(earlier), "--out", str(out), "--format", "saved-model,onnx"]
    assert main(command) == 0
    before, after = Card.read(earlier), Card.read(out)
    assert after.evaluations == FIGURES and after.identity == before.identity
    assert set(after.formats) == {"saved-model", "onnx"} and main(["check", str(out)]) == 0
    expected = Recognizer.load(earlier, "saved-model", check_speech=False).predict(sounds()[4], 16000)
    assert np.ptp(list(expected.probabilities.values())) > 0.3  # otherwise random weights would do as well
    for runtime in ("saved-model", "onnx"):
        prediction = Recognizer.load(out, runtime, check_speech=False).predict(sounds()[4], 16000)
        np.testing.assert_allclose(
            list(prediction.probabilities.values()), list(expected.probabilities.values()), atol=1e-5
        )


def test_the_vocabulary_of_a_network_with_texts_is_kept(tmp_path):
    out = tmp_path / "both" / "1"
    trained = sharp("peng2021-bimodal")
    version_folder.export(trained, out)
    again, _ = earlier_export.read(out)
    assert version_folder.words_of(again) == version_folder.words_of(trained) != ()
    inputs = [{"text": text} for text in texts(2)]
    expected = trained.posteriors(sounds()[3:5], inputs)
    np.testing.assert_allclose(again.posteriors(sounds()[3:5], inputs), expected, atol=1e-6)


def test_weights_that_do_not_fit_the_card_are_refused(earlier, tmp_path):
    folder = shutil.copytree(earlier, tmp_path / "mine" / "1")
    card = Card.read(folder)
    replace(card, network={**card.network, "dense_units": card.network["dense_units"] + 1}).write(folder)
    with pytest.raises(ValueError, match="its weights do not fit the network on its card; export the run again"):
        earlier_export.read(folder)


def test_a_model_without_a_saved_model_is_refused(earlier, tmp_path, capsys):
    folder = tmp_path / "mine" / "1"
    (folder / CARD.parent).mkdir(parents=True)
    shutil.copy(earlier / CARD, folder / CARD)
    assert main(["export", "--model", str(folder), "--out", str(tmp_path / "mine" / "2")]) == 1
    assert f"{folder}: has no SavedModel, whose weights are exported again" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--fold", "0"], ["--refit"]])
def test_options_of_an_experiment_do_not_go_with_a_model(earlier, option, tmp_path, capsys):
    assert main(["export", "--model", str(earlier), "--out", str(tmp_path / "m" / "2"), *option]) == 2
    assert f"{option[0]}: it goes with --run only" in capsys.readouterr().err
