"""DCNN-BLSTMwA trained in two stages from beginning to end."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from support.zhang2021 import SMALL, make_network

from acrnn import metrics
from acrnn.batches.sources import Feeder, StreamedSource
from acrnn.export.refit import refit
from acrnn.models import MODELS
from acrnn.recipes.initial_weights import InitialWeights
from acrnn.records import RecordSet
from data_prep.__main__ import main as data_prep_main
from experiments import run_cv


@pytest.fixture(scope="module")
def network(record_set, parts):
    """Fitted, with its learning curve."""
    network = make_network(record_set)
    network.fitted = network.fit(*parts[:2], seed=0)
    return network


def test_the_whole_network_says_what_its_two_stages_say(network, parts):
    windows = network.cut(parts[2])
    posteriors, labels = network.posteriors(parts[2])
    by_stages, same = network.sequence_network.posteriors(network.fc7_source(windows))
    np.testing.assert_allclose(posteriors, by_stages, atol=1e-5)
    assert labels.tolist() == same.tolist()
    assert np.ptp(posteriors, axis=0).max() > 0.2


def test_both_stages_are_in_the_learning_curve_and_the_kept_epoch_is_of_the_second(network):
    fit = network.fitted
    assert [epoch.epoch for epoch in fit.curve] == list(range(1, 10))
    late = fit.curve[4:]
    best = max(late, key=lambda epoch: (epoch.validation_uar, -epoch.validation_loss))
    assert fit.best_epoch == best.epoch and fit.validation_uar == best.validation_uar
    assert fit.curve[3].loss < fit.curve[0].loss and late[-1].loss < late[0].loss


def test_the_tiny_corpus_is_learnt(network, parts):
    posteriors, labels = network.posteriors(parts[2])
    assert metrics.uar(metrics.confusion(labels, posteriors.argmax(axis=1), 3)) > 0.6


def without_time(fit):
    return [replace(epoch, seconds=0, waiting_share=0) for epoch in fit.curve]


def test_a_run_does_not_depend_on_the_runs_before_it(parts, network):
    weights = network.model.get_weights()
    network.fit(parts[1], parts[2], seed=7)
    assert without_time(network.fit(*parts[:2], seed=0)) == without_time(network.fitted)
    for again, before in zip(network.model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(again, before)


def test_memory_and_disk_give_the_same_windows(feeder, network, parts):
    rows = [number for number, row in enumerate(feeder.records.utterances) if row.speaker in ("s0", "s1", "s2")]
    pairs = zip(
        network.cut(StreamedSource(feeder.records, rows)).ordered(16), network.cut(parts[0]).ordered(16), strict=True
    )
    for streamed, held in pairs:
        for one, other in zip(
            [*streamed.inputs.values(), *streamed[1:]], [*held.inputs.values(), *held[1:]], strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_a_refit_repeats_both_stages_speeds_and_start_and_a_run_becomes_a_report(
    tiny_corpus, tmp_path, capsys, monkeypatch
):
    out, folder = tmp_path / "out", tmp_path / "records"
    preparation = ["manifest", "--data-dir", str(tiny_corpus), "--out", str(folder), "--speeds", "1,1.1", "--jobs", "1"]
    assert data_prep_main([*preparation, "--frontend", "zhang2021", "--segments", "zhang2021"]) == 0
    command = ["--dataset", "manifest", "--model", "zhang2021", "--records", str(folder), "--folds", "0"]
    sizes = [part for name, value in SMALL.items() for part in ("--network", f"{name}={json.dumps(value)}")]
    quick = ["--epochs", "1", "--batch-size", "16", "--stage2-epochs", "2", "--stage2-learning-rate", "0.01"]
    assert (
        run_cv.main([*command, *sizes, *quick, "--output-dir", str(out), "--speeds", "1.0", "--pretrain", "time-arrow"])
        == 0
    )
    assert "zhang2021, reduced network, pre-trained on the direction of time, ×1 on corpus" in capsys.readouterr().out
    assert {"attention.png", "report.html"} <= {path.name for path in out.iterdir()}
    with pytest.raises(
        ValueError, match="other initial weights .pre-trained on the direction of time.; pass no initial weights"
    ):
        refit(out, folder, initial_weights=InitialWeights("corpus", folder))
    epochs, heard, starting = [], [], []
    source, estimator = Feeder.source, type(MODELS["zhang2021"]).estimator
    monkeypatch.setattr(Feeder, "source", lambda self, ids: heard.extend(ids) or source(self, ids))
    monkeypatch.setattr(
        type(MODELS["zhang2021"]),
        "estimator",
        lambda self, *given: starting.append(given[2]) or estimator(self, *given),
    )
    trained = refit(out, folder, on_epoch=lambda epoch, total: epochs.append((epoch.epoch, total)))
    assert sorted(heard) == sorted(row.id for row in RecordSet(folder).utterances if not row.copy_of)
    assert starting == [InitialWeights("time-arrow")]
    assert [epoch for epoch, _ in epochs] == list(range(1, epochs[-1][1] + 1))
    assert isinstance(trained.model, keras.Model) and trained.origin["epochs"] == epochs[-1][1]
