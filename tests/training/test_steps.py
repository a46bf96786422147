"""Training steps: averaged weights, learning rate, augmentation, class weights, oversampling."""

import time
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from support.tiny_network import RECIPE, make_network

from acrnn.batches.sources import MemorySource
from acrnn.recipes.augmentation import Augmentation
from acrnn.training.steps import Steps, class_weights


def steps_of(network, train, recipe, epochs):
    """Runs the training steps alone; returns them and the weights after each step."""
    network.reset(0)
    steps, seen = Steps(network.model, recipe, train, 0), []
    step = steps.step

    def spied(batch):
        loss = step(batch)
        seen.append((float(np.array(network.model.optimizer.learning_rate)), network.model.get_weights()))
        return loss

    steps.step = spied
    for number in range(1, epochs + 1):
        steps.epoch(number)
    return steps, seen


def test_averaged_weights_are_the_moving_average_of_every_step_and_training_goes_on_from_its_own(feeder, parts):
    recipe = replace(RECIPE, averaging=0.6)
    network = make_network(feeder, recipe)
    steps, seen = steps_of(network, parts[0], recipe, epochs=3)
    average = seen[0][1]
    for number, (_, weights) in enumerate(seen):
        decay = min(0.6, (1 + number) / (10 + number))
        average = [decay * mean + (1 - decay) * weight for mean, weight in zip(average, weights, strict=True)]
    with steps.averaged_weights():
        for got, expected in zip(network.model.get_weights(), average, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)
    for got, expected in zip(network.model.get_weights(), seen[-1][1], strict=True):
        np.testing.assert_array_equal(got, expected)


def test_the_loss_of_an_epoch_is_the_mean_over_its_batches(feeder, parts, monkeypatch):
    network = make_network(feeder, replace(RECIPE, batch_size=5))
    network.reset(0)
    steps, losses = Steps(network.model, replace(RECIPE, batch_size=5), parts[0], 0), []
    step = network.model.train_on_batch
    monkeypatch.setattr(network.model, "train_on_batch", lambda *given: losses.append(step(*given)) or losses[-1])
    loss = steps.epoch(1)
    assert len(losses) == -(-len(parts[0]) // 5) and max(losses) > min(losses)
    assert loss == pytest.approx(np.mean(losses))


def test_the_learning_rate_follows_the_schedule_step_by_step(feeder, parts):
    recipe = replace(RECIPE, schedule="cosine", warmup_epochs=1, epochs=3)
    _, seen = steps_of(make_network(feeder, recipe), parts[0], recipe, epochs=3)
    rates = [rate for rate, _ in seen]
    per_epoch = len(rates) // 3
    np.testing.assert_allclose(rates, [recipe.rate(n / per_epoch) for n in range(len(rates))], rtol=1e-5)
    assert int(np.argmax(rates)) == per_epoch and rates[-1] < 0.2 * max(rates)


def test_augmentation_changes_training_batches_and_nothing_that_is_validated(feeder, parts, monkeypatch):
    seen = {"trained": [], "validated": []}
    network = make_network(feeder, replace(RECIPE, augmentation=Augmentation(equalizer=2.0), epochs=1))
    train, logits = network.model.train_on_batch, network.batch_logits
    monkeypatch.setattr(
        network.model, "train_on_batch", lambda x, *rest: (seen["trained"].append(x["features"]), train(x, *rest))[1]
    )
    monkeypatch.setattr(
        network, "batch_logits", lambda inputs: (seen["validated"].append(inputs["features"]), logits(inputs))[1]
    )
    network.fit(*parts[:2], seed=0)
    recorded = {features.tobytes() for features in feeder.data.features.astype(np.float32)}
    assert not any(segment.tobytes() in recorded for batch in seen["trained"] for segment in batch)
    assert all(segment.tobytes() in recorded for batch in seen["validated"] for segment in batch)


def test_class_weights_are_inverse_to_the_frequency_and_one_on_average(feeder):
    rows = feeder.records.utterances
    some = feeder.source([row.id for row in rows if row.emotion == "high" or row.speaker == "s0"])
    labels = np.concatenate([batch.labels for batch in some.ordered(7)])
    weights = class_weights(some)
    counts = np.bincount(labels)
    np.testing.assert_allclose(weights * counts, (weights * counts)[0])
    assert weights[labels].mean() == pytest.approx(1)


def test_a_recipe_that_oversamples_trains_on_even_classes_and_validates_on_what_is_there(feeder, monkeypatch):
    network = make_network(feeder, replace(RECIPE, oversampling=True, epochs=1))
    rows = [row for row in feeder.records.utterances if row.speaker in ("s0", "s1")]
    train = feeder.source([row.id for row in rows if row.emotion != "high" or row.id == rows[0].id])
    labels = []
    step = network.model.train_on_batch
    monkeypatch.setattr(network.model, "train_on_batch", lambda x, y, *rest: (labels.append(y), step(x, y, *rest))[1])
    network.fit(train, feeder.source([row.id for row in rows]), seed=0)
    counts = np.concatenate(labels).sum(axis=0)
    assert counts.min() >= 4  # the rare class has one segment of its own


def trained_labels(network, monkeypatch):
    """Labels of every training step from now on, each int [batch]."""
    labels, step = [], network.model.train_on_batch
    monkeypatch.setattr(
        network.model, "train_on_batch", lambda x, y, *rest: (labels.append(y.argmax(axis=1)), step(x, y, *rest))[1]
    )
    return labels


def test_a_recipe_with_a_balanced_draw_trains_on_it_alone_and_normalizes_by_the_whole_training_part(
    feeder, parts, monkeypatch
):
    network = make_network(feeder, replace(RECIPE, balanced_draw=16, epochs=1))
    labels = trained_labels(network, monkeypatch)
    adapted = []
    monkeypatch.setattr(network, "adapt", adapted.append)
    network.fit(*parts[:2], seed=0)
    assert np.bincount(np.concatenate(labels)).tolist() == [16, 16, 16]
    assert adapted == [parts[0]]


def test_training_ends_with_the_last_step_and_validates_the_epoch_that_it_is_in(feeder, parts, monkeypatch):
    network = make_network(feeder, replace(RECIPE, balanced_draw=8, max_steps=7, epochs=50))  # three steps an epoch
    labels = trained_labels(network, monkeypatch)
    fit = network.fit(*parts[:2], seed=0)
    assert len(labels) == 7 and [epoch.epoch for epoch in fit.curve] == [1, 2, 3]


def test_segments_are_weighted_by_their_new_frames(feeder, parts, monkeypatch):
    network = make_network(feeder, replace(RECIPE, segment_weights="new-frames", epochs=1))
    weights, batches = [], []
    step, shuffled = network.model.train_on_batch, MemorySource.shuffled
    monkeypatch.setattr(
        network.model, "train_on_batch", lambda x, y, weight: (weights.append(weight), step(x, y, weight))[1]
    )
    monkeypatch.setattr(
        MemorySource,
        "shuffled",
        lambda *arguments: (batches.append(batch) or batch for batch in shuffled(*arguments)),
    )
    network.fit(*parts[:2], seed=0)
    shares = np.concatenate([batch.new_shares for batch in parts[0].ordered(99)])
    assert shares.min() < shares.max() == 1
    for weight, batch in zip(weights, batches, strict=True):
        np.testing.assert_allclose(weight, batch.new_shares / shares.mean(), rtol=1e-6)


def test_a_diverged_run_says_so_and_what_to_do(feeder, parts):
    network = make_network(feeder, replace(RECIPE, learning_rate=1e30, optimizer="adam"))
    with pytest.raises(
        ValueError, match=r"the training loss is (nan|inf) in epoch \d; lower learning_rate or set gradient_clip_norm"
    ):
        network.fit(*parts[:2], seed=0)


def test_the_share_of_time_spent_on_waiting_for_batches_is_measured(feeder, parts, monkeypatch):
    network = make_network(feeder)
    source = copy(parts[0])
    shuffled = source.shuffled

    def slowly(*arguments):
        for batch in shuffled(*arguments):
            time.sleep(0.03)
            yield batch

    steps = Steps(network.model, RECIPE, source, 0)
    monkeypatch.setattr(steps, "step", lambda batch: time.sleep(0.01) or 0.0)
    steps.epoch(1)
    assert 0 < steps.waiting_share < 0.3
    monkeypatch.setattr(source, "shuffled", slowly, raising=False)
    steps.epoch(2)
    assert 0.6 < steps.waiting_share < 0.9  # three quarters, on a machine that may be busy
