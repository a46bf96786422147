"""Fixtures of the export tests: a tiny experiment, and a model as TensorFlow Serving receives it."""

import pytest
from support.serving import Server
from support.tiny_corpus import TINY_NETWORK

from acrnn.crossval import Experiment, cross_validate
from acrnn.export import version_folder
from acrnn.export.trained_model import TrainedModel
from acrnn.recipes import Recipe


@pytest.fixture(scope="session")
def run_folder(tiny_records, tmp_path_factory):
    """An experiment with two folds and two seeds that saved their networks; to be read only."""
    folder = tmp_path_factory.mktemp("run")
    recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs=2, precision="mixed_bfloat16")
    experiment = Experiment(tiny_records, "chen2018-3d", recipe, options=TINY_NETWORK)
    cross_validate(experiment, folder, folds=[0, 1], seeds=[0, 1], announce=lambda line: None)
    return folder


@pytest.fixture(scope="session")
def served_folder(run_folder, tmp_path_factory):
    """The folder of the model "tiny" with version 1 and the files for TensorFlow Serving; to be read only."""
    out = tmp_path_factory.mktemp("models") / "tiny" / "1"
    version_folder.export(TrainedModel.of_run(run_folder, 0), out, ("saved-model",), served=True)
    return out.parent


@pytest.fixture(scope="session")
def server(served_folder):
    """A stand-in for TensorFlow Serving with that model."""
    return Server(served_folder / "1")
