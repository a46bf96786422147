"""Adapted batch normalization: by hand the same, only in prediction, one speaker at a time, and undone afterwards."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from support.tiny_corpus import TINY_NETWORK
from support.tiny_network import make_network

from acrnn.batches.sources import Feeder
from acrnn.batches.speaker_statistics import Choice
from acrnn.crossval import Experiment, Prepared, cross_validate
from acrnn.crossval.prediction.utterances import UtterancePrediction
from acrnn.crossval.run import read_run, run_path
from acrnn.errors import FieldError
from acrnn.models import load_network
from acrnn.recipes import Recipe
from acrnn.records import RecordSet
from acrnn.training.speaker_batch_norm import SpeakerBatchNorm

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=2)
ADAPTED = Choice.parse("speaker+batch-norm")


def ids_of(records, *speakers):
    return [row.id for row in RecordSet(records).utterances if row.speaker in speakers]


def test_inside_the_context_the_layer_standardizes_the_recordings_and_afterwards_it_is_as_before(tiny_records):
    feeder = Feeder(RecordSet(tiny_records), speaker_statistics=ADAPTED)
    model = make_network(feeder, RECIPE).model
    source = feeder.source(ids_of(tiny_records, "s1"))
    layer = model.get_layer("dense_batch_norm")
    layer.moving_mean.assign(layer.moving_mean + 3.0)
    outputs = keras.Model(model.input, layer.output)

    def standardized():
        values = np.concatenate([outputs.predict_on_batch(batch.inputs) for batch in source.ordered(8)])
        return (values - layer.beta.numpy()) / layer.gamma.numpy()

    before = standardized()
    with SpeakerBatchNorm(model, 8).adapted(source):
        inside = standardized()
    np.testing.assert_allclose(inside.mean(axis=0), 0, atol=1e-4)
    assert (inside.std(axis=0) < 1.001).all() and np.median(
        inside.std(axis=0)
    ) > 0.5  # epsilon counts for small variances
    np.testing.assert_array_equal(standardized(), before)


def test_a_share_leaves_the_rest_to_the_statistics_of_the_training_part(tiny_records):
    feeder = Feeder(RecordSet(tiny_records), speaker_statistics=ADAPTED)
    model = make_network(feeder, RECIPE).model
    layer, adapter = model.get_layer("dense_batch_norm"), SpeakerBatchNorm(model, 8)
    source = feeder.source(ids_of(tiny_records, "s1"))

    def statistics():
        return np.stack([layer.moving_mean.numpy(), layer.moving_variance.numpy()])

    trained = statistics()
    with adapter.adapted(source):
        own = statistics()
    with adapter.adapted(source, 0.25):
        np.testing.assert_allclose(statistics(), 0.25 * own + 0.75 * trained, rtol=1e-6)
    assert abs(own - trained).max() > 0.1


def test_each_speaker_is_predicted_with_its_own_recordings_in_the_order_of_the_table(tiny_records):
    feeder = Feeder(RecordSet(tiny_records), speaker_statistics=ADAPTED)
    network = make_network(feeder, RECIPE)
    names = ids_of(tiny_records, "s2", "s0")[::-1]
    together, labels = UtterancePrediction(network, feeder, 8).pooled(names, feeder.normalizer, ("max",))
    alone = [
        UtterancePrediction(network, feeder, 8).pooled(ids_of(tiny_records, speaker), feeder.normalizer, ("max",))
        for speaker in ("s0", "s2")
    ]
    rows = sorted(feeder.rows[name] for name in names)
    order = np.argsort([feeder.rows[name] for speaker in ("s0", "s2") for name in ids_of(tiny_records, speaker)])
    expected = np.concatenate([part["max"] for part, _ in alone])[order]
    np.testing.assert_allclose(together["max"], expected, atol=1e-6)
    assert labels.tolist() == [feeder.records.utterances[row].label for row in rows]
    plain, _ = network.pooled(feeder.source(names), ("max",))
    assert abs(plain["max"] - expected).max() > 1e-3


def test_a_cross_validation_adapts_test_and_validation_and_trains_as_without(tiny_records, tmp_path):
    experiment = Experiment(tiny_records, "chen2018-3d", RECIPE, options=TINY_NETWORK, speaker_statistics=ADAPTED)
    plain = replace(experiment, speaker_statistics=Choice.parse("speaker"))
    for name, each in (("adapted", experiment), ("plain", plain)):
        cross_validate(each, tmp_path / name, folds=[0], announce=lambda line: None)
    adapted, before = (read_run(run_path(tmp_path / name, 0, 0)) for name in ("adapted", "plain"))
    losses = [[epoch.loss for epoch in run.curve] for run in (adapted, before)]
    np.testing.assert_allclose(*losses, rtol=1e-5)
    model = load_network(run_path(tmp_path / "adapted", 0, 0).with_suffix(".keras"))
    feeder = Feeder(RecordSet(tiny_records), speaker_statistics=ADAPTED)
    prediction = UtterancePrediction(make_network(feeder, RECIPE), feeder, 8)
    prediction.estimator.model.set_weights(model.get_weights())
    for run, names in (
        (adapted.probabilities, adapted.utterances),
        (adapted.validation.probabilities, adapted.validation.utterances),
    ):
        expected, _ = prediction.pooled(names, feeder.normalizer, ("max",))
        np.testing.assert_allclose(run, expected["max"], atol=1e-4)
    assert abs(np.array(adapted.probabilities) - before.probabilities).max() > 1e-3
    assert abs(np.array(adapted.validation.probabilities) - before.validation.probabilities).max() > 1e-3


def test_a_network_without_this_layer_is_refused_and_the_choice_is_told(tiny_records):
    options = {**TINY_NETWORK, "dense_batch_norm": False}
    experiment = Experiment(tiny_records, "chen2018-3d", RECIPE, options=options, speaker_statistics=ADAPTED)
    with pytest.raises(FieldError, match=r"speaker\+batch-norm: chen2018-3d has no batch normalization"):
        Prepared.of(experiment)
    assert str(ADAPTED) == "speaker+batch-norm" and "adapted batch normalization" in ADAPTED.title
    assert "last batch normalization" in ADAPTED.sentence and "(transductive)" in ADAPTED.sentence
    with pytest.raises(FieldError, match="choose corpus"):
        Choice.parse("utterance+batch-norm")
