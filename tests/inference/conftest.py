"""A tiny model, its demonstration page and sounds."""

import pytest
import soundfile
from support.ports import free_port
from support.tiny_corpus import TINY_NETWORK, tiny_sound

from acrnn.crossval import Experiment, cross_validate
from acrnn.export import version_folder
from acrnn.export.trained_model import TrainedModel
from acrnn.inference import Recognizer
from acrnn.inference.demo import page
from acrnn.inference.uploads import upload_folder
from acrnn.recipes import Recipe


@pytest.fixture(scope="session")
def model(tiny_records, tmp_path_factory):
    """The version folder of a tiny model; to be read only."""
    run, out = tmp_path_factory.mktemp("demo-run"), tmp_path_factory.mktemp("demo-model") / "tiny" / "1"
    recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs=1)
    experiment = Experiment(tiny_records, "chen2018-3d", recipe, options=TINY_NETWORK)
    cross_validate(experiment, run, folds=[0], announce=lambda line: None)
    version_folder.export(TrainedModel.of_run(run, 0), out, formats=("onnx",))
    return out


@pytest.fixture(scope="session")
def recognizer(model):
    return Recognizer.load(model, threads=1, check_speech=False)


@pytest.fixture
def sounds(tmp_path):
    """Two sounds on disk."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    for name, seconds, seed in (("high", 0.8, 1), ("low", 3.5, 2)):
        soundfile.write(folder / f"{name}.wav", tiny_sound(name, seconds, seed), 16000)
    return [str(folder / "high.wav"), str(folder / "low.wav")]


@pytest.fixture(scope="module")
def served(recognizer, tmp_path_factory):
    """The address of the page, served."""
    example = page.write_example(tmp_path_factory.mktemp("demo-example"))
    built, port = page.page(recognizer, example), free_port()
    assert built.analytics_enabled is False
    with upload_folder() as folder:
        page.launch(built, "127.0.0.1", port, folder)
        yield f"http://127.0.0.1:{port}"
        built.close(verbose=False)
