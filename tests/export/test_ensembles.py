"""Ensembles: networks of several seeds in one model average their posteriors, and the card states what was measured."""

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.exports import sounds
from support.long_tests import long_test

from acrnn import metrics
from acrnn.cli import main
from acrnn.crossval.results import collect_results, read_results
from acrnn.errors import FieldError
from acrnn.export import earlier_export
from acrnn.export.ensembles import members
from acrnn.export.ensembles.estimate import fused
from acrnn.export.refit import refit
from acrnn.export.trained_model import TrainedModel
from acrnn.inference import Recognizer
from acrnn.model_card import CARD, Card
from acrnn.segments import POOLINGS, pool_in_graph, pool_logits
from acrnn.transfer.sources import initial_model

RESULTS = Path(__file__).parents[2] / "experiments" / "results"
SEEDS = [0, 1]
SOUNDS = [sounds()[place] for place in (3, 7, 8)]  # one of a single segment, two of several


@pytest.fixture(scope="module")
def singles(run_folder):
    """The networks of two seeds of a fold."""
    return [TrainedModel.of_run(run_folder, 0, seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def expected(singles):
    """The mean of their posteriors for three sounds."""
    posteriors = [single.posteriors(SOUNDS) for single in singles]
    assert abs(posteriors[0] - posteriors[1]).max() > 0.01  # otherwise one network would do as well
    return np.mean(posteriors, axis=0)


@pytest.fixture(scope="module")
def exported(run_folder, tmp_path_factory):
    """The two seeds of a fold as one model, by the command line; to be read only."""
    out = tmp_path_factory.mktemp("ensembles") / "both" / "1"
    assert main(["export", "--run", str(run_folder), "--seeds", "0-1", "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize("pooling", POOLINGS)
def test_segments_are_pooled_by_network_before_the_networks_are_averaged(pooling):
    logits = np.random.default_rng(0).normal(0, 3, (5, 3, 4)).astype(np.float32)
    utterances = np.array([0, 0, 1, 1, 1])
    expected = np.mean([pool_logits(logits[:, each], utterances, 2, pooling) for each in range(3)], axis=0)
    np.testing.assert_allclose(pool_logits(logits, utterances, 2, pooling), expected)
    grid = np.zeros((2, 3, 3, 4), np.float32)
    grid[0, :2], grid[1] = logits[:2], logits[2:]
    valid = tf.constant([[True, True, False], [True, True, True]])
    np.testing.assert_allclose(pool_in_graph(tf.constant(grid), valid, pooling), expected, atol=1e-6)
    assert abs(pool_logits(logits.mean(axis=1), utterances, 2, pooling) - expected).max() > 0.01


def test_the_posterior_is_the_mean_over_the_networks(singles, expected):
    np.testing.assert_allclose(members.joined(singles).posteriors(SOUNDS), expected, atol=1e-6)


def test_the_seeds_of_a_fold_become_one_model_that_predicts_their_mean(exported, expected):
    predictions = Recognizer.load(exported, check_speech=False).predict_batch(SOUNDS, 16000)
    shares = np.array([list(each.probabilities.values()) for each in predictions])
    np.testing.assert_allclose(shares, expected, atol=1e-4)
    short, *_, long = predictions
    assert len(long.segments) > 1 == len(short.segments)
    assert short.segments[0].probabilities == pytest.approx(short.probabilities, abs=1e-6)


def test_logits_are_stacked_attention_is_averaged_and_embeddings_follow_one_another(exported, singles):
    features = np.random.default_rng(0).normal(size=(2, 300, 40, 3)).astype(np.float32)
    inputs = {"features": features, "num_frames": np.array([300, 300], np.int32)}
    given = tf.saved_model.load(str(exported)).signatures["segments"](**inputs)
    models = [single.model for single in singles]
    each = [
        keras.Model(
            model.input,
            [model.output, model.get_layer("attention").output[1], model.get_layer("dense_batch_norm").input],
        ).predict_on_batch(inputs)
        for model in models
    ]
    logits, attention, dense = zip(*each, strict=True)
    np.testing.assert_allclose(given["logits"], np.stack(logits, axis=1), atol=1e-5)
    np.testing.assert_allclose(given["probabilities"], tf.reduce_mean(tf.nn.softmax(logits), axis=0), atol=1e-6)
    np.testing.assert_allclose(given["embeddings"], np.concatenate(dense, axis=1), atol=1e-5)
    steps = np.mean(attention, axis=0)
    by_frame = np.repeat(steps, 300 // steps.shape[1], axis=1)
    np.testing.assert_allclose(given["attention"], by_frame / by_frame.sum(axis=1, keepdims=True), atol=1e-5)


def test_the_card_names_the_networks_and_estimates_them_by_the_mean_of_the_same_seeds(exported, run_folder, capsys):
    card, results = Card.read(exported), collect_results(run_folder)
    runs = {(run.fold, run.seed): run for run in results.runs}
    assert card.fitted_on["members"] == [{"seed": seed, "epochs": runs[0, seed].best_epoch} for seed in SEEDS]
    by_fold = []
    for fold in (0, 1):
        mean = np.mean([runs[fold, seed].probabilities for seed in SEEDS], axis=0)
        by_fold.append(metrics.uar(metrics.confusion(np.array(runs[fold, 0].labels), mean.argmax(axis=1), 3)))
    assert card.estimate["uar_fold_mean"] == pytest.approx(np.mean(by_fold))
    assert card.estimate["coverage"]["folds"] == 2 and card.estimate["fused_seeds"] == SEEDS
    page = (exported / "README.md").read_text()
    assert "It is an ensemble of 2 networks: the probabilities of an utterance are the mean over them.\n\n" in page
    assert f"{runs[0, 0].best_epoch} epochs, seed 0; {runs[0, 1].best_epoch} epochs, seed 1 |" in page
    assert "2 of 5 planned folds. In each fold the probabilities of\n2 networks, seeds 0, 1, are averaged" in page
    assert main(["check", str(exported)]) == 0 and main(["info", str(exported)]) == 0
    shown = capsys.readouterr().out
    assert "ensemble of 2 networks, each of" in shown
    assert "2 folds, mean probabilities of seeds 0, 1" in shown


def test_the_estimate_takes_the_folds_and_the_seeds_that_are_exported(run_folder):
    results = collect_results(run_folder)
    part = replace(results, runs=tuple(run for run in results.runs if (run.fold, run.seed) != (1, 1)))
    assert fused(run_folder, part, SEEDS).coverage.folds == 1
    with pytest.raises(FieldError, match="seeds 0,2: .* no fold in which all of them are finished.*choose among 0, 1"):
        fused(run_folder, results, (0, 2))
    leaking = replace(results, settings=replace(results.settings, mistake="test-selected-epoch"))
    with pytest.raises(FieldError, match="leaks on purpose"):
        fused(run_folder, leaking, SEEDS)


def test_the_estimate_is_the_result_of_the_fusion_across_seeds():
    fusion = read_results(RESULTS / "emodb_speaker_speeds_ensemble")
    seeds = fusion.settings.fusion["members"][0]["seeds"]
    assert len(seeds) > 1
    estimate = fused(Path("run"), read_results(RESULTS / "emodb_speaker_speeds"), seeds)
    assert estimate.to_dict() == fusion.overall.to_dict()


def test_an_ensemble_is_exported_again_with_the_weights_of_each_network(exported, singles):
    again, card = earlier_export.read(exported)
    assert again.origin == card.fitted_on == Card.read(exported).fitted_on
    for network, single in zip(again.networks, singles, strict=True):
        for ours, theirs in zip(network.get_weights(), single.model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_other_seeds_are_another_model_for_speaker_profiles(exported):
    card = Card.read(exported)
    seeds = [{**member, "seed": member["seed"] + 1} for member in card.fitted_on["members"]]
    assert replace(card, fitted_on={**card.fitted_on, "members": seeds}).identity != card.identity


def test_no_training_starts_from_an_ensemble(exported):
    with pytest.raises(FieldError, match="it is an ensemble of 2 networks, and a training starts from one; name one"):
        initial_model(exported)


def test_a_damaged_list_of_networks_is_refused(exported):
    values = json.loads((exported / CARD).read_text())
    values["fitted_on"]["members"][1] = {"seed": 1}
    with pytest.raises(ValueError, match=r"fitted_on.members\[1\] has no 'epochs'"):
        Card.from_dict(values)


@long_test
def test_a_refit_of_several_seeds_trains_each_network_anew(run_folder, tiny_records):
    reports = []
    trained = refit(run_folder, tiny_records, (0, 1, 0), lambda epoch, total: reports.append((epoch.epoch, total)))
    assert reports == [(number, reports[0][1]) for number in range(1, reports[0][1] + 1)]
    assert [member["seed"] for member in trained.origin["members"]] == [0, 1, 0]
    assert trained.origin["speakers"] == [f"s{number}" for number in range(5)] and trained.sounds
    first, second, again = (network.get_weights() for network in trained.networks)
    for ours, theirs in zip(first, again, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert max(abs(ours - theirs).max() for ours, theirs in zip(first, second, strict=True)) > 0.01


def test_seeds_without_runs_are_refused_before_the_work(run_folder, tmp_path, capsys):
    command = ["export", "--run", str(run_folder), "--out", str(tmp_path / "m" / "1")]
    assert main([*command, "--seeds", "0-4"]) == 2
    assert f"--seeds 0,1,2,3,4: {run_folder} has no fold in which all of them are finished" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--seeds", "0-1", "--seed", "1"])
    assert "argument --seed: not allowed with argument --seeds" in capsys.readouterr().err


def test_seeds_do_not_go_with_a_model(exported, capsys):
    command = ["export", "--model", str(exported), "--seeds", "0-1", "--out", str(exported.with_name("3"))]
    assert main(command) == 2
    assert "--seeds: it goes with --run only" in capsys.readouterr().err
