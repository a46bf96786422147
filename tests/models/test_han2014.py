"""DNN-ELM: windows, statistics and least squares against numpy, the choice of windows, and a fit from beginning to end."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from acrnn import metrics
from acrnn.batches.sources import Feeder, StreamedSource
from acrnn.batches.utterances import whole_utterances
from acrnn.errors import UsageError
from acrnn.frontends import FRONTENDS
from acrnn.models import MODELS
from acrnn.models.han2014 import network as han2014
from acrnn.models.han2014 import training
from acrnn.models.han2014.network import Config, ContextWindows, UtteranceStatistics
from acrnn.models.han2014.training import DnnElm, loudest, ridge, window_energy
from acrnn.recipes import HAN2014, HAN2014_TUNED
from acrnn.records import RecordSet
from data_prep.__main__ import main as data_prep_main

SMALL = {"hidden_units": 32, "elm_units": 20}
RECIPE = replace(HAN2014, epochs=3, batch_size=16)


def prepared(corpus, out, segments="han2014"):
    command = ["manifest", "--data-dir", str(corpus), "--out", str(out), "--jobs", "1", "--frontend", "han2014"]
    assert data_prep_main([*command, "--segments", segments]) == 0
    return RecordSet(out)


@pytest.fixture(scope="module")
def feeder(tiny_corpus, tmp_path_factory):
    return Feeder(prepared(tiny_corpus, tmp_path_factory.mktemp("han") / "records"))


@pytest.fixture(scope="module")
def parts(feeder):
    def of(*speakers):
        return feeder.source([row.id for row in feeder.records.utterances if row.speaker in speakers])

    return of("s0", "s1", "s2"), of("s3"), of("s4")


def make_network(feeder, recipe=RECIPE, **options) -> DnnElm:
    system = MODELS["han2014-dnn-elm"]
    return system.estimator(system.configure(feeder.records.manifest, **{**SMALL, **options}), recipe)


@pytest.fixture(scope="module")
def network(feeder, parts):
    network = make_network(feeder)
    network.fit(*parts[:2], seed=0)
    return network


def utterances(lengths, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=(length, 30, 1)).astype(np.float32) for length in lengths]


def inputs(features, frames):
    padded = np.full((len(features), frames, 30, 1), 7.0, np.float32)  # padding of any value
    for row, part in zip(padded, features, strict=True):
        row[: len(part)] = part
    return {"features": padded, "num_frames": np.array([len(part) for part in features], np.int32)}


def test_the_paper_network_has_750_inputs_and_three_layers_of_256():
    model = han2014.build(Config(7))
    assert model.get_layer("windows").output.shape == (None, None, 750)
    sizes = [750 * 256 + 256, 256 * 256 + 256, 256 * 256 + 256, 256 * 7 + 7]
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == sum(sizes)
    frozen = [tuple(weight.shape) for weight in model.non_trainable_weights]
    assert frozen == [(30, 1), (30, 1), (28, 120), (120,), (120, 7)]


def test_a_window_is_the_frames_around_its_middle_in_the_order_of_time():
    features = np.arange(1, 13, dtype=np.float32).reshape(1, 6, 2, 1)
    windows = np.asarray(ContextWindows(3)(features))[0]
    assert windows[0].tolist() == [0, 0, 1, 2, 3, 4]
    assert windows[2].tolist() == [3, 4, 5, 6, 7, 8]
    assert windows[5].tolist() == [9, 10, 11, 12, 0, 0]


def test_statistics_are_maximum_minimum_mean_and_share_above_the_threshold_of_real_windows():
    posteriors = np.random.default_rng(0).dirichlet(np.full(5, 0.4), size=(3, 20)).astype(np.float32)
    lengths = [20, 13, 1]
    found = np.asarray(UtteranceStatistics(0.2)(posteriors, np.arange(20) < np.array(lengths)[:, None]))
    for row, values, length in zip(found, posteriors, lengths, strict=True):
        real = values[:length]
        expected = [real.max(axis=0), real.min(axis=0), real.mean(axis=0), (real > 0.2).mean(axis=0)]
        np.testing.assert_allclose(row, np.concatenate(expected), rtol=1e-5)


def test_scores_do_not_depend_on_how_far_an_utterance_is_padded_or_with_what(network):
    features = utterances([60, 31, 44])
    short, long = (np.asarray(network.model(inputs(features, frames))) for frames in (60, 150))
    np.testing.assert_allclose(short, long, atol=1e-5)
    alone = np.concatenate([np.asarray(network.model(inputs([part], len(part)))) for part in features])
    np.testing.assert_allclose(short, alone, atol=1e-5)
    assert np.ptp(short, axis=0).max() > 1e-3


@pytest.mark.parametrize("weights", [None, np.linspace(0.2, 3, 50)], ids=["plain", "weighted"])
def test_the_output_weights_are_the_least_squares_of_the_rows_augmented_with_the_penalty(weights):
    generator = np.random.default_rng(0)
    hidden, targets = generator.uniform(size=(50, 8)), np.eye(3)[generator.integers(3, size=50)]
    root = np.sqrt(np.ones(50) if weights is None else weights)[:, None]
    rows = np.concatenate([root * hidden, np.sqrt(0.3) * np.eye(8)])
    expected = np.linalg.lstsq(rows, np.concatenate([root * targets, np.zeros((8, 3))]), rcond=None)[0]
    np.testing.assert_allclose(ridge(hidden, targets, 0.3, weights), expected, rtol=1e-8)


def test_the_elm_of_a_fit_is_solved_on_the_training_utterances_alone(network, parts):
    features, labels, _ = whole_utterances(parts[0])
    hidden = np.concatenate([np.asarray(network.hidden_model(inputs([part], len(part)))) for part in features])
    kernel = np.asarray(network.model.get_layer("elm_output").kernel)
    expected = ridge(hidden, np.eye(3)[labels], network.config.elm_ridge)
    np.testing.assert_allclose(hidden @ kernel, hidden @ expected, atol=1e-3)


def test_utterances_are_put_together_again_as_they_were_extracted(feeder, tiny_corpus, parts):
    from acrnn.audio import load_waveform

    features, labels, _ = whole_utterances(parts[2])
    rows = [row for row in feeder.records.utterances if row.speaker == "s4"]
    assert labels.tolist() == [row.label for row in rows]
    assert max(len(part) for part in features) > feeder.records.manifest.rule.frames
    for row, part in zip(rows, features, strict=True):
        waveform = load_waveform(next(tiny_corpus.glob(f"**/{row.path}")), 16000)
        np.testing.assert_array_equal(part, FRONTENDS["han2014"].extract(waveform))


def test_the_loudest_windows_lie_around_the_loud_frames_and_one_is_always_taken():
    features = np.zeros((100, 30, 1), np.float32)
    features[60:65, 0] = 5.0  # the log energy
    energy = window_energy(features, 5)
    assert energy.argmax() == 62
    assert energy[62] == pytest.approx(np.exp(5.0))
    assert energy[60] == pytest.approx((3 * np.exp(5.0) + 2) / 5)
    assert energy[0] == pytest.approx(1)  # of three real frames, not of five
    assert loudest(energy, 0.05).tolist() == [60, 61, 62, 63, 64]
    assert loudest(energy[:3], 0.1).tolist() == [0]
    assert len(loudest(energy, 1.0)) == 100
    assert len(window_energy(features[:2], 5)) == 2


def test_the_dnn_is_trained_on_the_loudest_windows_as_the_network_sees_them(network):
    features = utterances([50, 200])
    chosen = network.loud_windows(features)
    assert [len(part) for part in chosen] == [5, 20]
    for part, windows in zip(features, chosen, strict=True):
        every = np.asarray(network.context_model(inputs([part], len(part))))[0]
        np.testing.assert_allclose(windows, every[loudest(window_energy(part, 25), 0.1)], atol=1e-5)
    logits = np.asarray(network.dnn({"windows": chosen[1]}))
    whole = keras.Model(network.model.input, network.model.get_layer("window_logits").output)
    expected = np.asarray(whole(inputs(features[1:], 200)))[0][loudest(window_energy(features[1], 25), 0.1)]
    np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_every_training_window_has_the_label_of_its_utterance():
    windows = [np.full((count, 3), utterance, np.float32) for utterance, count in enumerate((5, 1, 9))]
    source = training.WindowSource(windows, np.array([2, 0, 1]))
    batches = list(source.shuffled(4, np.random.default_rng(0)))
    assert len(source) == 15 and [len(batch.labels) for batch in batches] == [4, 4, 4, 4]
    for batch in batches:
        np.testing.assert_array_equal(batch.labels, np.array([2, 0, 1])[batch.inputs["windows"][:, 0].astype(int)])


def without_time(fit):
    return [replace(epoch, seconds=0, waiting_share=0) for epoch in fit.curve]


def test_a_run_does_not_depend_on_the_runs_before_it(feeder, parts):
    used = make_network(feeder)
    used.fit(parts[1], parts[2], seed=7)
    again, afresh = used.fit(*parts[:2], seed=2), make_network(feeder).fit(*parts[:2], seed=2)
    assert without_time(again) == without_time(afresh)
    assert without_time(used.fit(*parts[:2], seed=3)) != without_time(again)


def test_the_tiny_corpus_is_learnt(network, parts):
    fit = network.fit(*parts[:2], seed=1)
    assert fit.curve[-1].loss < 0.5 * fit.curve[0].loss
    posteriors, labels = network.posteriors(parts[2])
    np.testing.assert_allclose(posteriors.sum(axis=1), 1)
    assert metrics.uar(metrics.confusion(labels, posteriors.argmax(axis=1), 3)) > 0.6


def test_a_saved_network_gives_the_posteriors_of_the_fitted_one(network, parts, tmp_path):
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
    posteriors, _ = network.posteriors(parts[2])
    features = whole_utterances(parts[2]).features
    for part, expected in zip(features, posteriors, strict=True):
        scores = np.asarray(loaded(inputs([part], 400)))[0]
        np.testing.assert_allclose(np.exp(scores) / np.exp(scores).sum(), expected, atol=1e-5)
    assert network.attention(inputs(features[:1], 400)) is None


def test_memory_and_disk_give_the_same_fit(feeder, parts):
    rows = [number for number, row in enumerate(feeder.records.utterances) if row.speaker in ("s0", "s1", "s2")]
    streamed = StreamedSource(feeder.records, rows)
    network = make_network(feeder)
    assert without_time(network.fit(streamed, parts[1], seed=4)) == without_time(network.fit(*parts[:2], seed=4))


def test_class_weights_weigh_the_least_squares_as_well(feeder, parts, monkeypatch):
    seen = []
    monkeypatch.setattr(training, "ridge", lambda *given: seen.append(given[3]) or ridge(*given))
    network = make_network(feeder, replace(RECIPE, epochs=1, class_weights=True))
    rows = feeder.records.utterances
    some = feeder.source([row.id for row in rows if row.emotion == "high" or row.speaker == "s0"])
    network.fit(some, parts[1], seed=0)
    labels = whole_utterances(some).labels
    (weights,) = seen
    assert weights[labels == 0].max() < weights[labels != 0].min()  # "high" has the most windows


@pytest.mark.parametrize(
    "change", [{"pooling": "mean"}, {"averaging": 0.9}, {"precision": "mixed_bfloat16"}], ids=lambda c: next(iter(c))
)
def test_options_without_a_meaning_for_it_are_refused(feeder, change):
    with pytest.raises(UsageError, match=f"{next(iter(change))} .*: it has no effect on DNN-ELM"):
        make_network(feeder, replace(RECIPE, **change))


@pytest.mark.parametrize(
    ("option", "value"),
    [("context_frames", 24), ("hidden_units", 0), ("energy_share", 0.0), ("share_threshold", 1.0), ("elm_ridge", 0.0)],
)
def test_values_out_of_range_are_refused(option, value):
    with pytest.raises(UsageError, match=f"^{option} {value}: it must"):
        Config(7, **{option: value})


@pytest.mark.parametrize("centered", [False, True])
def test_a_constant_offset_of_the_features_changes_a_centered_network_not_at_all(centered):
    model = han2014.build(Config(7, centered=centered))
    features = utterances([60, 41])
    posteriors = keras.Model(model.input, model.get_layer("statistics").output)
    offset = np.linspace(-2, 2, 30, dtype=np.float32)[:, None]
    before, after = (
        np.asarray(posteriors(inputs(part, 64))) for part in (features, [each + offset for each in features])
    )
    assert np.allclose(before, after, atol=1e-5) == centered


def test_the_tuned_recipe_trains_on_every_window_of_centered_utterances(feeder, parts):
    options = dict(HAN2014_TUNED.network)
    network = make_network(feeder, replace(HAN2014_TUNED, epochs=1), **options)
    features = whole_utterances(parts[0]).features
    assert [len(part) for part in network.loud_windows(features)] == [len(part) for part in features]
    assert network.model.get_layer("normalization").centered and network.config.elm_ridge == 3.0


def test_records_with_overlapping_segments_are_refused(tiny_corpus, tmp_path):
    records = prepared(tiny_corpus, tmp_path / "records", segments="chen2018")
    with pytest.raises(ValueError, match=r"records: segments overlap.* --segments han2014"):
        MODELS["han2014-dnn-elm"].check_records(records)
