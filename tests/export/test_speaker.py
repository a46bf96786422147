"""Speaker profiles: every format normalizes by them as Python does, and by the utterance itself where there is none."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from support.exports import sharp, sounds
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

SPEC = FRONTENDS["chen2018"]
RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=1)


def prior():
    """The average of two made-up speakers, with the weight of 2 s."""
    moments = Moments()
    for waveform in sounds()[4:7]:
        moments.add(SPEC.extract(0.5 * waveform + 0.01))
    return Prior(Statistics.of_moments(moments), 200.0)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    trained = sharp("chen2018-3d", prior=prior())
    out = tmp_path_factory.mktemp("speaker") / "model" / "1"
    version_folder.export(trained, out, ("saved-model", "onnx", "litert"), served=True)
    return out, trained, sounds()[2:-1]


@pytest.fixture(scope="module")
def profile(exported):
    return Recognizer.load(exported[0], "onnx").enrol(sounds()[6:9], 16000)


def shares(predictions):
    return np.array([list(prediction.probabilities.values()) for prediction in predictions])


@pytest.mark.parametrize("runtime", ["saved-model", "onnx", "litert"])
def test_every_format_predicts_as_python_does_with_and_without_a_profile(exported, profile, runtime):
    folder, trained, waveforms = exported
    recognizer = Recognizer.load(folder, runtime)
    own = trained.posteriors(waveforms)
    given = trained.posteriors(waveforms, [{"speaker_statistics": profile.shrunk(trained.prior)}] * len(waveforms))
    assert np.ptp(own, axis=0).max() > 0.2 and abs(given - own).max() > 0.05  # otherwise it would show nothing
    np.testing.assert_allclose(shares(recognizer.predict_batch(waveforms, 16000)), own, atol=1e-4)
    np.testing.assert_allclose(shares(recognizer.predict_batch(waveforms, 16000, speaker=profile)), given, atol=1e-4)
    alone = [recognizer.predict(waveform, 16000, speaker=profile) for waveform in waveforms]
    np.testing.assert_allclose(shares(alone), given, atol=1e-4)


def test_a_batch_of_the_savedmodel_may_hold_utterances_with_and_without_a_profile(exported, profile):
    folder, trained, waveforms = exported
    signatures = tf.saved_model.load(str(folder)).signatures
    pair = np.stack([waveforms[1][:30000], waveforms[2][:30000]])
    statistics = np.stack([profile.shrunk(trained.prior), np.zeros_like(profile.shrunk(trained.prior))])
    sound = {"waveform": tf.constant(pair), "num_samples": tf.constant([30000, 30000])}
    both = signatures["speaker"](**sound, speaker_statistics=tf.constant(statistics))["probabilities"].numpy()
    expected = [
        trained.posteriors(pair[:1], [{"speaker_statistics": statistics[0]}])[0],
        trained.posteriors(pair[1:])[0],
    ]
    np.testing.assert_allclose(both, expected, atol=1e-4)
    plain = signatures["serving_default"](**sound)["probabilities"].numpy()
    np.testing.assert_allclose(plain, trained.posteriors(pair), atol=1e-4)
    statistics[0, 1] *= -1
    with pytest.raises(tf.errors.InvalidArgumentError, match="negative deviations of a speaker"):
        signatures["speaker"](**sound, speaker_statistics=tf.constant(statistics))


def test_without_a_profile_features_have_the_statistics_of_the_utterance_shrunk_to_the_average_speaker(exported):
    _, trained, waveforms = exported
    features = SPEC.extract(waveforms[3])
    statistics = Statistics(features.mean(0), features.std(0), len(features)).shrunk(trained.prior.statistics, 200.0)
    profile = np.stack([statistics.mean, statistics.deviation])
    given = trained.posteriors([waveforms[3]], [{"speaker_statistics": profile}])
    np.testing.assert_allclose(given, trained.posteriors([waveforms[3]]), atol=1e-5)


def test_a_profile_is_small_holds_no_sound_and_survives_its_file(profile, tmp_path):
    profile.save(tmp_path / "me.json")
    again = SpeakerProfile.load(tmp_path / "me.json")
    assert again.frontend == profile.frontend and again.num_recordings == 3
    assert again.seconds == pytest.approx(sum(map(len, sounds()[6:9])) / 16000, abs=1e-3)
    np.testing.assert_allclose(again.statistics.mean, profile.statistics.mean)
    assert (tmp_path / "me.json").stat().st_size < 20_000
    content = json.loads((tmp_path / "me.json").read_text())
    for damage in ({"mean": [[0.1]]}, {"num_recordings": None}, {"format": "other"}, {"frontend": {"kind": "x"}}):
        (tmp_path / "damaged.json").write_text(json.dumps({**content, **damage}))
        with pytest.raises(ValueError, match=r"damaged.json: .*enroll the speaker again"):
            SpeakerProfile.load(tmp_path / "damaged.json")


def test_profiles_are_refused_by_other_models_and_front_ends(exported, profile):
    folder, _, waveforms = exported
    plain = Recognizer.load()
    with pytest.raises(ValueError, match="takes no speaker profiles; choose one"):
        plain.predict(waveforms[0], 16000, speaker=profile)
    with pytest.raises(ValueError, match="takes no speaker profiles"):
        plain.enrol(waveforms, 16000)
    with pytest.raises(FieldError, match="adapt True: .*takes no speaker profiles"):
        plain.stream(adapt=True)
    recognizer = Recognizer.load(folder, "onnx")
    other = replace(profile, frontend=replace(SPEC, trim_db=30.0))
    with pytest.raises(ValueError, match="another front end than that of model; enroll"):
        list(recognizer.predict_files(["x.wav"], speaker=other))
    with pytest.raises(ValueError, match="no recording to enroll"):
        recognizer.enrol([])
    with pytest.raises(AudioError, match="silence"):
        recognizer.enrol([np.zeros(16000, np.float32)], 16000)


def test_a_stream_adapts_to_its_latest_minutes(exported):
    folder, _, waveforms = exported
    recognizer = Recognizer.load(folder, "onnx")
    sound = np.concatenate(waveforms[3:8])
    adapted = recognizer.stream(adapt=True)
    decisions = [*adapted.push(sound), *adapted.finish()]
    assert all(decision.prediction for decision in decisions)
    first = recognizer.predict(sound[:48000], 16000, speaker=recognizer.enrol([sound[:48000]], 16000))
    np.testing.assert_allclose(shares([decisions[0].prediction]), shares([first]), atol=1e-4)
    plain = [decision.prediction for decision in recognizer.stream().push(sound)]
    assert abs(shares([decision.prediction for decision in decisions[: len(plain)]]) - shares(plain)).max() > 0.01


def test_a_running_profile_forgets_old_speech_and_counts_each_frame_once():
    running, loud, low = RunningProfile(SPEC, half_life_seconds=1.0), sounds()[8], sounds()[7]
    whole = running.updated(loud[:48000], 48000)
    np.testing.assert_allclose(whole.statistics.mean, SPEC.extract(loud[:48000]).mean(axis=0), atol=1e-6)
    for _ in range(12):
        later = running.updated(low[:16000], 16000)
    only = RunningProfile(SPEC).updated(low[:16000], 16000)
    np.testing.assert_allclose(later.statistics.mean, only.statistics.mean, atol=0.02)
    assert later.seconds < 3.0


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
    assert main(["enrol", *recordings, "--out", str(out), "--model", str(folder)]) == 0
    assert "me.json: 3 recordings, 1.8 s" in capsys.readouterr().out
    assert main(["enrol", *recordings, "--out", str(out), "--model", str(folder)]) == 2  # never overwritten
    assert "it exists already" in capsys.readouterr().err
    command = ["predict", recordings[0], "--json", "--model", str(folder)]
    answers = []
    for options in ([], ["--speaker", str(out)]):
        assert main([*command, *options]) == 0
        answers.append(json.loads(capsys.readouterr().out)["probabilities"])
    assert answers[0] != answers[1]
    assert main([*command, "--speaker", str(tmp_path / "nobody.json")]) == 1
    assert "nobody.json" in capsys.readouterr().err
    assert main(["predict", recordings[0], "--speaker", str(out)]) == 1
    assert "takes no speaker profiles" in capsys.readouterr().err
    assert main(["info", str(folder)]) == 0
    assert "takes speaker profiles" in capsys.readouterr().out
