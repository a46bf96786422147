"""Fine-tuning: folds start from the weights of a trained model, frozen layers keep them, and what does not fit is refused."""

from dataclasses import replace

import numpy as np
import pytest
from support.other_corpus import prepare, write_other
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.speaker_statistics import Choice
from acrnn.crossval import Experiment, Prepared, cross_validate, read_results
from acrnn.crossval.fold_run import make_estimator
from acrnn.errors import UsageError
from acrnn.export import version_folder
from acrnn.export.refit import refit
from acrnn.export.trained_model import TrainedModel
from acrnn.export.training_sounds import of_run
from acrnn.export.version_folder import card_of
from acrnn.models import load_network
from acrnn.recipes import Recipe
from acrnn.recipes.initial_weights import InitialWeights
from acrnn.records.record_set import RecordSet
from acrnn.records.sound_sample import SoundSample
from acrnn.reports.html import write_report
from acrnn.reports.tables import markdown_table, system_title
from acrnn.transfer.sources import initial_model
from experiments import run_cv

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=1, epoch_choice="last")
LICENCE = "Licence of the second corpus 1.0"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of another corpus with the same emotions, exported; to be read only."""
    folder = tmp_path_factory.mktemp("trained")
    records = prepare(write_other(folder / "second"), folder / "records", LICENCE)
    experiment = Experiment(records, "chen2018-3d", RECIPE, options=TINY_NETWORK)
    cross_validate(experiment, folder / "run", folds=[0], announce=quiet)
    version_folder.export(TrainedModel.of_run(folder / "run", 0), folder / "model" / "1")
    return folder


@pytest.fixture(scope="module")
def model(trained):
    return initial_model(trained / "model")


def quiet(line):
    """Takes the lines of a cross-validation."""


def experiment_on(records, model, frozen="none", **options):
    weights = InitialWeights("model", model=model, frozen=frozen)
    options = {"options": TINY_NETWORK, "save_models": False, "initial_weights": weights, **options}
    return Experiment(records, "chen2018-3d", options.pop("recipe", RECIPE), **options)


def started(experiment, seed=0):
    """The estimator of an experiment at the start of a fit."""
    estimator, source = make_estimator(Prepared.of(experiment), None)
    source.start(seed)
    estimator.reset(seed)
    return estimator


def weights_of(network):
    """Weights by layer and number; their own names have counters of Keras in them."""
    return {f"{layer.name}/{n}": np.array(weight) for layer in network.layers for n, weight in enumerate(layer.weights)}


def test_every_layer_starts_from_the_model_of_the_same_emotions(tiny_records, model, trained):
    expected = weights_of(load_network(trained / "run" / "runs" / "fold00_seed0.keras"))
    for seed in (0, 1):
        for path, value in weights_of(started(experiment_on(tiny_records, model), seed).model).items():
            np.testing.assert_array_equal(value, expected[path])


def test_other_emotions_get_a_new_output_layer_and_the_output_says_so(tiny_records, model, tmp_path, trained):
    renamed = replace(model, labels=("calm", "low", "noisy"))
    lines = []
    experiment = experiment_on(tiny_records, renamed)
    cross_validate(experiment, tmp_path / "out", folds=[0], announce=lines.append)
    assert "starting from model, trained on" in lines[0] and LICENCE in lines[0]
    assert "new output layer, since the model has the emotions calm, low, noisy" in lines[0]
    network = started(experiment, 3).model
    expected = weights_of(load_network(trained / "run" / "runs" / "fold00_seed0.keras"))
    new = {path for path, value in weights_of(network).items() if not np.array_equal(value, expected[path])}
    assert new == {"logits/0", "logits/1"}
    assert not weights_of(network)["logits/1"].any()


@pytest.mark.parametrize(
    ("frozen", "kept"),
    [
        ("convolutions", {"conv_1"}),
        ("all-but-head", {"conv_1", "linear", "blstm", "attention", "dense", "dense_batch_norm"}),
    ],
)
def test_frozen_layers_keep_their_weights_and_the_others_learn(tiny_records, model, tmp_path, frozen, kept):
    experiment = experiment_on(tiny_records, model, frozen, save_models=True)
    before = weights_of(started(experiment).model)
    results = cross_validate(experiment, tmp_path, folds=[0], announce=quiet)
    after = weights_of(load_network(tmp_path / "runs" / "fold00_seed0.keras"))
    changed = {path.split("/")[0] for path in before if not np.array_equal(before[path], after[path])}
    layers = {path.split("/")[0] for path in before}
    assert changed == layers - kept
    assert results.settings.initial_weights["frozen"] == frozen
    assert f"{frozen} frozen" in system_title(results.settings)


def test_layers_can_be_frozen_after_a_pre_training_too_but_not_at_random(tiny_records, trained):
    weights = InitialWeights("corpus", trained / "records", frozen="convolutions")
    experiment = experiment_on(tiny_records, None, initial_weights=weights)
    estimator, _ = make_estimator(Prepared.of(experiment), None)
    assert [layer.name for layer in estimator.model.layers if not layer.trainable] == ["conv_1"]
    with pytest.raises(UsageError, match="freeze convolutions: it keeps weights of a trained model or another corpus"):
        InitialWeights(frozen="convolutions")
    two_stages = {"model": "zhang2021", "options": {}, "recipe": Recipe()}
    with pytest.raises(UsageError, match="one stage"):
        Prepared.of(replace(experiment, **two_stages))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"frontend": {"trim_db": 30.0}},
            r"its front end has trim_db 30\.0, .* has trim_db none; .* --out FOLDER, and the option trim_db 30",
        ),
        ({"rule": {"frames": 200}}, r"its segments has frames 200, .* has frames 300"),
        ({"network": {"dense_units": 9}}, r"its network has dense_units 9, that of the experiment dense_units 8"),
        ({"system": "chen2018-2d"}, "its system is chen2018-2d, not chen2018-3d"),
        (
            {"normalized_by": "speaker"},
            "by statistics of the speaker, those of the experiment by statistics of the corpus",
        ),
        ({"network": {"layers": 9}}, "its system chen2018-3d is another one in this version"),
    ],
)
def test_another_front_end_or_network_is_refused_with_both_values(tiny_records, model, change, message):
    parts = {
        "frontend": lambda value: replace(model.frontend, **value),
        "rule": lambda value: replace(model.rule, **value),
        "network": lambda value: {**model.network, **value},
    }
    changed = {name: parts.get(name, lambda value: value)(value) for name, value in change.items()}
    with pytest.raises(UsageError, match=message):
        Prepared.of(experiment_on(tiny_records, replace(model, **changed)))
    Prepared.of(experiment_on(tiny_records, replace(model, network={**model.network, "dropout": 0.5})))


def test_a_model_that_was_trained_on_the_tested_corpus_is_refused(tiny_records, model):
    corpus = Prepared.of(experiment_on(tiny_records, model)).records.manifest.corpus
    sha256 = Prepared.of(experiment_on(tiny_records, model)).records.manifest.content_sha256
    leaks = {
        "on the same records": {"records_sha256": sha256},
        "on the same corpus": {"corpus": {**model.corpus, "name": corpus["name"]}},
        r"on the same corpus \(": {"other_corpora": {"pre-training": {**model.corpus, "title": corpus["title"]}}},
        "on the speakers s1, who are in this corpus": {
            "corpus": {**model.corpus, "reader": "manifest"}, "speakers": ("s1", "x")
        },
    }  # fmt: skip
    for message, change in leaks.items():
        with pytest.raises(UsageError, match=message + ".*would be too high; start from a model of another corpus"):
            Prepared.of(experiment_on(tiny_records, replace(model, **change)))
    Prepared.of(
        experiment_on(tiny_records, replace(model, speakers=("s1",), corpus={**model.corpus, "reader": ""}))
    )  # numbers of speakers say nothing by themselves
    with pytest.raises(UsageError, match="normalized by"):
        Prepared.of(experiment_on(tiny_records, model, speaker_statistics=Choice.parse("speaker")))


def test_a_model_that_was_trained_on_the_sounds_of_a_renamed_corpus_is_refused(tiny_records, model):
    sounds = RecordSet(tiny_records).sounds.sha256
    trained = SoundSample.of([sounds["s0_high_0"], sounds["s1_low_0"], "f" * 64])
    message = (
        f"trained on 2 of these {len(sounds)} recordings by their sound, such as s0_high_0.wav, s1_low_0.wav, so that"
    )
    with pytest.raises(UsageError, match=message):
        Prepared.of(experiment_on(tiny_records, replace(model, sounds=trained)))
    Prepared.of(experiment_on(tiny_records, replace(model, sounds=SoundSample.of(["f" * 64]))))


def test_settings_report_table_and_card_name_the_model_and_its_corpus(tiny_records, model, trained, tmp_path):
    experiment = experiment_on(tiny_records, model)
    results = cross_validate(experiment, tmp_path, folds=[0], announce=quiet)
    start = read_results(tmp_path).settings.initial_weights
    assert start["kind"] == "model" and start["model"] == "model" and start["corpus"] == "second"
    assert len(start["weights_sha256"]) == 64 and str(trained) not in str(start)
    assert "transfer: fine-tuned from model (second)" in markdown_table([tmp_path])
    refitted = refit(tmp_path, tiny_records, initial_weights=experiment.initial_weights)
    assert not refitted.sounds.complete  # those of the model are not known
    assert not of_run(tmp_path, results.settings, 0, RecordSet(tiny_records)).complete
    card = card_of(refitted, "tuned", None, ())
    report = write_report(tmp_path).read_text()
    for text in (report, card.markdown()):
        assert "training of the model model" in text and LICENCE in text and results.settings.corpus.licence in text
    assert type(card).from_dict(card.to_dict()) == card
    with pytest.raises(ValueError, match=r"other initial weights \(fine-tuned from a trained model\); pass the same"):
        refit(tmp_path, tiny_records)


def test_a_chain_of_models_names_the_corpora_of_all(tiny_records, model):
    earlier = {"pre-training": {**dict.fromkeys(("version", "licence", "citation"), "x"), "title": "First corpus"}}
    settings = Prepared.of(experiment_on(tiny_records, replace(model, other_corpora=earlier))).settings()
    assert settings["start"]["other_corpora"] == earlier


def test_the_command_takes_over_network_and_front_end(tiny_corpus, trained, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = [
        "--dataset",
        "manifest",
        "--data-dir",
        str(tiny_corpus),
        "--name",
        "third",
        "--folds",
        "0",
        "--epochs",
        "1",
    ]
    command += ["--batch-size", "8", "--no-models", "--output-dir", "out", "--init-from"]
    assert run_cv.main([*command, str(trained / "model"), "--freeze", "convolutions"]) == 0
    assert "starting from model, trained on" in (output := capsys.readouterr().out) and "frozen: convolutions" in output
    assert read_results(tmp_path / "out").settings.config.dense_units == TINY_NETWORK["dense_units"]
    assert run_cv.main([*command, str(trained / "model"), "--trim-db", "20", "--records", "new"]) == 2
    message = capsys.readouterr().err
    assert "--init-from model: its front end has trim_db none, the experiment has trim_db 20" in message
    assert not (tmp_path / "new").exists()
    assert run_cv.main([*command, str(trained / "model"), "--network", "dense_units=9"]) == 2
    assert "its network has dense_units 8, that of the experiment dense_units 9" in capsys.readouterr().err
    assert run_cv.main([*command, str(trained / "model"), "--model", "chen2018-2d"]) == 2
    assert "give --model chen2018-3d" in capsys.readouterr().err
    assert run_cv.main([*command, str(trained / "model"), "--pretrain", str(trained / "records")]) == 2
    assert "cannot be combined with other initial weights" in capsys.readouterr().err
