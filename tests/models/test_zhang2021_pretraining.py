"""Initial weights of DCNN-BLSTMwA: from a file, another corpus, or a task without labels."""

import functools
import hashlib
import http.server
import threading

import numpy as np
import pytest
import soundfile
from support.alexnet_files import Foreign
from support.tiny_corpus import tiny_sound, write_tiny_corpus
from support.zhang2021 import RECIPE, SMALL, make_network, prepared

from acrnn.crossval import Experiment, Prepared
from acrnn.crossval.fold_run import make_estimator
from acrnn.errors import UsageError
from acrnn.models.zhang2021 import alexnet_weights
from acrnn.models.zhang2021 import network as zhang2021
from acrnn.recipes import Recipe, initial_weights
from acrnn.recipes.initial_weights import InitialWeights
from acrnn.training.network import Network


@pytest.fixture(scope="module")
def network(record_set):
    """Not fitted."""
    return make_network(record_set)


def settings_of(record_set, **options):
    return Prepared.of(Experiment(record_set.folder, "zhang2021", RECIPE, options=SMALL, **options)).settings()


def test_results_say_where_the_weights_started(record_set, tmp_path):
    (tmp_path / "weights.npy").write_bytes(b"weights")
    assert settings_of(record_set)["start"] == {"kind": "random"}
    from_file = initial_weights.from_options(str(tmp_path / "weights.npy"), None)
    start = settings_of(record_set, initial_weights=from_file)["start"]
    assert start["kind"] == "imagenet" and len(start["sha256"]) == 64
    time_arrow = initial_weights.from_options(None, "time-arrow")
    assert settings_of(record_set, initial_weights=time_arrow)["start"] == {"kind": "time-arrow"}
    plain = Experiment(record_set.folder, "zhang2021-2cnn-lstm", Recipe())
    assert "start" not in Prepared.of(plain).settings()


def test_the_first_stage_starts_from_the_weights_of_a_file(record_set, tmp_path):
    np.save(tmp_path / "weights.npy", Foreign.random("caffe").as_caffe(), allow_pickle=True)
    sizes = {"image_size": 131, "width": 0.05, "layout": "caffe"}
    network = make_network(record_set, RECIPE, InitialWeights("imagenet", tmp_path / "weights.npy"), **sizes)
    network.window_network.initial_alexnet = network.pretraining.weights(None, None, 0)
    network.window_network.reset(seed=3)
    found = network.window_network.model.get_layer("alexnet").get_weights()
    expected = zhang2021.build(network.config).get_layer("alexnet")
    alexnet_weights.read(tmp_path / "weights.npy").assign(expected)
    for one, other in zip(found, expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def other_corpus(tmp_path_factory):
    """Another corpus: two speakers with other voices."""
    folder = tmp_path_factory.mktemp("other")
    corpus = write_tiny_corpus(folder / "corpus", speakers=7)
    lines = (corpus / "manifest.csv").read_text().splitlines()
    kept = [line for line in lines if not line.endswith(tuple(f",s{n}" for n in range(5)))]
    (corpus / "manifest.csv").write_text("\n".join(kept) + "\n")
    return prepared(corpus, folder / "records")


def pretraining_of(network, initial_weights):
    return type(network)(network.config, RECIPE, initial_weights).pretraining


def test_pre_training_without_labels_hears_the_parts_of_its_fold_and_can_be_repeated(network, parts, monkeypatch):
    heard = []
    fit = Network.fit
    monkeypatch.setattr(Network, "fit", lambda self, *given: heard.append((self, given)) or fit(self, *given))
    pretraining = pretraining_of(network, InitialWeights("time-arrow"))
    windows = [network.cut(part) for part in parts[:2]]
    first, again = (pretraining.weights(*windows, seed=1) for _ in range(2))
    for (task, (train, validation, seed)), part in zip(heard, [parts, parts], strict=True):
        assert task.model.output_shape[-1] == 2 and seed == 1
        for source, wanted in ((train, part[0]), (validation, part[1])):
            assert set(source.windows.data.utterances) == set(wanted.data.utterances[wanted.index])
    random = network.window_network.build(seed=1).get_layer("alexnet").get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert not any(np.array_equal(one, other) for one, other in zip(first, random, strict=True))


def test_pre_training_on_another_corpus_is_done_once_a_seed_on_all_its_speakers_but_one(
    network, parts, other_corpus, monkeypatch
):
    heard = []
    monkeypatch.setattr(Network, "fit", lambda self, *given: heard.append((self, given)))
    pretraining = pretraining_of(network, InitialWeights("corpus", other_corpus.folder))
    windows = [network.cut(part) for part in parts[:2]]
    for seed in (0, 0, 1):
        pretraining.weights(*windows, seed)
    assert [given[2] for _, given in heard] == [0, 1]
    for task, (train, validation, *_) in heard:
        speakers = [
            {other_corpus.utterances[row].speaker for row in part.data.utterances} for part in (train, validation)
        ]
        assert speakers == [{"s5"}, {"s6"}] and task.model.output_shape[-1] == 3


def test_an_experiment_keeps_the_alexnet_of_another_corpus_and_its_first_stage_starts_there(
    record_set, other_corpus, parts, tmp_path, monkeypatch
):
    fitted = []
    fit = Network.fit
    monkeypatch.setattr(Network, "fit", lambda self, *given: fitted.append(self) or fit(self, *given))
    weights = InitialWeights("corpus", other_corpus.folder)
    experiment = Experiment(record_set.folder, "zhang2021", RECIPE, options=SMALL, initial_weights=weights)
    for _ in range(2):
        estimator, pretraining = make_estimator(Prepared.of(experiment), tmp_path)
        pretraining.start(0)
    assert len(fitted) == 1
    windows = [estimator.cut(part) for part in parts[:2]]
    estimator.window_network.initial_alexnet = estimator.pretraining.weights(*windows, 0)
    estimator.window_network.reset(seed=7)
    start = estimator.window_network.model.get_layer("alexnet").get_weights()
    for one, other in zip(start, fitted[0].model.get_layer("alexnet").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_corpus_must_be_another_and_prepared_alike(record_set, other_corpus, tiny_corpus, tmp_path):
    InitialWeights("corpus", other_corpus.folder).check(record_set)
    with pytest.raises(
        ValueError,
        match=r"pre-training on .*: .*\.wav and 29 other recordings are also in .*, where they may be tested",
    ):
        InitialWeights("corpus", record_set.folder).check(record_set)
    chen = prepared(tiny_corpus, tmp_path / "chen", frontend="chen2018")
    with pytest.raises(ValueError, match="its front end or segment rule is not that of"):
        InitialWeights("corpus", chen.folder).check(record_set)
    known = write_tiny_corpus(tmp_path / "known", speakers=6)  # sounds differ, five of the speakers do not
    for number, path in enumerate(sorted(known.glob("*.wav"))):
        soundfile.write(path, tiny_sound(path.stem.split("_")[1], 0.8, 1000 + number), 16000)
    with pytest.raises(
        ValueError, match=r"of the same corpus as .* and speakers s0, s1, s2 are in both, where they may be tested"
    ):
        InitialWeights("corpus", prepared(known, tmp_path / "known-records").folder).check(record_set)
    with pytest.raises(FileNotFoundError, match="nowhere: no such file of ImageNet weights"):
        InitialWeights("imagenet", tmp_path / "nowhere").check(record_set)
    with pytest.raises(UsageError, match="pretrain time-arrow: it cannot be combined with ImageNet weights"):
        initial_weights.from_options("weights.npy", "time-arrow")


def test_fetched_weights_are_known_by_their_digest_and_another_file_is_not_kept(tmp_path):
    served, home, content = tmp_path / "served", tmp_path / "home", b"weights"
    served.mkdir()
    (served / "alexnet.pth").write_bytes(content)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/alexnet.pth"
        with pytest.raises(
            ValueError, match="alexnet.pth: the downloaded file is not the published one .*give its path"
        ):
            initial_weights.download(url, home=home)
        assert not list(home.iterdir())
        good = initial_weights.download(url, hashlib.sha256(content).hexdigest(), home)
        assert good.read_bytes() == content
        with pytest.raises(OSError, match="gone.pth: the download failed .*give its path"):
            initial_weights.download(url.replace("alexnet", "gone"), home=home)
        server.shutdown()
    assert (
        initial_weights.download(url, hashlib.sha256(content).hexdigest(), home) == good
    )  # what is there is not fetched again
