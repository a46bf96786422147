"""DCNN-BLSTMwA: windows, pictures and attention against numpy, two stages from beginning to end, and where they start."""

import functools
import hashlib
import http.server
import json
import threading
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest
import soundfile
from support.alexnet_files import Foreign
from support.results import results_of, run_of
from support.results import settings_of as emodb_settings
from support.tiny_corpus import tiny_sound, write_tiny_corpus

from acrnn import metrics, recipes, reports
from acrnn.batches.sources import Feeder, MemorySource, StreamedSource
from acrnn.crossval import Experiment, Prepared, read_results
from acrnn.errors import UsageError
from acrnn.export.refit import refit
from acrnn.models import MODELS
from acrnn.models.zhang2021 import alexnet_weights, baseline
from acrnn.models.zhang2021 import network as zhang2021
from acrnn.models.zhang2021.config import BaselineConfig
from acrnn.models.zhang2021.layers import Pictures, WindowAttention, WindowMask, Windows
from acrnn.models.zhang2021.network import Config
from acrnn.models.zhang2021.pretraining import Pretraining
from acrnn.models.zhang2021.windows import ReversedWindows, WindowSource
from acrnn.recipes import RECIPES, ZHANG2021, Recipe, SecondStage, TwoStageRecipe, initial_weights
from acrnn.recipes.initial_weights import InitialWeights
from acrnn.records import RecordSet, Segments
from acrnn.reports import published
from acrnn.training.network import Network
from data_prep.__main__ import main as data_prep_main
from experiments import run_cv, zhang2021_tables

SMALL = {"image_size": 67, "width": 0.1, "fc_units": 24, "lstm_units": 8, "dense_units": (16, 8)}
RECIPE = TwoStageRecipe(
    learning_rate=3e-3, batch_size=16, epochs=4, pooling="mean", second_stage=SecondStage(1e-2, 8, 5)
)


def prepared(corpus, out, frontend="zhang2021"):
    command = ["manifest", "--data-dir", str(corpus), "--out", str(out), "--jobs", "1", "--frontend", frontend]
    assert data_prep_main([*command, "--segments", "zhang2021"]) == 0
    return RecordSet(out)


@pytest.fixture(scope="module")
def record_set(tiny_corpus, tmp_path_factory):
    return prepared(tiny_corpus, tmp_path_factory.mktemp("zhang") / "records")


@pytest.fixture(scope="module")
def feeder(record_set):
    return Feeder(record_set)


@pytest.fixture(scope="module")
def parts(feeder):
    def of(*speakers):
        return feeder.source([row.id for row in feeder.records.utterances if row.speaker in speakers])

    return of("s0", "s1", "s2"), of("s3"), of("s4")


def make_network(records, recipe=RECIPE, start=initial_weights.RANDOM, **options):
    system = MODELS["zhang2021"]
    return system.estimator(system.configure(records.manifest, **{**SMALL, **options}), recipe, start)


@pytest.fixture(scope="module")
def network(record_set, parts):
    """Fitted, with its learning curve."""
    network = make_network(record_set)
    network.fitted = network.fit(*parts[:2], seed=0)
    return network


def test_the_second_stage_of_the_paper_has_as_many_weights_as_counted_by_hand():
    model = zhang2021.build_sequence_network(Config(7))
    assert model.input["features"].shape == (None, 8, 4096)
    blstm = 2 * 4 * 128 * (4096 + 128 + 1)
    assert model.count_params() == blstm + 256 + (256 * 512 + 512) + (512 * 256 + 256) + (256 * 7 + 7)
    without = zhang2021.build_sequence_network(Config(7, attention=False))
    assert without.count_params() == model.count_params() - 256


def test_the_baseline_has_as_many_weights_as_counted_by_hand():
    model = baseline.build(BaselineConfig(7))
    convolutions = (25 * 3 * 16 + 16) + (25 * 16 * 32 + 32)
    lstm = 4 * 512 * (16 * 32 + 512 + 1)
    assert sum(np.prod(w.shape) for w in model.trainable_weights) == convolutions + lstm + 512 * 7 + 7
    assert model.get_layer("flatten_bands").output.shape == (None, 75, 512)


def test_windows_are_the_frames_from_their_starts_one_segment_after_the_other():
    features = np.arange(2 * 10 * 3 * 2, dtype=np.float32).reshape(2, 10, 3, 2)
    found = np.asarray(Windows((0, 3, 6), 4)(features))
    expected = [features[segment, start : start + 4] for segment in (0, 1) for start in (0, 3, 6)]
    np.testing.assert_array_equal(found, expected)
    assert Config(7).window_starts == (0, 32, 64, 96, 128, 160, 192, 224)
    assert Config(7, context_frames=128, shift_frames=64).window_starts == (0, 64, 128)


def linear(values, size):
    """Values at points in the middle of as many equal parts, straight lines between neighbors, along the first axis."""
    at = (np.arange(size) + 0.5) * len(values) / size - 0.5
    grid = np.arange(len(values))
    columns = [np.interp(at, grid, column) for column in values.reshape(len(values), -1).T]
    return np.stack(columns, axis=1).reshape(size, *values.shape[1:])


@pytest.mark.parametrize(("channels", "planes"), [(1, (0, 0, 0)), (2, (0, 1, 0)), (3, (0, 1, 2))])
def test_pictures_have_bands_as_rows_frames_as_columns_and_are_stretched_linearly(channels, planes):
    windows = np.random.default_rng(0).normal(size=(2, 16, 10, channels)).astype(np.float32)
    found = np.asarray(Pictures(37)(windows))
    for picture, window in zip(found, windows, strict=True):
        by_rows = linear(window.transpose(1, 0, 2), 37)  # [37, frames, channels]
        stretched = linear(by_rows.transpose(1, 0, 2), 37).transpose(1, 0, 2)
        np.testing.assert_allclose(picture, stretched[..., list(planes)], atol=1e-5)


def test_attention_is_that_of_the_equations_and_is_shared_by_the_real_frames_of_a_window():
    generator = np.random.default_rng(0)
    starts_, h = (0, 4, 8), generator.normal(size=(3, 3, 5)).astype(np.float32)
    layer = WindowAttention(starts_, 6, 14)
    num_frames = np.array([14, 7, 3], np.int32)
    context, by_frame = (np.asarray(part) for part in layer(h, num_frames))
    kernel = np.asarray(layer.kernel)[:, 0]
    for row, frames, found, weights in zip(h, num_frames, context, by_frame, strict=True):
        real = [min(max(frames - start, 0), 6) for start in starts_]
        scores = np.where(np.array(real) > 0, np.exp(row @ kernel), 0.0)
        alpha = scores / scores.sum()
        np.testing.assert_allclose(found, alpha @ row, rtol=1e-5)
        expected = np.zeros(14)
        for start, count, weight in zip(starts_, real, alpha, strict=True):
            expected[start : start + count] += weight / max(count, 1)
        np.testing.assert_allclose(weights, expected, atol=1e-6)
        assert weights.sum() == pytest.approx(1, rel=1e-5)


def test_a_window_is_masked_when_no_frame_of_it_is_real():
    found = np.asarray(WindowMask((0, 4, 8))(np.array([1, 4, 5, 9], np.int32)))
    assert found.tolist() == [[True, False, False], [True, False, False], [True, True, False], [True, True, True]]


def some_segments():
    features = np.random.default_rng(0).normal(size=(3, 20, 4, 3)).astype(np.float32)
    return Segments(
        features, np.array([20, 9, 3], np.int32), np.array([0, 1, 2], np.int32), np.array([5, 7, 9], np.int32)
    )


def test_the_first_stage_sees_every_window_with_a_real_frame_and_its_utterances_label():
    data = some_segments()
    windows = WindowSource(MemorySource(data, [5, 7, 9]), (0, 8), 12)
    (batch,) = windows.ordered(99)
    assert batch.utterances.tolist() == [5, 5, 7, 7, 9] and batch.labels.tolist() == [0, 0, 1, 1, 2]
    assert batch.inputs["num_frames"].tolist() == [12, 12, 9, 1, 3]
    for features, segment, start in zip(batch.inputs["features"], (0, 0, 1, 1, 2), (0, 8, 0, 8, 0), strict=True):
        np.testing.assert_array_equal(features, data.features[segment, start : start + 12])
    assert len(WindowSource(MemorySource(data, [5, 9]), (0, 8), 12, masked=False)) == 4


def test_windows_are_oversampled_by_utterance():
    data = some_segments()
    filled = WindowSource(MemorySource(data, [5, 7, 9]), (0, 8), 12).oversampled(np.random.default_rng(0))
    assert len(filled) == 5
    more = WindowSource(MemorySource(replace(data, labels=np.array([0, 0, 2])), [5, 7, 9]), (0, 8), 12)
    labels = np.concatenate([batch.labels for batch in more.oversampled(np.random.default_rng(0)).ordered(4)])
    assert np.bincount(labels).tolist() == [4, 0, 2]


def test_windows_turned_round_rise_where_they_fell_and_keep_their_padding_behind():
    data = some_segments()
    windows = WindowSource(MemorySource(data, [5, 7, 9]), (0, 8), 12)
    both = ReversedWindows(windows)
    (batch,), (forwards,) = both.ordered(99), windows.ordered(99)
    assert len(both) == 10 and batch.labels.tolist() == [0] * 5 + [1] * 5
    assert len(set(zip(batch.utterances, batch.labels, strict=True))) == len(set(batch.utterances)) == 6
    np.testing.assert_array_equal(batch.inputs["features"][:5], forwards.inputs["features"])
    pairs = zip(batch.inputs["features"][5:], forwards.inputs["features"], forwards.inputs["num_frames"], strict=True)
    for turned, before, real in pairs:
        np.testing.assert_array_equal(turned[:real], before[:real][::-1] * np.array([1, -1, 1], np.float32))
        np.testing.assert_array_equal(turned[real:], before[real:])


def test_the_whole_network_says_what_its_two_stages_say(network, parts):
    windows = network.cut(parts[2])
    posteriors, labels = network.posteriors(parts[2])
    by_stages, same = network.sequence.posteriors(network._extracted(windows))
    np.testing.assert_allclose(posteriors, by_stages, atol=1e-5)
    assert labels.tolist() == same.tolist()
    assert np.ptp(posteriors, axis=0).max() > 0.2


def test_both_stages_are_in_the_learning_curve_and_the_kept_epoch_is_of_the_second(network):
    fit = network.fitted
    assert [epoch.epoch for epoch in fit.curve] == list(range(1, 10))
    late = fit.curve[4:]
    best = max(late, key=lambda epoch: (epoch.validation_uar, -epoch.validation_loss))
    assert fit.best_epoch == best.epoch and fit.validation_uar == best.validation_uar
    assert fit.curve[3].loss < fit.curve[0].loss and late[-1].loss < late[0].loss


def test_the_tiny_corpus_is_learnt(network, parts):
    posteriors, labels = network.posteriors(parts[2])
    assert metrics.uar(metrics.confusion(labels, posteriors.argmax(axis=1), 3)) > 0.6


def without_time(fit):
    return [replace(epoch, seconds=0) for epoch in fit.curve]


def test_a_run_does_not_depend_on_the_runs_before_it(parts, network):
    weights = network.model.get_weights()
    network.fit(parts[1], parts[2], seed=7)
    assert without_time(network.fit(*parts[:2], seed=0)) == without_time(network.fitted)
    for again, before in zip(network.model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(again, before)


def test_memory_and_disk_give_the_same_windows(feeder, network, parts):
    rows = [number for number, row in enumerate(feeder.records.utterances) if row.speaker in ("s0", "s1", "s2")]
    pairs = zip(
        network.cut(StreamedSource(feeder.records, rows)).ordered(16), network.cut(parts[0]).ordered(16), strict=True
    )
    for streamed, held in pairs:
        for one, other in zip(
            [*streamed.inputs.values(), *streamed[1:]], [*held.inputs.values(), *held[1:]], strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_a_recipe_of_one_stage_is_refused(record_set):
    with pytest.raises(UsageError, match="--recipe: it trains in one stage, and DCNN-BLSTM .* in two"):
        Prepared.of(Experiment(record_set.folder, "zhang2021", Recipe()))


def test_a_stage_goes_to_its_end(record_set):
    with pytest.raises(UsageError, match="--patience 3: each of the two stages goes to its end"):
        make_network(record_set, replace(RECIPE, patience=3))


def test_the_recipe_has_the_papers_numbers_in_each_stage():
    first, second = ZHANG2021.stages
    assert (first.batch_size, first.epochs, first.learning_rate) == (128, 20, 1e-4)
    assert (second.batch_size, second.epochs, second.learning_rate) == (16, 30, 5e-6)
    assert first.optimizer == second.optimizer == "nadam" and first.class_weights and second.class_weights
    assert ZHANG2021.total_epochs == 50


def test_recipes_of_two_stages_survive_the_way_through_json_and_those_of_one_are_as_they_were():
    values = json.loads(json.dumps(asdict(ZHANG2021)))
    assert recipes.from_dict(values) == ZHANG2021 and recipes.name_of(values) == "zhang2021"
    faster = asdict(ZHANG2021.with_second_stage({"learning_rate": 3e-4}))
    assert recipes.name_of(json.loads(json.dumps(faster))) == "changed"
    one_stage = [recipe for recipe in RECIPES.values() if len(recipe.stages) == 1]
    assert not [recipe for recipe in one_stage if "second_stage" in asdict(recipe)]
    with pytest.raises(UsageError, match="stage2_batch_size 3: the recipe trains in one stage"):
        Recipe().with_second_stage({"batch_size": 3})


def test_a_recipe_that_nobody_validates_ends_each_stage_at_the_median_of_what_was_chosen():
    def run(first, second):
        uars = [0.9 if n == first else 0.5 for n in range(1, 21)] + [0.9 if n == second else 0.5 for n in range(1, 31)]
        curve = [{"epoch": n, "validation_uar": uar, "validation_loss": 1.0} for n, uar in enumerate(uars, 1)]
        return {"curve": curve, "best_epoch": 20 + second}

    settled = ZHANG2021.settled([run(4, 10), run(6, 12), run(20, 30)])
    assert (settled.epochs, settled.second_stage.epochs, settled.epoch_choice) == (6, 12, "last")
    assert replace(ZHANG2021, epoch_choice="last").settled([]) == replace(ZHANG2021, epoch_choice="last")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 4}, "--channels 4: the records have 3"),
        ({"context_frames": 301}, "--context-frames 301: a segment has 300 frames"),
        ({"shift_frames": 65}, "--shift-frames 65: windows of 64 frames would leave some unheard"),
        ({"image_size": 66}, "--image-size 66: AlexNet's pools need 67"),
        ({"layout": "vgg"}, "--layout vgg: it is unknown; choose from paper, caffe, torchvision"),
        ({"width": 0.0}, "--width 0.0: it must be a number above 0"),
        ({"window_dropout": 1.0}, "--window-dropout 1.0: it must lie from 0"),
        ({"image_size": "big"}, "--image-size 'big': it must be of the kind of 227"),
        ({"attention": 1}, "--attention 1: it must be of the kind of True"),
    ],
)
def test_values_out_of_range_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        MODELS["zhang2021"].check_options(**options)


def settings_of(record_set, **options):
    return Prepared.of(Experiment(record_set.folder, "zhang2021", RECIPE, options=SMALL, **options)).settings()


def test_results_say_where_the_weights_started(record_set, tmp_path):
    (tmp_path / "weights.npy").write_bytes(b"weights")
    assert settings_of(record_set)["start"] == {"kind": "random"}
    from_file = settings_of(record_set, start=initial_weights.from_options(str(tmp_path / "weights.npy"), None))[
        "start"
    ]
    assert from_file["kind"] == "imagenet" and len(from_file["sha256"]) == 64
    assert settings_of(record_set, start=initial_weights.from_options(None, "time-arrow"))["start"] == {
        "kind": "time-arrow"
    }
    plain = Experiment(record_set.folder, "zhang2021-2cnn-lstm", Recipe())
    assert "start" not in Prepared.of(plain).settings()


def test_the_first_stage_starts_from_the_weights_of_a_file(record_set, tmp_path):
    np.save(tmp_path / "weights.npy", Foreign.random("caffe").as_caffe(), allow_pickle=True)
    sizes = {"image_size": 131, "width": 0.05, "layout": "caffe"}
    network = make_network(record_set, RECIPE, InitialWeights("imagenet", tmp_path / "weights.npy"), **sizes)
    network.windows.initial = network.pretraining.weights(None, None, 0)
    network.windows.restart(seed=3)
    found = network.windows.model.get_layer("alexnet").get_weights()
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


def test_pre_training_without_labels_hears_the_parts_of_its_fold_and_can_be_repeated(network, parts, monkeypatch):
    heard = []
    fit = Network.fit
    monkeypatch.setattr(Network, "fit", lambda self, *given: heard.append((self, given)) or fit(self, *given))
    pretraining = Pretraining(network, InitialWeights("time-arrow"))
    windows = [network.cut(part) for part in parts[:2]]
    first, again = (pretraining.weights(*windows, seed=1) for _ in range(2))
    for (task, (train, validation, seed)), part in zip(heard, [parts, parts], strict=True):
        assert task.model.output_shape[-1] == 2 and seed == 1
        for source, wanted in ((train, part[0]), (validation, part[1])):
            assert set(source.windows.data.utterances) == set(wanted.data.utterances[wanted.index])
    random = network.windows._fresh(seed=1).get_layer("alexnet").get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert not any(np.array_equal(one, other) for one, other in zip(first, random, strict=True))


def test_pre_training_on_another_corpus_is_done_once_a_seed_on_all_its_speakers_but_one(
    network, parts, other_corpus, monkeypatch
):
    heard = []
    monkeypatch.setattr(Network, "fit", lambda self, *given: heard.append((self, given)))
    pretraining = Pretraining(network, InitialWeights("corpus", other_corpus.folder))
    windows = [network.cut(part) for part in parts[:2]]
    for seed in (0, 0, 1):
        pretraining.weights(*windows, seed)
    assert [given[2] for _, given in heard] == [0, 1]
    for task, (train, validation, _) in heard:
        speakers = [
            {other_corpus.utterances[row].speaker for row in part.data.utterances} for part in (train, validation)
        ]
        assert speakers == [{"s5"}, {"s6"}] and task.model.output_shape[-1] == 3


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initial_weights": InitialWeights("time-arrow")}, "--pretrain: 3-D ACRNN .* always starts at random"),
        ({"recipe": ZHANG2021}, "--recipe: it trains in two stages, and 3-D ACRNN .* in one"),
    ],
)
def test_systems_of_one_stage_refuse_what_means_nothing_for_them(options, message, tiny_records):
    with pytest.raises(UsageError, match=message):
        Prepared.of(replace(Experiment(tiny_records, "chen2018-3d", Recipe()), **options))


def test_a_refit_repeats_both_stages_speeds_and_start_and_a_run_becomes_a_report(
    tiny_corpus, tmp_path, capsys, monkeypatch
):
    out, folder = tmp_path / "out", tmp_path / "records"
    preparation = ["manifest", "--data-dir", str(tiny_corpus), "--out", str(folder), "--speeds", "1,1.1", "--jobs", "1"]
    assert data_prep_main([*preparation, "--frontend", "zhang2021", "--segments", "zhang2021"]) == 0
    command = ["--dataset", "manifest", "--model", "zhang2021", "--records", str(folder), "--folds", "0"]
    sizes = [part for name, value in SMALL.items() for part in ("--network", f"{name}={json.dumps(value)}")]
    quick = ["--epochs", "1", "--batch-size", "16", "--stage2-epochs", "2", "--stage2-learning-rate", "0.01"]
    assert (
        run_cv.main([*command, *sizes, *quick, "--output-dir", str(out), "--speeds", "1.0", "--pretrain", "time-arrow"])
        == 0
    )
    assert "zhang2021, reduced network, pre-trained on the direction of time, ×1 on manifest" in capsys.readouterr().out
    assert {"attention.png", "report.html"} <= {path.name for path in out.iterdir()}
    with pytest.raises(
        ValueError, match="another start .pre-trained on the direction of time.; leave --imagenet-weights"
    ):
        refit(out, folder, initial_weights=InitialWeights("corpus", folder))
    epochs, heard, starting = [], [], []
    source, estimator = Feeder.source, type(MODELS["zhang2021"]).estimator
    monkeypatch.setattr(Feeder, "source", lambda self, ids: heard.extend(ids) or source(self, ids))
    monkeypatch.setattr(
        type(MODELS["zhang2021"]),
        "estimator",
        lambda self, *given: starting.append(given[2]) or estimator(self, *given),
    )
    trained = refit(out, folder, on_epoch=lambda epoch, total: epochs.append((epoch.epoch, total)))
    assert sorted(heard) == sorted(row.id for row in RecordSet(folder).utterances if not row.copy_of)
    assert starting == [InitialWeights("time-arrow")]
    assert [epoch for epoch, _ in epochs] == list(range(1, epochs[-1][1] + 1))
    assert isinstance(trained.model, keras.Model) and trained.origin["epochs"] == epochs[-1][1]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, (87.86, 6.92)),
        ({"start": {"kind": "random"}}, (81.31, 4.89)),
        ({"speeds": [1.0]}, (80.92, 6.38)),
        ({"network": {"channels": 2}}, (85.05, 8.75)),
        ({"network": {"attention": False}}, (80.17, 6.57)),
        ({"network": {"image_size": 99}}, None),
        ({"network": {"context_frames": 16}}, None),
        ({"start": {"kind": "time-arrow"}}, None),
        ({"start": {"kind": "corpus"}}, None),
        ({"speeds": [1.0], "start": {"kind": "random"}}, None),
        ({"protocol": "grouped-5-fold"}, None),
    ],
)
def test_a_published_figure_stands_beside_what_repeats_it_and_nothing_else(changed, expected):
    options = {"start": {"kind": "imagenet"}, "speeds": [0.8, 0.9, 1.0, 1.1, 1.2], **changed}
    network = {**json.loads(json.dumps(asdict(Config(7)))), **changed.get("network", {})}
    found = published.uar(emodb_settings(**{**options, "model": "zhang2021", "network": network}))
    assert (found and found[:2]) == expected


def test_every_table_names_rows_that_exist_and_every_row_is_in_a_table():
    named = {name for table in zhang2021_tables.TABLES.values() for name in table.rows}
    assert named == set(zhang2021_tables.ROWS)
    assert set(zhang2021_tables.of_corpus("iemocap")) == {"1", "2", "3", "4", "6", "figure6", "figure8"}


def test_the_tables_are_written_with_coverage_and_published_figures_and_go_on(tiny_corpus, tmp_path, capsys):
    command = ["--dataset", "manifest", "--data-dir", str(tiny_corpus), "--table", "3", "--folds", "0"]
    command += [
        "--records",
        str(tmp_path / "records"),
        "--output-dir",
        str(tmp_path / "out"),
        "--reduced",
        "--no-models",
    ]
    for name, value in SMALL.items():
        command += ["--network", f"{name}={json.dumps(value)}"]
    command += ["--epochs", "1", "--batch-size", "16", "--stage2-epochs", "1", "--speeds", "0.9,1.0,1.1"]
    assert zhang2021_tables.main([*command, "--only", "full"]) == 0
    text = (tmp_path / "out" / "tables.md").read_text()
    assert text in capsys.readouterr().out
    rows = [line.split(" | ") for line in text.split("Recalls")[0].splitlines() if line.startswith("| ")][2:]
    assert [(row[0], *row[-2:]) for row in rows] == [
        (
            "| DCNN-BLSTMwA (×3, random start, reduced network)",
            "changed, 1 + 1 epochs, float32",
            "1 of 5 folds × 1 seed |",
        )
    ]
    assert RecordSet(tmp_path / "records").manifest.speeds == zhang2021_tables.SPEEDS[5]
    assert zhang2021_tables.main([*command, "--tables-only"]) == 0
    assert (tmp_path / "out" / "tables.md").read_text() == text
    assert zhang2021_tables.main([*command, "--table", "2", "--only", "x3"]) == 0  # the full system at its three speeds
    assert not (tmp_path / "out" / "x3").exists()
    assert "| 0.9, 1.0, 1.1 (×3, random start, reduced network) |" in (tmp_path / "out" / "tables.md").read_text()
    found = read_results(tmp_path / "out" / "full").overall.per_class
    assert f"| low | {reports.percent(found[1].recall)} | – |" in text and "| anger | " not in text
    runs = [run_of(labels=[0, 0, 1], probabilities=[[1, 0], [0, 1], [0, 1]])]
    emodb = results_of(runs, labels=("anger", "fear"))
    assert zhang2021_tables._recalls("emodb", emodb).endswith("| anger | 50.0 | 94 |\n| fear | 100.0 | – |")
    assert zhang2021_tables.main([*command, "--only", "x1"]) == 2
    assert "--only x1: not in the tables; choose from no-attention, full" in capsys.readouterr().err
