"""Speaker profiles: every format normalizes by them as Python does, and by the utterance itself where there is none."""

import contextlib
import json

import numpy as np
import pytest
import tensorflow as tf
from support.exports import as_ensemble, sharp, sounds
from support.long_tests import long_test
from support.tiny_corpus import TINY_NETWORK

from acrnn.audio import AudioError
from acrnn.batches.speaker_statistics import Choice
from acrnn.cli import main
from acrnn.crossval import Experiment, cross_validate
from acrnn.errors import FieldError
from acrnn.export import version_folder
from acrnn.export.refit import refit
from acrnn.export.trained_model import TrainedModel
from acrnn.frontends import FRONTENDS
from acrnn.frontends.statistics import Moments, Prior, Statistics
from acrnn.inference import Recognizer
from acrnn.inference.speaker_profile import RunningProfile, SpeakerProfile
from acrnn.model_card import Card
from acrnn.recipes import Recipe
from acrnn.records import RecordSet
from acrnn.training.speaker_batch_norm import exchanged

SPEC = FRONTENDS["chen2018"]
RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=1)


def prior():
    """The average of two made-up speakers, with the weight of 2 s."""
    moments = Moments()
    for waveform in sounds()[4:7]:
        moments.add(SPEC.extract(0.5 * waveform + 0.01))
    return Prior(Statistics.of_moments(moments), 200.0)


KINDS = [pytest.param("dense layers of an ensemble", marks=long_test), "features and dense layer"]


@pytest.fixture(scope="module", params=KINDS)
def exported(request, tmp_path_factory):
    """A model in three formats: an ensemble that adapts its dense layers, or a network that adapts its features as well."""
    trained = sharp("chen2018-3d", prior=prior() if "features" in request.param else None)
    if "ensemble" in request.param:
        trained = as_ensemble(trained)
    out = tmp_path_factory.mktemp("speaker") / "model" / "1"
    version_folder.export(trained, out, ("saved-model", "onnx", "litert"), served=True)
    return out, trained, sounds()[2:-1]


@pytest.fixture(scope="module")
def profile(exported):
    return Recognizer.load(exported[0], "onnx", check_speech=False).enrol(sounds()[6:9], 16000)


def shares(predictions):
    return np.array([list(prediction.probabilities.values()) for prediction in predictions])


@pytest.mark.parametrize("runtime", ["saved-model", "onnx", "litert"])
def test_every_format_predicts_as_python_does_with_and_without_a_profile(exported, profile, runtime):
    folder, trained, waveforms = exported
    recognizer = Recognizer.load(folder, runtime, check_speech=False)
    own = trained.posteriors(waveforms)
    given = trained.posteriors(waveforms, [profile.inputs(recognizer.card)] * len(waveforms))
    assert np.ptp(own, axis=0).max() > 0.2 and abs(given - own).max() > 0.05  # otherwise it would show nothing
    np.testing.assert_allclose(shares(recognizer.predict_batch(waveforms, 16000)), own, atol=1e-4)
    np.testing.assert_allclose(shares(recognizer.predict_batch(waveforms, 16000, speaker=profile)), given, atol=1e-4)
    alone = [recognizer.predict(waveform, 16000, speaker=profile) for waveform in waveforms]
    np.testing.assert_allclose(shares(alone), given, atol=1e-4)
    again = recognizer.enrol(sounds()[6:9], 16000)
    np.testing.assert_allclose(again.dense.mean, profile.dense.mean, atol=1e-3)
    np.testing.assert_allclose(again.dense.deviation, profile.dense.deviation, atol=1e-3)


def test_a_profile_of_the_dense_layer_is_the_adapted_batch_normalization_of_each_network(exported, profile):
    folder, trained, _ = exported
    mean, variance = profile.inputs(Card.read(folder))["speaker_dense"]
    share = profile.seconds / (profile.seconds + 10)
    layers = [network.get_layer("dense_batch_norm") for network in trained.networks]
    whole = [
        np.concatenate([getattr(each, name).numpy() for each in layers]) for name in ("moving_mean", "moving_variance")
    ]
    np.testing.assert_allclose(mean, share * profile.dense.mean + (1 - share) * whole[0], rtol=1e-4, atol=1e-5)
    if trained.prior is not None:
        return
    parts, counts = zip(*(trained.rule.cut(SPEC.extract(waveform)) for waveform in sounds()[6:9]), strict=True)
    inputs = {"features": np.concatenate(parts), "num_frames": np.concatenate(counts)}
    before = np.concatenate(
        [
            tf.keras.Model(network.input, layer.input).predict_on_batch(inputs)
            for network, layer in zip(trained.networks, layers, strict=True)
        ],
        axis=1,
    )
    np.testing.assert_allclose(profile.dense.mean, before.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(variance, share * before.var(axis=0) + (1 - share) * whole[1], rtol=1e-3, atol=1e-5)
    with contextlib.ExitStack() as adapted:
        for layer, *statistics in zip(layers, np.split(mean, 2), np.split(variance, 2), strict=True):
            adapted.enter_context(exchanged(layer, *statistics))
        expected = trained.posteriors(sounds()[3:5])
    predicted = Recognizer.load(folder, "onnx", check_speech=False).predict_batch(sounds()[3:5], 16000, speaker=profile)
    np.testing.assert_allclose(shares(predicted), expected, atol=1e-4)


def test_a_batch_of_the_savedmodel_may_hold_utterances_with_and_without_a_profile(exported, profile):
    folder, trained, waveforms = exported
    signatures = tf.saved_model.load(str(folder)).signatures
    pair = np.stack([waveforms[1][:30000], waveforms[2][:30000]])
    inputs = profile.inputs(Card.read(folder))
    speaker = {name: np.stack([values, np.zeros_like(values)]) for name, values in inputs.items()}
    sound = {"waveform": tf.constant(pair), "num_samples": tf.constant([30000, 30000])}

    def run(**given):
        return signatures["speaker"](**sound, **{name: tf.constant(values) for name, values in given.items()})

    expected = [trained.posteriors(pair[:1], [inputs])[0], trained.posteriors(pair[1:])[0]]
    np.testing.assert_allclose(run(**speaker)["probabilities"].numpy(), expected, atol=1e-4)
    plain = signatures["serving_default"](**sound)["probabilities"].numpy()
    np.testing.assert_allclose(plain, trained.posteriors(pair), atol=1e-4)
    for name, values in speaker.items():
        wrong = values.copy()
        wrong[0, 1] *= -1
        outputs = run(**{**speaker, name: wrong})
        assert outputs["error"].numpy().tolist() == [b"negative deviations of a speaker", b""]
        np.testing.assert_allclose(outputs["probabilities"].numpy()[1], expected[1], atol=1e-4)


def test_without_a_profile_features_have_the_statistics_of_the_utterance_shrunk_to_the_average_speaker():
    trained = sharp("chen2018-3d", prior=prior())
    features = SPEC.extract(sounds()[5])
    statistics = Statistics(features.mean(0), features.std(0), len(features)).shrunk(trained.prior.statistics, 200.0)
    profile = np.stack([statistics.mean, statistics.deviation])
    given = trained.posteriors([sounds()[5]], [{"speaker_statistics": profile}])
    np.testing.assert_allclose(given, trained.posteriors([sounds()[5]]), atol=1e-5)


def test_a_profile_is_small_holds_no_sound_and_survives_its_file(exported, profile, tmp_path):
    profile.save(tmp_path / "me.json")
    again = SpeakerProfile.load(tmp_path / "me.json")
    assert again.model == profile.model and again.num_recordings == 3
    assert again.seconds == pytest.approx(sum(map(len, sounds()[6:9])) / 16000, abs=0.05)
    card = Card.read(exported[0])
    for name, values in profile.inputs(card).items():
        np.testing.assert_allclose(again.inputs(card)[name], values, rtol=1e-4)
    assert (tmp_path / "me.json").stat().st_size < 20_000
    content = json.loads((tmp_path / "me.json").read_text())
    for damage in ({"dense": {"mean": [0.1]}}, {"num_recordings": None}, {"format": "other"}):
        (tmp_path / "damaged.json").write_text(json.dumps({**content, **damage}))
        with pytest.raises(ValueError, match=r"damaged.json: .*enroll the speaker again"):
            SpeakerProfile.load(tmp_path / "damaged.json")


def test_profiles_are_refused_by_other_models(exported, profile):
    folder, _, _ = exported
    recognizer = Recognizer.load(folder, "onnx", check_speech=False)
    other = SpeakerProfile("another", 1, 2.0, profile.features, profile.dense)
    with pytest.raises(ValueError, match="made with another model than model; enroll"):
        list(recognizer.predict_files(["x.wav"], speaker=other))
    with pytest.raises(ValueError, match="no recording to enroll"):
        recognizer.enrol([])
    with pytest.raises(AudioError, match="silence"):
        recognizer.enrol([np.zeros(16000, np.float32)], 16000)


def test_a_model_without_a_normalized_dense_layer_takes_no_profiles(tmp_path):
    version_folder.export(sharp("han2014-dnn-elm"), tmp_path / "plain" / "1", ("onnx",))
    plain = Recognizer.load(tmp_path / "plain", check_speech=False)
    for use in (
        lambda: plain.predict(sounds()[3], 16000, speaker=SpeakerProfile("another", 1, 2.0)),
        lambda: plain.enrol(sounds()[3:5], 16000),
        lambda: plain.stream(adapt=True),
    ):
        with pytest.raises(ValueError, match="plain: the model takes no speaker profiles; choose another"):
            use()


def test_a_stream_adapts_to_its_latest_minutes(exported):
    folder, _, waveforms = exported
    recognizer = Recognizer.load(folder, "onnx", check_speech=False)
    sound = np.concatenate(waveforms[3:8])
    adapted = recognizer.stream(adapt=True)
    decisions = [*adapted.push(sound), *adapted.finish()]
    assert all(decision.prediction for decision in decisions)
    plain = [decision.prediction for decision in recognizer.stream().push(sound)]
    answers = [decision.prediction for decision in decisions[: len(plain)]]
    if recognizer.card.prior is None:  # nothing is known of the speaker before the first window
        np.testing.assert_allclose(shares(answers[:1]), shares(plain[:1]), atol=1e-5)
    assert abs(shares(answers) - shares(plain)).max() > 0.01


def test_a_running_profile_forgets_old_speech(exported):
    card, (loud, low) = Card.read(exported[0]), (SPEC.extract(sounds()[place]) for place in (8, 7))
    running = RunningProfile(card, half_life_seconds=1.0)
    running.add_features(loud)
    assert running.seconds == pytest.approx(len(loud) / 100)
    for _ in range(12):
        running.add_features(low[:100])
        running.add_embeddings(np.ones((1, 4)))
    later = running.profile()
    assert later.seconds < 3.0 and later.num_recordings == 13
    np.testing.assert_allclose(later.dense.mean, 1.0)
    if card.prior:
        np.testing.assert_allclose(later.features.mean, low[:100].mean(axis=0), atol=0.02)


def test_a_run_with_speaker_statistics_is_exported_with_its_records_and_its_prior(tiny_records, tmp_path):
    experiment = Experiment(
        tiny_records, "chen2018-3d", RECIPE, options=TINY_NETWORK, speaker_statistics=Choice.parse("speaker")
    )
    cross_validate(experiment, tmp_path / "run", folds=[0], announce=lambda line: None)
    with pytest.raises(FieldError, match="records: .*needs its record set"):
        TrainedModel.of_run(tmp_path / "run", 0)
    options = ["--run", str(tmp_path / "run"), "--records", str(tiny_records), "--format", "onnx"]
    assert main(["export", *options, "--out", str(tmp_path / "tiny" / "1")]) == 0
    card = Card.read(tmp_path / "tiny" / "1")
    rows = [row for row in RecordSet(tiny_records).utterances if row.speaker in card.fitted_on["speakers"]]
    means = [
        np.concatenate([_frames(tiny_records, row) for row in rows if row.speaker == speaker])[:, :, 0].mean(axis=0)
        for speaker in card.fitted_on["speakers"]
    ]
    np.testing.assert_allclose(card.prior.statistics.mean[:, 0], np.mean(means, axis=0), atol=0.02)
    assert card.prior.num_frames == pytest.approx(1000)  # 10 s
    trained = refit(tmp_path / "run", tiny_records)
    assert trained.prior and trained.origin["speakers"] == [f"s{number}" for number in range(5)]


def _frames(records, row):
    record_set = RecordSet(records)
    number = record_set.utterances.index(row)
    data = record_set.load([number])
    starts = record_set.manifest.rule.starts(row.num_frames)
    whole = np.zeros((row.num_frames, *data.features.shape[2:]))
    for start, features, count in zip(starts, data.features, data.num_frames, strict=True):
        whole[start : start + count] = features[:count]
    return whole


def test_the_console_enrolls_a_speaker_and_predicts_with_the_profile(exported, tmp_path, capsys, tiny_corpus):
    folder, *_ = exported
    recordings = [str(path) for path in sorted(tiny_corpus.glob("s0_*_0.wav"))]
    out = tmp_path / "me.json"
    assert main(["enrol", *recordings, "--out", str(out), "--model", str(folder)]) == 1
    assert "no speech found; leave it out" in capsys.readouterr().err and not out.exists()
    command = ["enrol", *recordings, "--out", str(out), "--model", str(folder), "--no-speech-check"]
    assert main(command) == 0
    assert "me.json: 3 recordings, 1.8 s" in capsys.readouterr().out
    assert main(command) == 2  # never overwritten
    assert "it exists already" in capsys.readouterr().err
    command = ["predict", recordings[0], "--json", "--no-speech-check", "--model", str(folder)]
    answers = []
    for options in ([], ["--speaker", str(out)]):
        assert main([*command, *options]) == 0
        answers.append(json.loads(capsys.readouterr().out)["probabilities"])
    assert answers[0] != answers[1]
    assert main([*command, "--speaker", str(tmp_path / "nobody.json")]) == 1
    assert "nobody.json" in capsys.readouterr().err
    assert main(["info", str(folder)]) == 0
    assert "takes speaker profiles" in capsys.readouterr().out


def test_the_console_writes_the_embeddings_of_utterances_and_segments(exported, tmp_path, capsys, tiny_corpus):
    folder, *_ = exported
    recordings, out = [str(path) for path in sorted(tiny_corpus.glob("s0_*_0.wav"))], tmp_path / "new" / "e.npz"
    command = ["predict", *recordings, "--no-speech-check", "--model", str(folder), "--embeddings"]
    assert main([*command, str(out)]) == 0
    table = np.load(out)
    predictions = Recognizer.load(folder, check_speech=False).predict_batch(recordings)
    assert table["source"].tolist() == recordings
    for source, row, prediction in zip(recordings, table["embedding"], predictions, strict=True):
        np.testing.assert_allclose(row, prediction.embeddings.mean(axis=0), atol=1e-5)
        own = table["segment_source"] == source
        np.testing.assert_allclose(table["segment_embedding"][own], prediction.embeddings, atol=1e-5)
        starts = [segment.start_seconds for segment in prediction.segments]
        np.testing.assert_allclose(table["segment_start_seconds"][own], starts)
    assert main([*command, str(out)]) == 2 and main([*command, "e.npy"]) == 2
    errors = capsys.readouterr().err
    assert "e.npz: it exists already" in errors and "e.npy: it writes NPZ" in errors
