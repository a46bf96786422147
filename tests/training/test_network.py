"""Training: the epoch that validation chose is the one kept, a fresh start is fresh, memory and disk feed the same."""

from dataclasses import replace

import numpy as np
import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn import metrics
from acrnn.batches.sources import Feeder, MemorySource, StreamedSource
from acrnn.models import MODELS
from acrnn.recipes import Recipe
from acrnn.recipes.augmentation import Augmentation
from acrnn.records import RecordSet
from acrnn.training.estimator import Epoch
from acrnn.training.network import Network
from acrnn.training.steps import Steps, class_weights

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=4)


@pytest.fixture(scope="module")
def feeder(tiny_records):
    return Feeder(RecordSet(tiny_records))


@pytest.fixture(scope="module")
def parts(feeder):
    def of(*speakers):
        return feeder.source([row.id for row in feeder.records.utterances if row.speaker in speakers])

    return of("s0", "s1", "s2"), of("s3"), of("s4")


def make_network(feeder, recipe=RECIPE, **options):
    system = MODELS["chen2018-3d"]
    config = system.configure(feeder.records.manifest, **{**TINY_NETWORK, **options})
    return system.estimator(config, recipe)


@pytest.fixture(scope="module")
def network(feeder) -> Network:
    return make_network(feeder, dropout=0.2)


def test_the_tiny_corpus_is_learnt(network, parts):
    fit = network.fit(*parts[:2], seed=0)
    posteriors, labels = network.posteriors(parts[2])
    assert fit.curve[-1].loss < fit.curve[0].loss
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
    return [replace(epoch, seconds=0) for epoch in curve]


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


def test_a_diverged_run_says_so_and_what_to_do(feeder, parts):
    network = make_network(feeder, replace(RECIPE, learning_rate=1e30, optimizer="adam"))
    with pytest.raises(
        ValueError, match=r"the training loss is (nan|inf) in epoch \d; lower learning_rate or set gradient_clip_norm"
    ):
        network.fit(*parts[:2], seed=0)


def test_the_last_epoch_is_kept_where_the_recipe_says_so_however_good_others_were(feeder, parts, monkeypatch):
    monkeypatch.setattr(Epoch, "selection_key", property(lambda epoch: -epoch.epoch))  # make the first one the best
    network = make_network(feeder, replace(RECIPE, epoch_choice="last"))
    fit = network.fit(*parts[:2], seed=1)
    assert fit.best_epoch == len(fit.curve) == 4
    posteriors, labels = network.posteriors(parts[1])
    loss = -np.log(posteriors[np.arange(len(labels)), labels]).mean()
    assert loss == pytest.approx(fit.curve[-1].validation_loss, rel=1e-4)
    assert fit.validation_uar == fit.curve[-1].validation_uar


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


def sources(tiny_records):
    record_set = RecordSet(tiny_records)
    rows = [number for number, row in enumerate(record_set.utterances) if row.speaker in ("s1", "s3")]
    return MemorySource(record_set.load(), rows), StreamedSource(record_set, rows)


def test_memory_and_disk_give_the_same_segments_in_order(tiny_records):
    memory, disk = sources(tiny_records)
    assert len(memory) == len(disk) == 14
    for one, other in zip(memory.ordered(5), disk.ordered(5), strict=True):
        np.testing.assert_array_equal(one.inputs["features"], other.inputs["features"])
        np.testing.assert_array_equal(one.inputs["num_frames"], other.inputs["num_frames"])
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.utterances, other.utterances)


@pytest.mark.parametrize("kind", [0, 1], ids=["memory", "disk"])
def test_an_epoch_has_full_batches_that_hold_every_segment(tiny_records, kind):
    source = sources(tiny_records)[kind]
    batches = list(source.shuffled(5, np.random.default_rng(0)))
    assert [len(batch.labels) for batch in batches] == [5, 5, 5]
    keys = [features.tobytes() for batch in batches for features in batch.inputs["features"]]
    everything = {features.tobytes() for batch in source.ordered(14) for features in batch.inputs["features"]}
    assert set(keys) == everything and len(keys) == 15
    others = [b.labels.tolist() for b in source.shuffled(5, np.random.default_rng(1))]
    assert others != [batch.labels.tolist() for batch in batches]


@pytest.mark.parametrize("kind", [0, 1], ids=["memory", "disk"])
def test_oversampling_evens_the_classes_out_with_whole_utterances(tiny_records, kind):
    record_set = RecordSet(tiny_records)
    rows = [n for n, row in enumerate(record_set.utterances) if row.speaker == "s1" or row.emotion == "low"]
    source = (MemorySource(record_set.load(), rows), StreamedSource(record_set, rows))[kind]
    size, filled = len(source), source.oversampled(np.random.default_rng(0))
    batches = list(filled.ordered(7))
    drawn = np.concatenate([batch.utterances for batch in batches])
    segments = np.array([row.num_segments for row in record_set.utterances])
    times = np.bincount(drawn, minlength=len(segments)) / segments
    assert set(np.flatnonzero(times)) == set(rows) and (times == times.astype(int)).all()
    classes = [sum(times[n] for n in rows if record_set.utterances[n].emotion == e) for e in ("high", "low", "noisy")]
    assert classes == [10, 10, 10]
    assert len(filled) == len(drawn) and len(source) == size  # what it was drawn from is as it was
    shuffled = np.concatenate([batch.utterances for batch in filled.shuffled(7, np.random.default_rng(1))])
    assert len(shuffled) == -(-len(drawn) // 7) * 7 and set(shuffled) == set(rows)
    neighbors = [np.count_nonzero(np.diff(order) == 0) for order in (shuffled, drawn)]
    assert neighbors[0] < neighbors[1] / 2  # copies do not follow one another


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
