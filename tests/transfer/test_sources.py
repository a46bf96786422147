"""Sources of a fine-tuning: an exported model, an experiment or its .keras file give the same weights, and others are refused."""

import json
import shutil

import keras
import numpy as np
import pytest
from support.exports import LABELS, sharp
from support.tiny_corpus import TINY_NETWORK

from acrnn.crossval import Experiment, cross_validate
from acrnn.crossval.fine_tuning import network_of_model
from acrnn.errors import UsageError
from acrnn.export import version_folder
from acrnn.export.trained_model import TrainedModel
from acrnn.models import MODELS, load_network
from acrnn.recipes import Recipe
from acrnn.transfer.saved_weights import VARIABLES
from acrnn.transfer.sources import initial_model


@pytest.fixture(scope="module")
def run(tiny_records, tmp_path_factory):
    """An experiment with one network; to be read only."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs=1)
    cross_validate(
        Experiment(tiny_records, "chen2018-3d", recipe, options=TINY_NETWORK),
        folder,
        folds=[0],
        announce=lambda line: None,
    )
    return folder


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    """The network of the experiment as an exported model; to be read only."""
    out = tmp_path_factory.mktemp("models") / "tiny" / "1"
    version_folder.export(TrainedModel.of_run(run, 0), out)
    return out.parent


def untrained(model):
    system = MODELS[model.system]
    return system.build(system.config(**network_of_model(model)))


def test_an_experiment_its_file_and_its_export_give_the_weights_of_its_network(run, exported):
    file = run / "runs" / "fold00_seed0.keras"
    trained = load_network(file).get_weights()
    models = [initial_model(source) for source in (run, file, exported, exported / "1", str(exported))]
    for model in models:
        for value, expected in zip(model.read_weights(untrained(model)), trained, strict=True):
            np.testing.assert_array_equal(value, expected)
    assert [model.name for model in models] == ["tiny/fold00_seed0"] * 2 + ["tiny"] * 3
    assert {(model.corpus["name"], model.labels, len(model.speakers)) for model in models} == {
        ("corpus", ("high", "low", "noisy"), 3)
    }


@pytest.mark.parametrize("system", ["lim2016-tdcnn", "zhang2021-2cnn-lstm", "peng2021-bimodal"])
def test_the_weights_of_every_kind_of_network_are_found_in_its_export(system, tmp_path):
    trained = sharp(system)
    version_folder.export(trained, tmp_path / "model" / "1")
    model = initial_model(tmp_path / "model")
    network = MODELS[system].build(trained.settings.config)
    for value, weight in zip(model.read_weights(network), trained.model.weights, strict=True):
        np.testing.assert_array_equal(value, np.array(weight))
    assert model.labels == LABELS


def test_the_included_model_predicts_alike_with_the_weights_that_are_read():
    model = initial_model("acrnn_emodb")
    network = untrained(model)
    network.set_weights(model.read_weights(network))
    features = np.random.default_rng(0).normal(size=(2, 300, 40, 3)).astype(np.float32)
    inputs = {"features": features, "num_frames": np.array([300, 120], np.int32)}
    features[1, 120:] = 0
    probabilities = keras.ops.softmax(network.predict_on_batch(inputs))
    expected = _segments("acrnn_emodb", inputs)
    np.testing.assert_allclose(np.array(probabilities), expected, atol=1e-5)
    assert model.frontend.trim_db == 30.0 and model.corpus["licence"].startswith("CC0")


def _segments(name, inputs):
    """Probabilities of segments by TensorFlow alone."""
    import tensorflow as tf

    from acrnn.inference import locate

    signature = tf.saved_model.load(str(locate.version_folder(name))).signatures["segments"]
    return signature(**{key: tf.constant(value) for key, value in inputs.items()})["probabilities"].numpy()


def test_what_cannot_be_a_start_is_refused_with_the_remedy(run, exported, tmp_path):
    alone = shutil.copy(run / "runs" / "fold00_seed0.keras", tmp_path / "network.keras")
    with pytest.raises(UsageError, match="front end, emotions and corpus are unknown.*name the file there"):
        initial_model(alone)
    with pytest.raises(FileNotFoundError, match="no such model; included are: acrnn_emodb"):
        initial_model("acrnn_emdb")
    with pytest.raises(FileNotFoundError, match=r"missing\.keras: no such network"):
        initial_model(tmp_path / "missing.keras")
    two = shutil.copytree(run, tmp_path / "two")
    shutil.copy(two / "runs" / "fold00_seed0.keras", two / "runs" / "fold01_seed0.keras")
    with pytest.raises(UsageError, match=r"holds 2 networks; name one of them, such as .*fold00_seed0\.keras"):
        initial_model(two)
    for path in (two / "runs").glob("*.keras"):
        path.unlink()
    with pytest.raises(UsageError, match="this experiment has no network"):
        initial_model(two)
    lite = shutil.copytree(exported, tmp_path / "lite")
    shutil.rmtree(lite / "1" / "variables")
    with pytest.raises(UsageError, match="it has no SavedModel, which holds the weights"):
        initial_model(lite)


def test_damaged_weights_are_refused_before_they_are_used(exported, tmp_path):
    copy = shutil.copytree(exported, tmp_path / "damaged")
    with (copy / "1" / VARIABLES).open("r+b") as file:
        file.seek(100)
        file.write(b"\0\1\2\3")
    model = initial_model(copy)
    with pytest.raises(
        ValueError, match=r"variables\.data-00000-of-00001: damaged, its SHA-256 is not that on the card"
    ):
        model.read_weights(untrained(model))
    card = copy / "1" / "assets.extra" / "card.json"
    values = json.loads(card.read_text())
    card.write_text(json.dumps({**values, "network": {**values["network"], "dense_units": 9}}))
    model = initial_model(shutil.copytree(exported, tmp_path / "other"))
    other = initial_model(copy)
    with pytest.raises(ValueError, match="its weights are not those of the network in its description"):
        model.read_weights(untrained(other))
