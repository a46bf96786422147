"""Lim et al. (2016): sizes by hand, the time-distributed CNN against four passes of one CNN, and what padding may not do."""

import keras
import numpy as np
import pytest

from acrnn.errors import UsageError
from acrnn.models import MODELS
from acrnn.models.lim2016 import network as lim2016
from acrnn.recipes import LIM2016
from acrnn.segments import RULES

SMALL = {"bands": 20, "filters": (3, 4), "dense_units": 6, "lstm_units": 5, "series_units": 5}


def small(network, frames=52, **options):
    return lim2016.Config(3, frames=frames, network=network, **{**SMALL, **options})


def inputs(config, num_frames):
    generator = np.random.default_rng(0)
    features = generator.normal(size=(len(num_frames), config.frames, config.bands, 1)).astype(np.float32)
    return {"features": features, "num_frames": np.array(num_frames, np.int32)}


def parameters(network, frames):
    model = lim2016.build(lim2016.Config(7, frames=frames, network=network))
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def lstm(inputs, units):
    return 4 * units * (inputs + units + 1)


def test_the_networks_have_as_many_parameters_as_counted_by_hand():
    convolutions = (3 * 3 * 1 + 1) * 32 + (3 * 3 * 32 + 1) * 32
    flat = 15 * 15 * 32  # 128 → 126 → 63 → 61 → 15
    assert parameters("cnn", 128) == convolutions + (flat + 1) * 1024 + 1025 * 7
    assert parameters("lstm", 128) == 3 * lstm(128, 128) + 129 * 7
    assert parameters("tdcnn", 152) == convolutions + lstm(flat, 1024) + lstm(1024, 1024) + 1025 * 7


def test_the_segments_of_the_systems_are_images_and_what_four_images_cover():
    assert RULES[MODELS["lim2016-cnn"].segments].frames == RULES[MODELS["lim2016-lstm"].segments].frames == 128
    assert RULES[MODELS["lim2016-tdcnn"].segments].frames == 128 + 3 * 8


def test_the_recipe_is_that_of_table_1():
    assert (LIM2016.optimizer, LIM2016.learning_rate, LIM2016.momentum, LIM2016.decay) == ("sgd", 0.01, 0.8, 1e-6)
    assert LIM2016.oversampling and LIM2016.pooling == "majority"
    assert lim2016.Config(7).dropout == 0.25


def test_records_of_magnitudes_or_their_logarithms_feed_the_networks_and_no_others_do():
    system = MODELS["lim2016-tdcnn"]
    assert system.records_name() == "lim2016-log_lim2016-series"
    assert system.records_name("lim2016") == "lim2016_lim2016-series"
    assert MODELS["lim2016-cnn"].records_name("lim2016") == "lim2016"
    assert [MODELS[name].records_name() for name in ("chen2018-2d", "han2014-dnn-elm")] == ["chen2018", "han2014"]
    with pytest.raises(UsageError, match="^frontend chen2018: time-distributed CNN .* takes lim2016-log or lim2016"):
        system.frontend_name("chen2018")


def cnn_of(model, config, image_frames):
    """The CNN of one image, built anew from the paper's figure with the weights of the time-distributed network."""
    image = keras.Input((image_frames, config.bands, 1))
    x = image
    for number, (filters, pool) in enumerate(zip(config.filters, config.pool_sizes, strict=True), start=1):
        x = keras.layers.Conv2D(filters, 3, activation="relu", name=f"conv_{number}")(x)
        x = keras.layers.MaxPooling2D(pool)(x)
    cnn = keras.Model(image, keras.layers.Flatten()(x))
    for number in (1, 2):
        cnn.get_layer(f"conv_{number}").set_weights(model.get_layer(f"conv_{number}").get_weights())
    return cnn


def test_the_time_distributed_cnn_is_four_passes_of_one_cnn_over_four_images():
    config = small("tdcnn")
    model = lim2016.build(config)
    for weight in model.trainable_weights:  # biases start at zero, behind which an edge could hide
        weight.assign(weight + np.random.default_rng(1).normal(0, 0.2, size=weight.shape))
    data = inputs(config, [52, 52])
    series = keras.Model(model.input, model.get_layer("series").output)(data)
    cnn = cnn_of(model, config, 52 - 3 * 8)
    for number in range(4):
        image = data["features"][:, 8 * number : 8 * number + 28]
        np.testing.assert_allclose(np.asarray(series[:, number]), np.asarray(cnn(image)), atol=1e-5)


def test_the_lstm_says_at_the_last_real_frame_what_it_would_say_without_padding():
    config, short = small("lstm"), small("lstm", frames=30)
    model, exact = lim2016.build(config), lim2016.build(short)
    exact.set_weights(model.get_weights())
    data = inputs(config, [30])
    expected = exact({"features": data["features"][:, :30], "num_frames": data["num_frames"]})
    np.testing.assert_allclose(np.asarray(model(data)), np.asarray(expected), atol=1e-6)


def test_an_image_that_begins_after_the_end_is_not_read():
    """16 real frames begin the first two images, 17 the third as well."""
    config = small("tdcnn")
    model = lim2016.build(config)
    mask = keras.Model(model.input, model.get_layer("image_mask").output)
    found = np.asarray(mask(inputs(config, [16, 17, 52])))
    np.testing.assert_array_equal(found, [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]])


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="^image_hop 6: it must be a multiple of 8"):
        small("tdcnn", image_hop=6)
    with pytest.raises(UsageError, match="^images 7: segments of 52 frames are too short for so many images"):
        small("tdcnn", images=7)
    assert lim2016.build(small("tdcnn", images=5)).get_layer("series").output.shape[1] == 5  # the most that fit
    with pytest.raises(UsageError, match="^dropout 1"):
        small("cnn", dropout=1.0)
