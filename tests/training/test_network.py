"""Training: the epoch that validation chose is the one kept, a fresh start is fresh, memory and disk feed the same."""

from dataclasses import replace

import numpy as np
import pytest
from support.tiny_network import RECIPE, make_network

from acrnn import metrics
from acrnn.batches.sources import Feeder, StreamedSource
from acrnn.recipes.augmentation import Augmentation
from acrnn.records import RecordSet
from acrnn.training.estimator import Epoch
from acrnn.training.network import Network


@pytest.fixture(scope="module")
def network(feeder) -> Network:
    return make_network(feeder, dropout=0.2)


def test_the_tiny_corpus_is_learnt(network, parts):
    fit = network.fit(*parts[:2], seed=0)
    posteriors, labels = network.posteriors(parts[2])
    assert fit.curve[-1].loss < fit.curve[0].loss
    assert all(0 < point["waiting_share"] < 1 for point in fit.to_dict()["curve"])
    assert metrics.uar(metrics.confusion(labels, posteriors.argmax(axis=1), 3)) > 0.6


def test_the_best_epoch_has_the_highest_uar_and_then_the_lowest_loss(network, parts):
    fit = network.fit(*parts[:2], seed=1)
    best = fit.curve[fit.best_epoch - 1]
    assert best.validation_uar == max(epoch.validation_uar for epoch in fit.curve)
    assert best.validation_loss == min(e.validation_loss for e in fit.curve if e.validation_uar == best.validation_uar)


def test_the_weights_kept_are_those_of_the_best_epoch(network, parts, monkeypatch):
    monkeypatch.setattr(
        Epoch, "selection_key", property(lambda epoch: -abs(epoch.epoch - 2))
    )  # make the second one the best
    fit = network.fit(*parts[:2], seed=1)
    assert fit.best_epoch == 2 < len(fit.curve)
    posteriors, labels = network.posteriors(parts[1])
    loss = -np.log(posteriors[np.arange(len(labels)), labels]).mean()
    assert loss == pytest.approx(fit.curve[1].validation_loss, rel=1e-4)
    assert loss != pytest.approx(fit.curve[-1].validation_loss, rel=1e-4)


def without_time(curve):
    return [replace(epoch, seconds=0, waiting_share=0) for epoch in curve]


def test_a_run_does_not_depend_on_the_runs_before_it(feeder, network, parts):
    network.fit(parts[1], parts[2], seed=7)  # leaves weights, optimizer, dropout state and normalization behind
    again = network.fit(*parts[:2], seed=2)
    afresh = make_network(feeder, dropout=0.2).fit(*parts[:2], seed=2)
    assert without_time(again.curve) == without_time(afresh.curve)
    assert without_time(network.fit(*parts[:2], seed=3).curve) != without_time(again.curve)


def test_normalisation_is_fitted_on_the_training_part_alone(network, parts):
    network.fit(*parts[:2], seed=0)
    data, index = parts[0].data, parts[0].index
    real = np.concatenate([data.features[i, : data.num_frames[i]] for i in index]).astype(np.float64)
    layer = network.model.get_layer("normalization")
    np.testing.assert_allclose(np.asarray(layer.mean)[0], real.mean(axis=(0, 1)), rtol=1e-4, atol=1e-6)


def test_patience_stops_early(feeder, parts):
    fit = make_network(feeder, replace(RECIPE, epochs=30, patience=2, learning_rate=1e-9)).fit(*parts[:2], seed=0)
    assert len(fit.curve) == fit.best_epoch + 2 < 30


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "adam"},
        {"precision": "mixed_bfloat16"},
        {"class_weights": True},
        {"gradient_clip_norm": 0.1},
        {"pooling": "mean"},
        {"pooling": "max-logits"},
        {"schedule": "cosine", "warmup_epochs": 1},
        {"weight_decay": 0.1},
        {"label_smoothing": 0.2},
        {"averaging": 0.9},
        {"augmentation": Augmentation(speed=0.2, warp=0.1, equalizer=0.3, time_masks=1, band_masks=1)},
    ],
    ids=lambda change: "-".join(map(str, next(iter(change.items())))),
)
def test_every_option_of_a_recipe_trains(feeder, parts, change):
    network = make_network(feeder, replace(RECIPE, epochs=2, **change))
    fit = network.fit(*parts[:2], seed=0)
    assert all(np.isfinite([epoch.loss, epoch.validation_loss]).all() for epoch in fit.curve)
    posteriors, _ = network.posteriors(parts[2])
    np.testing.assert_allclose(posteriors.sum(axis=1), 1)


def test_the_last_epoch_is_kept_where_the_recipe_says_so_however_good_others_were(feeder, parts, monkeypatch):
    monkeypatch.setattr(Epoch, "selection_key", property(lambda epoch: -epoch.epoch))  # make the first one the best
    network = make_network(feeder, replace(RECIPE, epoch_choice="last"))
    fit = network.fit(*parts[:2], seed=1)
    assert fit.best_epoch == len(fit.curve) == 4
    posteriors, labels = network.posteriors(parts[1])
    loss = -np.log(posteriors[np.arange(len(labels)), labels]).mean()
    assert loss == pytest.approx(fit.curve[-1].validation_loss, rel=1e-4)
    assert fit.validation_uar == fit.curve[-1].validation_uar


def test_one_pass_gives_what_every_pooling_gives_alone(network, parts):
    pooled, labels = network.pooled(parts[1], ("max", "mean", "majority"))
    posteriors, expected = network.posteriors(parts[1])
    np.testing.assert_array_equal(pooled["max"], posteriors)
    np.testing.assert_array_equal(labels, expected)
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]  # of utterances, though one of them has two segments
    assert np.abs(pooled["mean"] - pooled["max"]).max() > 0 and np.abs(pooled["majority"] - pooled["mean"]).max() > 0


def test_a_corpus_too_large_for_memory_is_streamed_and_learnt_as_well(tiny_records):
    feeder = Feeder(RecordSet(tiny_records), memory_bytes=1000)
    ids = {speaker: [r.id for r in feeder.records.utterances if r.speaker == speaker] for speaker in ("s0", "s1", "s2")}
    train, validation = feeder.source(ids["s0"] + ids["s1"]), feeder.source(ids["s2"])
    assert isinstance(train, StreamedSource)
    fit = make_network(feeder).fit(train, validation, seed=0)
    assert fit.curve[-1].loss < fit.curve[0].loss
