"""The contract of every system in MODELS, and of the ACRNN in particular the paper's sizes counted by hand."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from support.long_tests import long_test
from support.networks import (
    CLASSES,
    FRAMES,
    inputs,
    inputs_of,
    small_config,
    small_network,
    source_of,
)

from acrnn import frontends, recipes
from acrnn.errors import UsageError
from acrnn.frontends import FRONTENDS
from acrnn.models import MODELS
from acrnn.models.chen2018 import network as chen2018
from acrnn.training.estimator import Estimator
from acrnn.training.state import copy_state


@pytest.fixture(scope="module", params=MODELS)
def network(request):
    """Fitted, so that no weight is left at a zero behind which a fault could hide."""
    network = small_network(request.param)
    network.fit(source_of(network), source_of(network), seed=0)
    return network


def parameters(function):
    return [(item.name, item.kind) for item in inspect.signature(function).parameters.values()]


def test_every_estimator_keeps_the_protocol(network):
    assert isinstance(network, Estimator)
    for method in ("fit", "posteriors", "pooled", "attention", "save"):
        assert parameters(getattr(type(network), method)) == parameters(getattr(Estimator, method)), method


def test_logits_have_a_value_a_class_and_are_float32(network):
    logits = network.model(inputs_of(network))
    assert logits.shape == (4, CLASSES)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


def test_every_weight_moves_in_an_epoch(network):
    network.reset(seed=1)
    before = [np.array(weight) for weight in network.model.trainable_weights]
    network.fit(source_of(network), source_of(network), seed=1)  # three steps: a ReLU may sleep through one batch
    for weight, old in zip(network.model.trainable_weights, before, strict=True):
        assert np.abs(np.array(weight) - old).max() > 0, weight.path


def test_a_prediction_does_not_change_with_batch_mates_or_their_order(network):
    data = inputs_of(network, 8)
    together = np.asarray(network.model(data))
    alone = np.concatenate([np.asarray(network.model({k: v[i : i + 1] for k, v in data.items()})) for i in range(8)])
    order = np.random.default_rng(1).permutation(8)
    mixed = np.asarray(network.model({name: value[order] for name, value in data.items()}))
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(together[order], mixed, atol=1e-5)


def test_what_lies_in_padded_frames_and_words_does_not_matter(network):
    data = inputs_of(network)
    loud = {name: value.copy() for name, value in data.items()}
    for values, counts, wrong in (("features", "num_frames", 100.0), ("tokens", "num_words", 3)):
        for row, real in zip(loud.get(values, ()), data.get(counts, ()), strict=True):
            row[real:] = wrong
    np.testing.assert_allclose(np.asarray(network.model(data)), np.asarray(network.model(loud)), atol=1e-5)


def attention_of(network, data):
    if (weights := network.attention(data)) is None:
        assert not [layer for layer in network.model.layers if "attention" in layer.name]
        pytest.skip("this system has no attention")
    return weights


def test_an_odd_number_of_frames_is_padded_as_well_as_an_even_one(network):
    """The last step of a network that pools time in pairs then holds one real frame."""
    data = inputs_of(network)
    attention_of(network, data)  # or there is nothing to see
    data["num_frames"] = data["num_frames"] - 1
    for segment, real in zip(data["features"], data["num_frames"], strict=True):
        segment[real:] = 0
    weights = attention_of(network, data)
    pooled = FRAMES // weights.shape[1]
    assert ((weights > 0).sum(axis=1) == -(-data["num_frames"] // pooled)).all()


def test_features_are_normalised_in_full_precision_whatever_the_policy():
    network = small_network("chen2018-3d", precision="mixed_bfloat16")
    layer = network.model.get_layer("normalization")
    data = inputs()["features"] - 6.0
    layer.adapt([(data, np.full(4, FRAMES))])
    normalized = np.asarray(layer(data, np.ones((4, FRAMES), bool))).astype(np.float32)
    expected = (data - np.asarray(layer.mean)) / np.asarray(layer.deviation)
    np.testing.assert_allclose(normalized, expected, rtol=2**-8, atol=1e-6)  # bfloat16's own rounding, no more


PARTS = (
    "chen2018-3d",
    "lim2016-cnn",
    "lim2016-lstm",
    "lim2016-tdcnn",
    "zhang2021",
    "zhang2021-2cnn-lstm",
    "peng2021-bimodal-att",
)


@pytest.mark.parametrize("name", PARTS)
def test_half_the_precision_says_nearly_the_same(name):
    full, half = small_network(name), small_network(name, precision="mixed_bfloat16")
    data = inputs_of(full)
    copy_state(full.model, half.model)
    exact, rounded = (np.asarray(one.model(data)) for one in (full, half))
    assert exact.dtype == rounded.dtype == np.float32 and np.abs(exact).max() > 1e-3
    np.testing.assert_allclose(rounded, exact, atol=0.03 * np.abs(exact).max())


def test_attention_lies_on_real_frames_and_sums_to_one(network):
    data = inputs_of(network)
    weights = attention_of(network, data)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    for row, real in zip(weights, data["num_frames"] * weights.shape[1] // FRAMES, strict=True):
        assert (row[real:] == 0).all()
        assert (row[:real] > 0).all()


def test_a_saved_network_gives_the_same_logits_when_loaded_in_safe_mode(network, tmp_path):
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
    data = inputs_of(network)
    np.testing.assert_allclose(np.asarray(loaded(data)), np.asarray(network.model(data)), atol=1e-6)


def test_a_system_refuses_parts_it_does_not_have_and_values_out_of_range():
    with pytest.raises(ValueError, match="^kernel_count .*: 3-D ACRNN .* has no such field"):
        small_config("chen2018-3d", kernel_count=3)
    with pytest.raises(UsageError, match="^conv_layers 8: choose from 1 to 7"):
        small_config("chen2018-3d", conv_layers=8)
    for dropout in (-0.1, 1.0, float("nan")):
        with pytest.raises(UsageError, match=r"^dropout .*: it must be a number from 0 up to, not including, 1"):
            MODELS["chen2018-3d"].check_options(dropout=dropout)


@pytest.mark.parametrize("value", [0.0, -1e-3, float("nan"), float("inf")])
def test_a_recipe_refuses_rates_that_cannot_train(value):
    with pytest.raises(UsageError, match=r"learning_rate .*: it must be a number above 0"):
        recipes.Recipe(learning_rate=value)
    with pytest.raises(UsageError, match=r"gradient_clip_norm .*: it must be a number above 0"):
        recipes.Recipe(gradient_clip_norm=value)


def with_statistics(model):
    """The network with a mean of its features that is not zero, so that raw zeros differ from normalized ones."""
    model.get_layer("normalization").mean.assign(np.full(model.get_layer("normalization").mean.shape, 2.0))
    return model


def test_padding_is_speech_only_in_an_unmasked_network_as_in_the_authors_code():
    for masked in (True, False):
        model = with_statistics(chen2018.build(small_config("chen2018-original", masked=masked)))
        data = inputs()
        louder = {**data, "features": data["features"].copy()}
        for segment, real in zip(louder["features"], data["num_frames"], strict=True):
            segment[real:] = 3.0
        assert np.allclose(model(louder), model(data), atol=1e-6) == masked
    raw_zeros = np.asarray(model.get_layer("normalization")(data["features"], np.zeros((4, FRAMES), bool)))
    assert (raw_zeros[data["features"] == 0] == -2).all()  # normalized like speech


@pytest.mark.parametrize("name", ["chen2018-3d", "chen2018-2d", "chen2018-original"])
def test_more_padding_does_not_change_a_prediction(name):
    """The same weights on the same frames, in a longer frame of zeros."""
    short, long = small_config(name), small_config(name)
    long = type(long)(**{**vars(long), "frames": 2 * FRAMES})
    model, longer = chen2018.build(short), chen2018.build(long)
    generator = np.random.default_rng(0)
    for weight in model.trainable_weights:  # biases start at zero, and a BLSTM of zeros is at rest in any padding
        weight.assign(weight + generator.normal(0, 0.2, size=weight.shape))
    longer.set_weights(with_statistics(model).get_weights())
    data = inputs()
    data["num_frames"] = np.array([FRAMES, FRAMES - 2, 30, 24], np.int32)  # convolutions see the edge of the first two
    padded = np.concatenate([data["features"], np.zeros_like(data["features"])], axis=1)
    expected = np.asarray(model(data))
    found = np.asarray(longer({"features": padded, "num_frames": data["num_frames"]}))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def parameters_by_hand(conv_layers, channels=3, classes=7):
    """Weights and biases of Fig. 1, layer by layer."""
    convolutions = 5 * 3 * channels * 128 + 128
    for number in range(2, conv_layers + 1):
        convolutions += 5 * 3 * (128 if number == 2 else 256) * 256 + 256
    maps = 128 if conv_layers == 1 else 256
    linear = (20 * maps) * 768 + 768
    blstm = 2 * 4 * (768 * 128 + 128 * 128 + 128)
    attention = 256
    dense = 256 * 64 + 64 + 2 * 64
    return convolutions + linear + blstm + attention + dense + 64 * classes + classes


@pytest.mark.parametrize("conv_layers", range(1, 8))
def test_the_paper_network_has_as_many_parameters_as_counted_by_hand(conv_layers):
    model = chen2018.build(chen2018.Config(7, conv_layers=conv_layers))
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert trainable == parameters_by_hand(conv_layers)


def test_the_two_dimensional_network_sees_the_static_channel_alone():
    model = chen2018.build(chen2018.Config(7, channels=1))
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == parameters_by_hand(1, channels=1)
    data = inputs(frames=300)
    changed = {**data, "features": data["features"].copy()}
    changed["features"][..., 1:] += 1
    np.testing.assert_array_equal(np.asarray(model(data)), np.asarray(model(changed)))


def test_the_original_network_has_the_parts_of_the_authors_code():
    config = chen2018.Config(4, **MODELS["chen2018-original"].variant)
    model = chen2018.build(config)
    names = {layer.name for layer in model.layers}
    assert "linear_batch_norm" in names and "dense_batch_norm" not in names
    assert model.get_layer("flatten_bands").output.shape == (None, 150, 10 * 256)
    assert [name for name in sorted(names) if name[-1].isdecimal()] == [f"conv_{number}" for number in range(1, 7)]
    assert model.get_layer("attention").hidden == 1
    assert model.get_layer("conv_1_activation").negative_slope == pytest.approx(0.01)
    np.testing.assert_allclose(np.asarray(model.get_layer("conv_1").bias), 0.1)


BACKEND_PROGRAM = """
import json, sys
sys.modules["tensorflow"] = None  # any import of it fails from here on
from support.networks import small_network, source_of
network = small_network(sys.argv[1], epochs=6)
source = source_of(network, 4)
losses = [epoch.loss for epoch in network.fit(source, source, seed=3).curve]
import keras
print(json.dumps([keras.backend.backend(), losses]))
"""


@pytest.mark.parametrize(
    "name",
    ["chen2018-3d", *(pytest.param(name, marks=long_test) for name in ("han2014-dnn-elm", "peng2021-bimodal-att"))],
)
def test_the_network_trains_on_the_jax_backend_where_there_is_no_tensorflow(name):
    pytest.importorskip("jax", reason="the second backend is not installed: pip install jax")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", BACKEND_PROGRAM, name], env=environment, capture_output=True, text=True, check=True
    )
    backend, losses = json.loads(done.stdout.splitlines()[-1])
    assert backend == "jax"
    assert losses[-1] < losses[0]


def test_front_ends_of_all_systems_are_registered():
    assert {system.frontend for system in MODELS.values()} <= set(FRONTENDS)
    assert all(frontends.from_dict(frontends.to_dict(spec)) == spec for spec in FRONTENDS.values())
