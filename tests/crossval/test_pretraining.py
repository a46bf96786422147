"""Pre-training on another corpus: its weights are the start of every fold, trained once for each seed."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from support.long_tests import long_test
from support.other_corpus import prepare, write_other
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.sources import Feeder
from acrnn.crossval import Experiment, Prepared, cross_validate, read_results
from acrnn.crossval.fold_run import make_estimator
from acrnn.errors import UsageError
from acrnn.export.refit import refit
from acrnn.export.version_folder import card_of
from acrnn.models import MODELS
from acrnn.recipes import Recipe
from acrnn.recipes.initial_weights import InitialWeights
from acrnn.records import RecordSet
from acrnn.reports.html import write_report
from acrnn.training.network import Network
from experiments import run_cv

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=2, epoch_choice="last")
STILL = replace(RECIPE, learning_rate=1e-12, optimizer="sgd", epochs=1)
NETWORK = {**TINY_NETWORK, "dense_batch_norm": False}  # its moving statistics change at every learning rate


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Records of another corpus with the same emotions."""
    folder = tmp_path_factory.mktemp("other")
    return prepare(write_other(folder / "corpus"), folder / "records", "Licence of the second corpus 1.0")


@pytest.fixture(scope="module")
def with_other_emotion(tmp_path_factory):
    """Records of another corpus with an emotion that the target does not have."""
    folder = tmp_path_factory.mktemp("renamed")
    return prepare(write_other(folder / "corpus", {"low": "calm"}), folder / "records")


def experiment_on(records, other, recipe=RECIPE, **options):
    weights = InitialWeights("corpus", other)
    options = {"options": NETWORK, "save_models": False, "initial_weights": weights, **options}
    return Experiment(records, "chen2018-3d", recipe, **options)


def quiet(line):
    """Takes the lines of a cross-validation."""


@pytest.fixture
def fits(monkeypatch):
    """Networks that are fitted, with the arguments, in order."""
    calls = []
    fit = Network.fit
    monkeypatch.setattr(Network, "fit", lambda self, *given: calls.append((self, given)) or fit(self, *given))
    return calls


def speakers_of(source, records):
    rows = RecordSet(records).utterances
    return {rows[row].speaker for row in source.data.utterances[source.index]}


def test_all_folds_of_a_seed_share_one_pre_training_that_a_later_call_finds(tiny_records, other, tmp_path, fits):
    experiment = experiment_on(tiny_records, other)
    cross_validate(experiment, tmp_path, folds=[0, 1], seeds=[0, 1], announce=quiet)
    assert [given[2] for _, given in fits] == [0, 0, 0, 1, 1, 1]
    assert [given[1] is None for _, given in fits] == [True, False, False] * 2  # pre-training selects no checkpoint
    assert speakers_of(fits[0][1][0], other) == {"other-0", "other-1", "other-2"}
    fits.clear()
    cross_validate(experiment, tmp_path, folds=[2], seeds=[0], announce=quiet)
    assert len(fits) == 1 and fits[0][1][1] is not None


def test_a_fold_that_learns_nothing_predicts_as_the_pre_trained_network(tiny_records, other, tmp_path):
    experiment = experiment_on(tiny_records, other, STILL)
    estimator, pretraining = make_estimator(Prepared.of(experiment), tmp_path)
    pretraining.start(0)
    stored = list(np.load(tmp_path / "pretraining" / "seed0.npz").values())
    estimator.reset(seed=5)
    for value, weight in zip(stored, estimator.model.weights, strict=True):
        np.testing.assert_array_equal(value, np.array(weight))
    prepared = Prepared.of(experiment)
    results = cross_validate(experiment, tmp_path, folds=[0], announce=quiet)
    feeder = Feeder(prepared.records)
    network = Network(lambda: MODELS["chen2018-3d"].build(prepared.config), STILL)
    network.model.set_weights(stored)
    network.adapt(feeder.source(prepared.folds[0].train))
    posteriors, _ = network.posteriors(feeder.source(prepared.folds[0].test))
    np.testing.assert_allclose(results.runs[0].probabilities, posteriors, atol=1e-5)


def test_a_corpus_with_other_emotions_gives_all_weights_but_the_output_layer(tiny_records, with_other_emotion):
    estimator, pretraining = make_estimator(Prepared.of(experiment_on(tiny_records, with_other_emotion, STILL)), None)
    pretraining.start(3)
    random = [np.array(weight) for weight in estimator.build(seed=3).weights]
    estimator.reset(seed=3)
    equal = {
        weight.path: np.array_equal(value, np.array(weight))
        for value, weight in zip(random, estimator.model.weights, strict=True)
    }
    assert {path for path in equal if "logits" in path} == {"logits/kernel", "logits/bias"}
    assert equal["logits/kernel"] and equal["logits/bias"]
    assert not equal["normalization/mean"]


def test_a_damaged_pre_training_is_refused_and_one_of_another_recipe_is_repeated(tiny_records, other, tmp_path, fits):
    experiment = experiment_on(tiny_records, other)
    make_estimator(Prepared.of(experiment), tmp_path)[1].start(0)
    weights, description = tmp_path / "pretraining" / "seed0.npz", tmp_path / "pretraining" / "seed0.json"
    make_estimator(Prepared.of(experiment), tmp_path)[1].start(0)
    assert len(fits) == 1
    longer = replace(experiment, recipe=replace(RECIPE, epochs=1))
    make_estimator(Prepared.of(longer), tmp_path)[1].start(0)
    assert len(fits) == 2 and json.loads(description.read_text())["best_epoch"] == 1
    description.unlink()  # as after a kill between the two files
    make_estimator(Prepared.of(longer), tmp_path)[1].start(0)
    assert len(fits) == 3
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"seed0\.npz: missing or damaged.*only the pre-training of this seed"):
        make_estimator(Prepared.of(longer), tmp_path)[1].start(0)


def test_a_recipe_with_checkpoint_selection_leaves_one_speaker_for_it(tiny_records, other, tmp_path, fits):
    selecting = replace(RECIPE, epoch_choice="validation-uar")
    make_estimator(Prepared.of(experiment_on(tiny_records, other, selecting)), None)[1].start(0)
    (train, validation, *_) = fits[0][1]
    assert speakers_of(train, other) == {"other-0", "other-1"} and speakers_of(validation, other) == {"other-2"}


def test_a_record_set_with_a_speaker_or_a_recording_of_the_target_is_refused(tiny_records, tiny_corpus, tmp_path):
    by_name = write_other(tmp_path / "name")
    text = (by_name / "manifest.csv").read_text()
    (by_name / "manifest.csv").write_text(text.replace(",other-0", ",s4"))
    records = prepare(by_name, tmp_path / "name-records")
    with pytest.raises(ValueError, match="speakers s4 are in both, where they may be tested"):
        Prepared.of(experiment_on(tiny_records, records))
    by_sound = write_other(tmp_path / "sound")
    samples, rate = soundfile.read(tiny_corpus / "s3_noisy_1.wav")
    soundfile.write(by_sound / "s0_high_0.wav", 0.5 * samples, rate)
    records = prepare(by_sound, tmp_path / "sound-records")
    with pytest.raises(ValueError, match=r"s0_high_0\.wav and 0 other recordings are also in"):
        Prepared.of(experiment_on(tiny_records, records))


def test_settings_without_pre_training_are_as_before_and_with_it_name_the_corpus(tiny_records, other):
    plain = Prepared.of(Experiment(tiny_records, "chen2018-3d", RECIPE)).settings()
    assert "start" not in plain and "train_on_validation" not in plain
    start = Prepared.of(experiment_on(tiny_records, other)).settings()["start"]
    assert start["kind"] == "corpus" and start["corpus"] == "corpus" and start["labels"] == plain["labels"]
    with pytest.raises(UsageError, match="starts from random weights or from another corpus"):
        Prepared.of(experiment_on(tiny_records, other, initial_weights=InitialWeights("time-arrow")))


def test_card_and_report_name_the_licences_of_both_corpora(tiny_records, other, tmp_path):
    out = tmp_path / "out"
    experiment = experiment_on(tiny_records, other, replace(RECIPE, epochs=1))
    results = cross_validate(experiment, out, folds=[0], announce=quiet)
    report = write_report(out).read_text()
    trained = refit(out, tiny_records, initial_weights=experiment.initial_weights)
    card = card_of(trained, "model", None, ())
    assert "pre-trained on corpus" in report
    for text in (report, card.markdown()):
        assert "Licence of the second corpus 1.0" in text and results.settings.corpus.licence in text
    assert type(card).from_dict(card.to_dict()) == card
    with pytest.raises(ValueError, match="its runs had other initial weights .*; pass the same initial weights"):
        refit(out, tiny_records)


@long_test  # three processes
def test_the_command_pre_trains_before_parallel_folds(tiny_records, tiny_corpus, other, tmp_path, capsys):
    command = ["--dataset", "manifest", "--data-dir", str(tiny_corpus), "--records", str(tiny_records), "--no-models"]
    command += [
        "--recipe",
        "centered",
        "--epochs",
        "1",
        "--batch-size",
        "8",
        "--reduced",
        "--folds",
        "0,1",
        "--jobs",
        "2",
    ]
    assert run_cv.main([*command, "--pretrain", str(other), "--output-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("pre-training on corpus, seed 0, before its folds") == 1
    assert sorted(path.name for path in (tmp_path / "pretraining").iterdir()) == ["seed0.json", "seed0.npz"]
    assert read_results(tmp_path).settings.initial_weights_kind == "corpus"
