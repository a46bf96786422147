"""Version folders: an experiment becomes a model with its card; damaged and wrong ones are refused."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn.cli import main
from acrnn.crossval import Experiment, Prepared
from acrnn.crossval.claim import claimed
from acrnn.crossval.settings import Settings
from acrnn.errors import UsageError
from acrnn.export import saved_model, training_sounds, version_folder
from acrnn.export.refit import refit
from acrnn.export.trained_model import TrainedModel, load_network
from acrnn.export.training_sounds import of_earlier
from acrnn.inference import Recognizer
from acrnn.model_card import CARD, FORMATS, Card
from acrnn.recipes import Recipe
from acrnn.records.record_set import RecordSet


def test_an_export_says_what_it_needs_where_another_backend_is_set_or_tensorflow_is_missing(
    run_folder, tmp_path, monkeypatch, capsys
):
    command = ["export", "--run", str(run_folder), "--out", str(tmp_path / "1")]
    with monkeypatch.context() as patch:
        patch.setattr(keras.backend, "backend", lambda: "jax")
        assert main(command) == 2
    assert "the Keras backend is jax, and an export needs tensorflow: unset" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert main(command) == 1
    assert capsys.readouterr().err.startswith("error: TensorFlow is missing (")
    assert not (tmp_path / "1").exists()


def test_a_run_becomes_a_model_with_a_card_by_the_command_line(run_folder, tmp_path, capsys):
    out = tmp_path / "tiny" / "1"
    assert main(["export", "--run", str(run_folder), "--fold", "1", "--out", str(out), "--format", "onnx"]) == 0
    card = Card.read(out)
    run = json.loads((run_folder / "runs" / "fold01_seed0.json").read_text())
    assert card.name == "tiny" and card.system == "chen2018-3d"
    assert card.fitted_on == {"fold": 1, "seed": 0, "speakers": run["train_speakers"], "epochs": run["best_epoch"]}
    results = json.loads((run_folder / "results.json").read_text())["overall"]
    assert card.estimate["uar_pooled"] == results["uar_pooled"]
    page = (out / "README.md").read_text()
    assert f"{100 * results['uar_pooled']:.1f} %" in page and "high, low, noisy" in page
    assert "The runs used changed recipe and the changed network" in page and "trained on all speakers" not in page
    assert "emotions high, low, noisy" in capsys.readouterr().out


def test_a_network_trained_in_bfloat16_is_exported_in_float32(run_folder):
    trained = TrainedModel.of_run(run_folder, 0)
    assert {layer.compute_dtype for layer in trained.model.layers} <= {"float32", "int32"}
    kept = load_network(run_folder / "runs" / "fold00_seed0.keras", "chen2018-3d")
    for ours, theirs in zip(trained.model.get_weights(), kept.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_card_of_a_network_of_several_speeds_names_them(run_folder):
    trained = TrainedModel.of_run(run_folder, 0)
    for speeds, named in (((0.9, 1.0), [0.9, 1.0]), ((1.0,), None), (None, None)):
        settings = replace(trained.settings, speeds=speeds)
        origin = TrainedModel.of_network(trained.model, settings, trained.origin).origin
        assert origin.get("speeds") == named and "speeds" not in trained.origin
        card = version_folder.card_of(replace(trained, origin=origin), "tiny", None, ["saved-model"])
        assert Card.from_dict(card.to_dict()).fitted_on.get("speeds") == named


def test_a_refit_trains_on_all_speakers_for_the_median_of_the_best_epochs(run_folder, tiny_records, tmp_path):
    out = tmp_path / "tiny" / "3"
    command = ["export", "--run", str(run_folder), "--refit", "--records", str(tiny_records), "--out", str(out)]
    assert main([*command, "--format", "onnx"]) == 0
    chosen = [run["best_epoch"] for run in json.loads((run_folder / "results.json").read_text())["runs"]]
    card = Card.read(out)
    assert card.fitted_on == {"speakers": [f"s{n}" for n in range(5)], "epochs": round(np.median(chosen)), "seed": 0}
    assert "trained on all speakers" in (out / "README.md").read_text()
    sounds = RecordSet(tiny_records).sounds.sha256
    assert card.training_sounds.found(sounds) == list(sounds) and card.training_sounds.count == len(sounds)


def test_the_card_of_a_run_has_the_sounds_of_its_training_speakers_alone(run_folder, tiny_records, tmp_path):
    trained = TrainedModel.of_run(run_folder, 0, records=tiny_records)
    card = version_folder.card_of(trained, "tiny", None, ["saved-model"])
    sounds = RecordSet(tiny_records).sounds.sha256
    found = card.training_sounds.found(sounds)
    assert {name.split("_")[0] for name in found} == {"s2", "s3", "s4"} and len(found) == 3 * len(sounds) / 5
    assert TrainedModel.of_run(run_folder, 0).sounds is None
    assert of_earlier(replace(card, sounds=None), tiny_records) == card.training_sounds
    with pytest.raises(UsageError, match="its front end is .* name the records that the model was trained on"):
        of_earlier(replace(card, frontend=replace(card.frontend, trim_db=9.0)), tiny_records)
    with pytest.raises(UsageError, match="it lacks speakers that tiny was trained on \\(s9\\)"):
        of_earlier(replace(card, fitted_on={**card.fitted_on, "speakers": ["s1", "s9"]}), tiny_records)


def test_sounds_of_a_fold_that_shares_speakers_are_those_of_its_training_part(run_folder, tiny_records, tmp_path):
    protocol = "speaker-dependent-random-10-fold"
    prepared = Prepared.of(Experiment(tiny_records, "chen2018-3d", Recipe(), protocol, options=TINY_NETWORK))
    with claimed(tmp_path, {"settings": prepared.settings()}, prepared.folds):
        sample = training_sounds.of_run(tmp_path, Settings.from_dict(prepared.settings()), 3, prepared.records)
    assert sorted(sample.found(prepared.records.sounds.sha256)) == sorted(prepared.folds[3].train)
    card = version_folder.card_of(TrainedModel.of_run(run_folder, 0), "tiny", None, ["saved-model"])
    shared = replace(card, estimate={"protocol": protocol})
    with pytest.raises(UsageError, match="some recordings of its speakers only; export its run with these records"):
        of_earlier(shared, tiny_records)
    assert of_earlier(replace(shared, estimate={"protocol": "grouped-5-fold"}), tiny_records).count == 18


def test_a_refit_takes_the_records_of_its_experiment_alone(run_folder, tiny_corpus, tmp_path):
    from data_prep.__main__ import main as prepare

    other = tmp_path / "other"
    assert prepare(["manifest", "--data-dir", str(tiny_corpus), "--out", str(other), "--segments", "han2014"]) == 0
    with pytest.raises(ValueError, match="not the records of"):
        refit(run_folder, other)


def test_a_version_is_never_overwritten_unless_asked_to(run_folder, tmp_path, capsys):
    out = tmp_path / "tiny" / "1"
    command = ["export", "--run", str(run_folder), "--out", str(out)]
    assert main(command) == 0
    (out / "mine.txt").write_text("mine")
    assert main(command) == 2
    assert f"--out {out}: it exists already; take the next version, or replace it" in capsys.readouterr().err
    assert (out / "mine.txt").exists()
    assert main([*command, "--replace"]) == 0
    assert not (out / "mine.txt").exists()
    assert [path.name for path in out.parent.iterdir()] == ["1"]


def test_a_failed_export_leaves_nothing_behind_and_keeps_what_was_there(run_folder, tmp_path, monkeypatch):
    out = tmp_path / "tiny" / "1"
    trained = TrainedModel.of_run(run_folder, 0)
    version_folder.export(trained, out)
    monkeypatch.setattr(saved_model, "write", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        version_folder.export(trained, out, replaced=True)
    assert [path.name for path in out.parent.iterdir()] == ["1"]
    assert Recognizer.load(out).labels == ("high", "low", "noisy")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "torch"], "--format torch: it is unknown; choose from saved-model"),
        (["--format", "onnx", "--serving"], "--serving: TensorFlow Serving takes a SavedModel"),
        (["--refit"], "--refit: it trains on all speakers, so it needs --records"),
    ],
)
def test_wrong_usage_is_refused_before_the_work(options, message, run_folder, tmp_path, capsys):
    assert main(["export", "--run", str(run_folder), "--out", str(tmp_path / "m" / "1"), *options]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_is_no_version_is_refused(run_folder, tmp_path, capsys):
    assert main(["export", "--run", str(run_folder), "--out", str(tmp_path / "model")]) == 2
    assert f"its last part is the version, a whole number: {tmp_path / 'model' / '1'}" in capsys.readouterr().err


def test_a_name_that_a_server_could_not_read_is_refused(run_folder, tmp_path, monkeypatch, capsys):
    assert main(["export", "--run", str(run_folder), "--out", str(tmp_path / "my: model" / "1")]) == 2
    assert "'my: model' is the model's name; use letters" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert main(["export", "--run", str(run_folder), "--out", "1"]) == 0
    assert Card.read(tmp_path / "mine" / "1").name == "mine"


def test_a_run_without_its_network_is_named_with_the_remedy(run_folder, tmp_path, capsys):
    assert main(["export", "--run", str(run_folder), "--fold", "4", "--out", str(tmp_path / "m" / "1")]) == 1
    assert "fold04_seed0.json: no such run; name the output folder of an experiment" in capsys.readouterr().err
    assert main(["export", "--run", str(tmp_path), "--out", str(tmp_path / "m" / "1")]) == 1
    assert "experiment.json: no such file; choose the folder of an experiment" in capsys.readouterr().err


def test_a_network_file_that_would_run_code_is_refused(tmp_path):
    inputs = keras.Input((3,))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs)).save(tmp_path / "evil.keras")
    with pytest.raises(ValueError, match=r"evil\.keras: not a network that can be loaded"):
        load_network(tmp_path / "evil.keras", "chen2018-3d")
    (tmp_path / "cut.keras").write_bytes((tmp_path / "evil.keras").read_bytes()[:500])
    with pytest.raises(ValueError, match=r"cut\.keras: not a network that can be loaded .*train it again"):
        load_network(tmp_path / "cut.keras", "chen2018-3d")


@pytest.fixture(scope="module")
def tiny_model(run_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "tiny" / "1"
    version_folder.export(TrainedModel.of_run(run_folder, 0), out, ("saved-model", "onnx", "litert"))
    return out


@pytest.fixture
def model(tiny_model, tmp_path):
    """A copy of a model, to be damaged."""
    return Path(shutil.copytree(tiny_model, tmp_path / "tiny" / "1"))


def test_a_damaged_file_of_every_runtime_is_named_without_checksums_too(model):
    card = json.loads((model / CARD).read_text())
    (model / CARD).write_text(json.dumps({name: value for name, value in card.items() if name != "sha256"}))
    for name in ("onnx", "litert", "saved-model"):
        path = model / FORMATS[name].file
        path.write_bytes(b"no model at all" + path.read_bytes()[:200])
        with pytest.raises(ValueError, match=f"{path.name}.*damaged, or no model of this kind"):
            Recognizer.load(model, name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "damaged, not valid JSON"),
        ("[]", "not the card of a model of this version"),
        ('{"format": "acrnn-model", "format_version": 99}', "format 'acrnn-model' 99, this version reads"),
        (
            '{"format": "acrnn-model", "format_version": 1}',
            "not the card of a model of this version.*; name the folder",
        ),
    ],
)
def test_a_damaged_or_foreign_card_is_refused(model, content, message):
    (model / CARD).write_text(content)
    with pytest.raises(ValueError, match=message):
        Recognizer.load(model)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="not an exported model, it has no assets.extra/card.json"):
        Recognizer.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere: no such model; included are: "):
        Recognizer.load("nowhere")


def test_an_unknown_or_missing_runtime_is_refused(model):
    with pytest.raises(UsageError, match="runtime torch: it is unknown; choose from auto, onnx"):
        Recognizer.load(model, "torch")
    with pytest.raises(FileNotFoundError, match=r"has no model\.int8\.onnx; export the format onnx-int8"):
        Recognizer.load(model, "onnx-int8")


def test_the_highest_version_of_a_model_is_loaded(model):
    newer = model.with_name("10")
    shutil.copytree(model, model.with_name("9"))
    model.rename(newer)
    (model.with_name("11")).mkdir()  # not finished: it has no card
    assert Recognizer.load(model.parent).folder == newer


def test_a_card_shows_a_class_that_was_never_predicted(model):
    card = Card.read(model)
    row = {"emotion": "high", "recall": None, "precision": None, "support": 0}
    coverage = {"folds": 1, "seeds": 1, "runs": 1, "planned": 1}
    figures = {"uar_fold_mean": 0.5, "uar_fold_std": None, "uar_pooled": 0.5, "uar_pooled_interval": None, "wa": 0.5}
    changed = replace(card, estimate={**figures, "protocol": "none", "per_class": [row], "coverage": coverage})
    assert "| high | – | – | 0 |" in changed.markdown()
    changed.write(model)
    assert main(["info", str(model)]) == 0


def test_a_card_is_read_as_it_was_written(model):
    card = Card.read(model)
    assert Card.from_dict(json.loads(json.dumps(card.to_dict()))) == card
    assert set(card.formats) == {"saved-model", "onnx", "litert"} <= set(FORMATS)
