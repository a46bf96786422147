"""Exports: every system says in every format what it says in Python; a card travels with it; bad jobs are refused."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from support.networks import SMALL, texts
from support.tiny_corpus import TINY_NETWORK, tiny_sound

from acrnn import frontends, records, segments
from acrnn.audio import load_waveform
from acrnn.batches.network_inputs import network_inputs
from acrnn.cli import main
from acrnn.crossval import Experiment, cross_validate
from acrnn.errors import UsageError
from acrnn.export import litert_model, onnx_model, version_folder
from acrnn.export.refit import refit
from acrnn.export.trained_model import TrainedModel, load_network
from acrnn.frontends import FRONTENDS
from acrnn.inference import Recognizer, runtimes
from acrnn.model_card import CARD, FORMATS, Card
from acrnn.models import MODELS
from acrnn.recipes import Recipe
from acrnn.segments import RULES, SegmentRule
from acrnn.text.embedding import embedding_of
from acrnn.text.vocabulary import Vocabulary

LABELS = ("anger", "fear", "neutral", "sadness")
SECONDS = (0.025, 0.1, 0.5, 2.99, 3.0, 3.015, 3.02, 4.2, 7.5, 60.0)


def sounds():
    """Tones in noise and noise, of all lengths from one window to a minute, one of them with digital silence."""
    kinds = ("high", "low", "noisy")
    found = [tiny_sound(kinds[n % 3], seconds, n).astype(np.float32) for n, seconds in enumerate(SECONDS)]
    found[5][10000:20000] = 0
    return found


def speech():
    """Real speech, alone and strung together, when it is at hand."""
    if "EMODB_ROOT" not in os.environ:
        return []
    paths = sorted(Path(os.environ["EMODB_ROOT"]).rglob("*.wav"))[::90]
    found = [load_waveform(path, 16000) for path in paths]
    return [*found, np.concatenate(found)]


def beside(trained, count):
    """What each of some utterances has beside its sound, as the system takes it."""
    made = {"text": texts(count)}
    return [{name: made[name][row] for name in trained.auxiliary_inputs} for row in range(count)]


def heard_alone(recognizer, waveforms, more):
    return [recognizer.predict(waveform, 16000, **one) for waveform, one in zip(waveforms, more, strict=True)]


def heard_together(recognizer, waveforms, more):
    return recognizer.predict_batch(waveforms, 16000, [one.get("text") for one in more])


def _sharpen(network, features, rule):
    """Fits the last layer so that the logits of successive sounds lie far apart."""
    last = network.layers[-1]
    before = keras.Model(network.input, last.input)
    fixed = "features" in network.input and network.input["features"].shape[1] is not None
    parts = [rule.cut(one) if fixed else (one[None], np.array([len(one)], np.int32)) for one in features]
    known = [
        {"features": part[:1], "num_frames": n[:1], "text": [text]}
        for (part, n), text in zip(parts, texts(len(parts)), strict=True)
    ]
    hidden = np.stack([np.asarray(before(network_inputs(network, one)))[0] for one in known])
    mean = hidden.mean(axis=0) if last.use_bias else 0.0
    targets = 4.0 * np.eye(len(LABELS))[np.arange(len(hidden)) % len(LABELS)]
    kernel = np.linalg.pinv(hidden - mean, rcond=0.03 if last.use_bias else 1e-5) @ (targets - targets.mean(axis=0))
    last.set_weights([kernel, -mean @ kernel] if last.use_bias else [kernel])


def sharp(system, **sizes):
    """A small network of a system with random weights, whose posteriors are far from even, as of an experiment."""
    spec, rule = FRONTENDS[MODELS[system].frontend], RULES[MODELS[system].segments]
    manifest = records.Manifest({}, LABELS, spec, rule, "float32", (), "", "", {})
    recipe = MODELS[system].recipe
    config = MODELS[system].configure(manifest, **{**recipe.network, **SMALL[MODELS[system].config], **sizes})
    keras.utils.set_random_seed(1)
    network = MODELS[system].estimator(config, recipe).model
    found = [spec.extract(waveform) for waveform in sounds()[:-1]]
    if "features" in network.input:
        network.get_layer("normalization").adapt((features[None], [len(features)]) for features in found)
    if reads := embedding_of(network):
        reads.adopt(Vocabulary.fit(texts(12)[:-1], 19))
    _sharpen(network, found, rule)
    settings = {
        "model": system,
        "network": json.loads(json.dumps(asdict(config))),
        "recipe": asdict(recipe),
        "labels": list(LABELS),
        "frontend": frontends.to_dict(spec),
        "segments": segments.to_dict(rule),
        "corpus": {"name": "none", "title": "Nothing", "version": "1", "licence": "none", "citation": "nobody"},
    }
    return TrainedModel.of_network(network, settings, {"speakers": ["a", "b"], "epochs": 1, "seed": 0})


# What these are made of is exported with others of their papers: an export takes a third of a minute.
ALIKE = {
    "chen2018-2d",
    "lim2016-cnn",
    "lim2016-lstm",
    "peng2021-bimodal",
    "zhang2021-2cnn-lstm",
    "zhang2021-no-attention",
}


@pytest.fixture(scope="module", params=[name for name in MODELS if name not in ALIKE])
def exported(request, tmp_path_factory):
    """A system in every exact format, the network it came from, and what that says in Python."""
    trained = sharp(request.param)
    out = tmp_path_factory.mktemp("exported") / "model" / "1"
    version_folder.export(trained, out, ("saved-model", "onnx", "litert"))
    waveforms = [*sounds(), *speech()]
    more = beside(trained, len(waveforms))
    return out, trained, (waveforms, more), trained.posteriors(waveforms, more)


def shares(predictions):
    return np.array([list(prediction.probabilities.values()) for prediction in predictions])


@pytest.mark.parametrize("runtime", ["saved-model", "onnx", "litert"])
def test_an_export_says_what_python_says_alone_and_in_a_batch(exported, runtime):
    folder, trained, utterances, expected = exported
    assert np.ptp(expected, axis=0).max() > 0.2  # or else nothing is compared
    recognizer = Recognizer.load(folder, runtime)
    # float32 may choose another of two equal pitch periods; the others agree to rounding
    tolerance = 1e-2 if (runtime, trained.settings.model) == ("litert", "han2014-dnn-elm") else 1e-4
    alone = shares(heard_alone(recognizer, *utterances))
    np.testing.assert_allclose(alone, expected, atol=tolerance)
    np.testing.assert_allclose(
        shares(heard_together(recognizer, *utterances)), alone, atol=5e-5
    )  # means of a minute's frames


def _read(trained, given):
    """The inputs of a format without strings: token ids for texts."""
    if "text" not in given:
        return given
    tokens, num_words = embedding_of(trained.model).vocabulary.ids(given["text"])
    return {**given, "tokens": tokens, "num_words": num_words}


def test_what_lies_beyond_the_end_of_an_utterance_changes_nothing(exported):
    folder, trained, (waveforms, more), expected = exported
    function = tf.saved_model.load(str(folder)).signatures["serving_default"]
    chosen = [1, 3, 6, 2]
    lengths = np.array([len(waveforms[n]) for n in chosen], np.int32)
    batch = np.random.default_rng(0).normal(0, 50, (len(chosen), lengths.max() + 1234)).astype(np.float32)
    batch[:, -5:] = np.nan
    for row, n in zip(batch, chosen, strict=True):
        row[: len(waveforms[n])] = waveforms[n]
    given = {name: [more[n][name] for n in chosen] for name in trained.auxiliary_inputs}
    tensors = {name: tf.constant(value) for name, value in given.items()}
    said = function(waveform=tf.constant(batch), num_samples=tf.constant(lengths), **tensors)
    np.testing.assert_allclose(said["probabilities"], expected[chosen], atol=1e-4)
    batch[:, -5:] = 99  # the conversion to ONNX makes a product of the choice, and NaN passes a product
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    known = {"waveform": batch, "num_samples": lengths, **_read(trained, given)}
    (in_onnx,) = session.run(["probabilities"], {one.name: known[one.name] for one in session.get_inputs()})
    np.testing.assert_allclose(in_onnx, expected[chosen], atol=1e-4)
    assert [name.decode() for name in said["emotion"].numpy()] == [LABELS[n] for n in expected[chosen].argmax(axis=1)]


def test_the_formats_agree_on_segments_and_attention(exported):
    folder, trained, utterances, _ = exported
    eighth = [part[8:9] for part in utterances]
    said = [heard_alone(Recognizer.load(folder, name), *eighth)[0] for name in ("saved-model", "onnx", "litert")]
    hop, num_frames = trained.frontend.hop_seconds, len(trained.frontend.extract(utterances[0][8]))
    starts = trained.rule.starts(num_frames) if not trained.system.whole_utterances else [0]
    heard = 3.015 if trained.rule.tail == "drop" else 7.5
    for one in said:
        assert [segment.start_seconds for segment in one.segments] == pytest.approx([hop * start for start in starts])
        assert one.segments[-1].end_seconds == pytest.approx(heard, abs=hop + 0.001)
        np.testing.assert_allclose(one.attention, said[0].attention, atol=1e-3)
        assert bool(one.attention) == any(layer.name == "attention" for layer in trained.model.layers)


def test_the_segments_of_the_records_are_heard_as_those_of_the_waveform(exported):
    folder, trained, (waveforms, more), expected = exported
    features = trained.frontend.extract(waveforms[2])
    parts, counts = (
        (features[None], np.array([len(features)], np.int32))
        if trained.system.whole_utterances
        else trained.rule.cut(features)
    )
    function = tf.saved_model.load(str(folder)).signatures["segments"]
    tensors = {name: tf.constant([value] * len(parts)) for name, value in more[2].items()}
    said = function(features=tf.constant(parts), num_frames=tf.constant(counts), **tensors)
    pooled = segments.pool_logits(said["logits"].numpy(), np.zeros(len(parts), int), 1, trained.pooling)
    np.testing.assert_allclose(pooled[0], expected[2], atol=1e-4)
    np.testing.assert_allclose(said["probabilities"], tf.nn.softmax(said["logits"]), atol=1e-6)
    if "attention" in said:
        np.testing.assert_allclose(np.sum(said["attention"], axis=1), 1.0, atol=1e-5)
        assert (said["attention"].numpy()[0, counts[0] :] == 0).all()


def test_the_signature_of_one_segment_is_the_whole_recogniser_on_a_phone(exported):
    from ai_edge_litert.interpreter import Interpreter

    folder, trained, (waveforms, more), expected = exported
    runner = Interpreter(str(folder / litert_model.FILES["float32"])).get_signature_runner("serving_default")
    spec = trained.frontend
    samples = spec.window_samples + (trained.rule.frames - 1) * round(spec.hop_seconds * spec.sample_rate_hz)
    longest = max((n for n in range(9) if len(waveforms[n]) <= samples), key=lambda n: len(waveforms[n]))
    batch = np.zeros((1, samples), np.float32)
    batch[0, : len(waveforms[longest])] = waveforms[longest]
    known = {"waveform": batch, "num_samples": np.array([len(waveforms[longest])], np.int32)}
    known |= _read(trained, {name: [value] for name, value in more[longest].items()})
    said = runner(**{name: known[name] for name in runner.get_input_details()})
    tolerance = 1e-2 if trained.system.whole_utterances else 1e-4
    np.testing.assert_allclose(said["probabilities"][0], expected[longest], atol=tolerance)


@pytest.mark.parametrize("small", ["onnx-int8", "litert-float16", "litert-int8"])
def test_small_weights_are_smaller_and_say_nearly_the_same(small, tmp_path):
    trained = sharp("chen2018-3d", filters=32, linear_units=192, lstm_units=64)
    out = tmp_path / "model" / "1"
    version_folder.export(trained, out, ("onnx", "litert", small))
    exact = "onnx" if small == "onnx-int8" else "litert"
    size = {name: (out / runtimes.RUNTIMES[name].file).stat().st_size for name in (exact, small)}
    assert size[small] < size[exact]
    waveforms = sounds()[2:8]
    difference = shares(Recognizer.load(out, small).predict_batch(waveforms, 16000)) - trained.posteriors(waveforms)
    assert 0 < np.abs(difference).max() < 0.15


def test_onnx_runs_where_tensorflow_cannot_be_imported(tmp_path):
    version_folder.export(sharp("chen2018-3d"), tmp_path / "model" / "1", ("onnx", "litert"))
    program = (
        "import sys\n"
        "for name in ('tensorflow', 'keras', 'jax', 'librosa', 'sklearn', 'matplotlib'): sys.modules[name] = None\n"
        "import numpy, acrnn\n"
        "sound = numpy.sin(numpy.arange(16000) / 9)\n"
        f"for name in ('auto', 'litert'):\n"
        f"    recognizer = acrnn.Recognizer.load({str(tmp_path / 'model')!r}, name)\n"
        "    print(recognizer.runtime, recognizer.predict(sound, 16000).emotion)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, _ in lines] == ["onnx", "litert"]
    assert lines[0][1] == lines[1][1] in LABELS


@pytest.fixture(scope="module")
def run_folder(tiny_records, tmp_path_factory):
    """An experiment with two runs that kept their networks."""
    folder = tmp_path_factory.mktemp("run")
    recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs=2, precision="mixed_bfloat16")
    experiment = Experiment(tiny_records, "chen2018-3d", recipe, options=TINY_NETWORK)
    cross_validate(experiment, folder, folds=[0, 1], announce=lambda line: None)
    return folder


def test_a_run_becomes_a_model_with_a_card_by_the_command_line(run_folder, tmp_path, capsys):
    out = tmp_path / "tiny" / "1"
    assert main(["export", "--run", str(run_folder), "--fold", "1", "--out", str(out), "--format", "onnx"]) == 0
    card = Card.read(out)
    run = json.loads((run_folder / "runs" / "fold01_seed0.json").read_text())
    assert card.name == "tiny" and card.system == "chen2018-3d"
    assert card.fitted_on == {"fold": 1, "seed": 0, "speakers": run["train_speakers"], "epochs": run["best_epoch"]}
    results = json.loads((run_folder / "results.json").read_text())["overall"]
    assert card.estimate["uar_pooled"] == results["uar_pooled"]
    page = (out / "README.md").read_text()
    assert f"{100 * results['uar_pooled']:.1f} %" in page and "high, low, noisy" in page
    assert "says high, low, noisy" in capsys.readouterr().out


def test_a_network_trained_in_bfloat16_is_exported_in_float32(run_folder):
    trained = TrainedModel.of_run(run_folder, 0)
    assert {layer.compute_dtype for layer in trained.model.layers} <= {"float32", "int32"}
    kept = load_network(run_folder / "runs" / "fold00_seed0.keras", "chen2018-3d")
    for ours, theirs in zip(trained.model.get_weights(), kept.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_refit_hears_every_speaker_for_the_median_of_the_chosen_epochs(run_folder, tiny_records, tmp_path):
    out = tmp_path / "tiny" / "3"
    command = ["export", "--run", str(run_folder), "--refit", "--records", str(tiny_records), "--out", str(out)]
    assert main([*command, "--format", "onnx"]) == 0
    chosen = [run["best_epoch"] for run in json.loads((run_folder / "results.json").read_text())["runs"]]
    card = Card.read(out)
    assert card.fitted_on == {"speakers": [f"s{n}" for n in range(5)], "epochs": round(np.median(chosen)), "seed": 0}
    assert "fitted on all speakers" in (out / "README.md").read_text()


def test_a_refit_takes_the_records_of_its_experiment_alone(run_folder, tiny_corpus, tmp_path):
    from data_prep.__main__ import main as prepare

    other = tmp_path / "other"
    assert prepare(["manifest", "--data-dir", str(tiny_corpus), "--out", str(other), "--segments", "han2014"]) == 0
    with pytest.raises(ValueError, match="other records than those of"):
        refit(run_folder, other)


def test_a_version_is_never_overwritten_unless_asked_to(run_folder, tmp_path, capsys):
    out = tmp_path / "tiny" / "1"
    command = ["export", "--run", str(run_folder), "--out", str(out), "--format", "onnx"]
    assert main(command) == 0
    (out / "mine.txt").write_text("mine")
    assert main(command) == 2
    assert "it is there already; take the next version, or --replace it" in capsys.readouterr().err
    assert (out / "mine.txt").exists()
    assert main([*command, "--replace"]) == 0
    assert not (out / "mine.txt").exists()
    assert [path.name for path in out.parent.iterdir()] == ["1"]


def test_a_failed_export_leaves_nothing_behind_and_keeps_what_was_there(run_folder, tmp_path, monkeypatch):
    out = tmp_path / "tiny" / "1"
    trained = TrainedModel.of_run(run_folder, 0)
    version_folder.export(trained, out, ("onnx",))
    monkeypatch.setattr(onnx_model, "write", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        version_folder.export(trained, out, ("onnx",), replaced=True)
    assert [path.name for path in out.parent.iterdir()] == ["1"]
    assert Recognizer.load(out).labels == ("high", "low", "noisy")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "torch"], "--format torch: it is unknown; choose from saved-model"),
        (["--format", "onnx", "--serving"], "--serving: TensorFlow Serving takes a SavedModel"),
        (["--refit"], "--refit: it fits on all speakers, so it needs --records"),
        (["--records", "somewhere"], "--records somewhere: it goes with --refit only"),
    ],
)
def test_wrong_usage_is_told_before_the_work(options, message, run_folder, tmp_path, capsys):
    assert main(["export", "--run", str(run_folder), "--out", str(tmp_path / "m" / "1"), *options]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_is_no_version_is_refused(run_folder, tmp_path, capsys):
    assert main(["export", "--run", str(run_folder), "--out", str(tmp_path / "model")]) == 2
    assert f"its last part is the version, a whole number: {tmp_path / 'model' / '1'}" in capsys.readouterr().err


def test_a_name_that_a_server_could_not_read_is_refused(run_folder, tmp_path, monkeypatch, capsys):
    assert main(["export", "--run", str(run_folder), "--out", str(tmp_path / "my: model" / "1")]) == 2
    assert "'my: model' is the model's name; use letters" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert main(["export", "--run", str(run_folder), "--out", "1", "--format", "onnx"]) == 0
    assert Card.read(tmp_path / "mine" / "1").name == "mine"


def test_a_run_without_its_network_is_named_with_the_remedy(run_folder, tmp_path, capsys):
    assert main(["export", "--run", str(run_folder), "--fold", "4", "--out", str(tmp_path / "m" / "1")]) == 1
    assert "fold04_seed0.json: no such run; name the output folder of an experiment" in capsys.readouterr().err
    assert main(["export", "--run", str(tmp_path), "--out", str(tmp_path / "m" / "1")]) == 1
    assert "experiment.json: no such file; choose the folder of an experiment" in capsys.readouterr().err


def test_a_network_file_that_would_run_code_is_refused(tmp_path):
    inputs = keras.Input((3,))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs)).save(tmp_path / "evil.keras")
    with pytest.raises(ValueError, match=r"evil\.keras: not a network that can be loaded"):
        load_network(tmp_path / "evil.keras", "chen2018-3d")
    (tmp_path / "cut.keras").write_bytes((tmp_path / "evil.keras").read_bytes()[:500])
    with pytest.raises(ValueError, match=r"cut\.keras: not a network that can be loaded .*train it again"):
        load_network(tmp_path / "cut.keras", "chen2018-3d")


@pytest.fixture(scope="module")
def tiny_model(run_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "tiny" / "1"
    version_folder.export(TrainedModel.of_run(run_folder, 0), out, ("saved-model", "onnx", "litert"))
    return out


@pytest.fixture
def model(tiny_model, tmp_path):
    """A model of one's own, to be damaged."""
    return Path(shutil.copytree(tiny_model, tmp_path / "tiny" / "1"))


def test_a_damaged_file_of_every_runtime_is_named(model):
    for name in ("onnx", "litert", "saved-model"):
        path = model / runtimes.RUNTIMES[name].file
        path.write_bytes(b"no model at all" + path.read_bytes()[:200])
        with pytest.raises(ValueError, match=f"{path.name}.*damaged, or no model of this kind"):
            Recognizer.load(model, name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "damaged, not valid JSON"),
        ("[]", "not the card of a model of this version"),
        ('{"format": "acrnn-model", "format_version": 99}', "format 'acrnn-model' 99, this version reads"),
        ('{"format": "acrnn-model", "format_version": 1}', "a field is missing or unknown"),
    ],
)
def test_a_damaged_or_foreign_card_is_refused(model, content, message):
    (model / CARD).write_text(content)
    with pytest.raises(ValueError, match=message):
        Recognizer.load(model)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="not an exported model, it has no assets.extra/card.json"):
        Recognizer.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere: no such model; included are: "):
        Recognizer.load("nowhere")


def test_an_unknown_or_missing_runtime_is_told(model):
    with pytest.raises(UsageError, match="--runtime torch: it is unknown; choose from auto, onnx"):
        Recognizer.load(model, "torch")
    with pytest.raises(FileNotFoundError, match=r"has no model\.int8\.onnx; export it with --format onnx-int8"):
        Recognizer.load(model, "onnx-int8")


def test_the_highest_version_of_a_model_is_loaded(model):
    newer = model.with_name("10")
    shutil.copytree(model, model.with_name("9"))
    model.rename(newer)
    (model.with_name("11")).mkdir()  # not finished: it has no card
    assert Recognizer.load(model.parent).folder == newer


def test_a_class_that_was_never_predicted_has_a_card_all_the_same(model):
    card = Card.read(model)
    row = {"emotion": "high", "recall": None, "precision": None, "support": 0}
    coverage = {"folds": 1, "seeds": 1, "runs": 1, "planned": 1}
    figures = {"uar_fold_mean": 0.5, "uar_fold_std": None, "uar_pooled": 0.5, "uar_pooled_interval": None, "wa": 0.5}
    changed = replace(card, estimate={**figures, "protocol": "none", "per_class": [row], "coverage": coverage})
    assert "| high | – | – | 0 |" in changed.markdown()
    changed.write(model)
    assert main(["info", str(model)]) == 0


def test_a_card_comes_back_as_it_was_written(model):
    card = Card.read(model)
    assert Card.from_dict(json.loads(json.dumps(card.to_dict()))) == card
    assert set(card.formats) == {"saved-model", "onnx", "litert"} <= set(FORMATS)


@pytest.mark.parametrize(
    "rule",
    [
        *RULES.values(),
        SegmentRule(100, 50, "pad"),
        SegmentRule(100, 30, "align-end"),
        SegmentRule(7, 7, max_segments=3),
    ],
)
def test_the_graph_cuts_utterances_as_python_does(rule):
    lengths = np.array([1, 6, 7, 8, 99, 100, 101, 130, 299, 300, 301, 450, 599, 600, 601, 1234], np.int32)
    starts, valid = rule.starts_in_graph(tf.constant(lengths))
    for length, row, real in zip(lengths, starts.numpy(), valid.numpy(), strict=True):
        assert row[real].tolist() == rule.starts(int(length))
        assert real.tolist() == sorted(real, reverse=True)


@pytest.mark.parametrize("pooling", segments.POOLINGS)
def test_the_graph_pools_segments_as_python_does(pooling):
    logits = np.random.default_rng(0).normal(0, 3, (3, 4, 5)).astype(np.float32)
    valid = np.arange(4) < np.array([[1], [4], [2]])
    pooled = segments.pool_in_graph(tf.constant(logits), tf.constant(valid), pooling)
    expected = segments.pool_logits(logits[valid], np.repeat([0, 1, 2], [1, 4, 2]), 3, pooling)
    np.testing.assert_allclose(pooled, expected, atol=1e-6)
