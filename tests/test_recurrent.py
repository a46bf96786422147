"""The training step of LSTM and BLSTM: outputs and gradients of the layers of Keras, whose weights and predictions they have."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from acrnn import recurrent
from acrnn.recurrent import BLSTM, LSTM

UNITS, STEPS, FEATURES = 5, 12, 7
LENGTHS = np.array([12, 5, 1, 0])  # a whole sequence, padded ones and one without a step
MASK = np.arange(STEPS) < LENGTHS[:, None]


def pair(dtype="float32"):
    """The BLSTM and the layer of Keras with the same weights, none of them zero."""
    return of_equal_weights(
        *(
            layer(layers.LSTM(UNITS, return_sequences=True), dtype=keras.DTypePolicy(dtype))
            for layer in (BLSTM, layers.Bidirectional)
        )
    )


def of_equal_weights(*built):
    generator = np.random.default_rng(0)
    for layer in built:
        layer.build((None, STEPS, FEATURES))
    values = [generator.normal(0, 0.5, weight.shape) for weight in built[0].weights]
    for layer in built:
        layer.set_weights(values)
    return built


def outputs_and_gradients(layer, mask):
    generator = np.random.default_rng(1)
    x = tf.constant(generator.normal(size=(len(LENGTHS), STEPS, FEATURES)), tf.float32)
    every = generator.normal(size=(len(LENGTHS), STEPS, 2 * UNITS)).astype(np.float32)

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = tf.cast(layer(x, mask=None if mask is None else tf.constant(mask), training=True), tf.float32)
            weights = every[..., : output.shape[-1]] if len(output.shape) == 3 else every[:, 0, : output.shape[-1]]
            if mask is not None and len(output.shape) == 3:
                weights = weights * mask[..., None]  # the outputs of masked steps are not used
            loss = tf.reduce_sum(output * weights)
        return output, tape.gradient(loss, [x, *[weight.value for weight in layer.trainable_weights]])

    output, gradients = run()
    return [output, *gradients]


@pytest.mark.parametrize("mask", [MASK, None], ids=["padded", "whole"])
def test_outputs_and_gradients_are_those_of_keras(mask):
    own, reference = (outputs_and_gradients(layer, mask) for layer in pair())
    assert len(own) == len(reference) == 8 and max(abs(value).max() for value in map(np.array, own)) > 0.5
    for ours, theirs in zip(own, reference, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    if mask is not None:
        assert not np.array(own[0])[~mask].any() and not np.array(own[1])[~mask].any()


@pytest.mark.parametrize("mask", [MASK, None], ids=["padded", "whole"])
@pytest.mark.parametrize("return_sequences", [True, False], ids=["sequences", "last"])
def test_outputs_and_gradients_of_one_direction_are_those_of_keras(return_sequences, mask):
    layer_pair = of_equal_weights(*(layer(UNITS, return_sequences=return_sequences) for layer in (LSTM, layers.LSTM)))
    own, reference = (outputs_and_gradients(layer, mask) for layer in layer_pair)
    if return_sequences and mask is not None:  # masked steps have any value
        own[0], reference[0] = own[0][mask], reference[0][mask]
    assert len(own) == len(reference) == 5 and max(abs(value).max() for value in map(np.array, own)) > 0.5
    for ours, theirs in zip(own, reference, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_bfloat16_is_as_near_to_float32_as_that_of_keras():
    exact = outputs_and_gradients(pair()[1], MASK)
    for layer in pair("mixed_bfloat16"):
        for rounded, value in zip(outputs_and_gradients(layer, MASK), exact, strict=True):
            np.testing.assert_allclose(rounded, value, atol=0.05 * np.abs(value).max())


@pytest.mark.parametrize("kind", [LSTM, BLSTM])
def test_the_fast_path_is_that_of_training_on_a_processor(monkeypatch, kind):
    layer, taken = LSTM(UNITS) if kind is LSTM else pair()[0], []
    monkeypatch.setattr(kind, "trained", lambda self, *inputs: taken.append(inputs))
    x = np.zeros((1, STEPS, FEATURES), np.float32)
    for training in (False, None):
        layer(x, training=training)
    assert not taken
    layer(x, training=True)
    assert len(taken) == 1
    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind: [f"{kind}:0"])
    layer(x, training=True)
    assert len(taken) == 1


@pytest.mark.parametrize(
    "option",
    [
        {"dropout": 0.1},
        {"recurrent_dropout": 0.1},
        {"use_bias": False},
        {"activation": "relu"},
        {"recurrent_activation": "hard_sigmoid"},
        {"go_backwards": True},
        {"return_state": True},
        {"stateful": True},
    ],
    ids=lambda option: next(iter(option)),
)
def test_a_layer_with_other_options_is_trained_by_keras(monkeypatch, option):
    taken = []
    for kind in (LSTM, BLSTM):
        monkeypatch.setattr(kind, "trained", lambda self, *inputs: taken.append(inputs))
    x = np.zeros((1, STEPS, FEATURES), np.float32)
    LSTM(UNITS, **option)(x, training=True)
    if not {"return_state", "go_backwards"} & set(option):  # refused by Bidirectional, or another layout of its outputs
        BLSTM(layers.LSTM(UNITS, return_sequences=True, **option))(x, training=True)
    assert not taken
    BLSTM(layers.LSTM(UNITS, return_sequences=True), merge_mode="sum")(x, training=True)
    BLSTM(layers.LSTM(UNITS))(x, training=True)
    assert not taken


def test_a_saved_network_is_loaded_with_its_predictions_and_names(tmp_path):
    inputs = keras.Input((STEPS, FEATURES))
    networks = []
    for layer in (BLSTM, layers.Bidirectional):
        networks.append(
            keras.Model(inputs, layer(layers.LSTM(UNITS, return_sequences=True, name="lstm"), name="blstm")(inputs))
        )
    own, reference = networks
    assert [weight.path for weight in own.weights] == [weight.path for weight in reference.weights]
    own.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
    assert isinstance(loaded.get_layer("blstm"), BLSTM)
    x = np.random.default_rng(0).normal(size=(2, STEPS, FEATURES)).astype(np.float32)
    np.testing.assert_array_equal(loaded.predict_on_batch(x), own.predict_on_batch(x))
    reference.set_weights(own.get_weights())
    np.testing.assert_array_equal(reference.predict_on_batch(x), own.predict_on_batch(x))


def test_a_saved_lstm_is_loaded_with_its_predictions_and_names(tmp_path):
    inputs = keras.Input((STEPS, FEATURES))
    own, reference = (keras.Model(inputs, layer(UNITS, name="lstm")(inputs)) for layer in (LSTM, layers.LSTM))
    assert [weight.path for weight in own.weights] == [weight.path for weight in reference.weights]
    own.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
    assert isinstance(loaded.get_layer("lstm"), LSTM)
    x = np.random.default_rng(0).normal(size=(2, STEPS, FEATURES)).astype(np.float32)
    reference.set_weights(own.get_weights())
    for network in (loaded, reference):
        np.testing.assert_array_equal(network.predict_on_batch(x), own.predict_on_batch(x))


def test_closed_gates_stay_closed_in_bfloat16():
    assert float(keras.ops.sigmoid(keras.ops.cast(-recurrent._CLOSED, "bfloat16"))) == 0
