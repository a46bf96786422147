"""The recogniser: files, arrays, folders and streams, on the model that comes with the package and on its own."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

import acrnn
from acrnn.audio import AudioError
from acrnn.cli import main
from acrnn.inference import Failure, Prediction, Recognizer, locate
from acrnn.inference.runtimes import PREFERENCE
from acrnn.model_card import FORMATS, Card
from data_prep.corpora import toy

RATE = 16000
BAD = {
    "empty.wav": "empty, 0 bytes",
    "text.wav": "not readable as audio",
    "silent.wav": "silence; record it again",
    "nan.wav": "samples are NaN or infinite",
    "short.wav": "shorter than one analysis window (25 ms)",
}


@pytest.fixture(scope="module")
def recognizer():
    """The model that comes with the package."""
    return acrnn.Recognizer.load(threads=1)


def sound(seconds=1.5, seed=0):
    """Synthetic speech."""
    spoken = toy.utterance_waveform(1, "anger", 1 + seed % 4)
    return np.resize(spoken, round(seconds * RATE)).astype(np.float32)


@pytest.fixture
def recordings(tmp_path):
    """A folder with three good files, one of them deeper, and bad ones of every kind."""
    folder = tmp_path / "recordings"
    (folder / "deeper").mkdir(parents=True)
    for number, name in enumerate(("a.wav", "b.flac", "deeper/c.wav")):
        soundfile.write(folder / name, sound(1 + number, number), RATE, subtype="PCM_16")
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("this is not a sound")
    soundfile.write(folder / "silent.wav", np.zeros(RATE), RATE)
    soundfile.write(folder / "nan.wav", np.full(RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    soundfile.write(folder / "short.wav", sound(0.01), RATE)
    (folder / "notes.txt").write_text("not a sound file at all")
    return folder


def test_the_included_model_states_its_training_data_and_performance(recognizer):
    card = recognizer.card
    assert card.corpus["name"] == "emodb" and card.corpus["licence"]
    assert len(card.fitted_on["speakers"]) == 10 and "fold" not in card.fitted_on
    assert card.estimate["coverage"]["folds"] == 10
    assert {row["emotion"] for row in card.estimate["per_class"]} == set(card.labels)
    page = (recognizer.folder / "README.md").read_text()
    assert f"{100 * card.estimate['uar_pooled']:.1f} %" in page
    assert "The runs used recipe robust and the reduced network" in page


def test_the_page_of_the_included_model_is_made_from_its_card(recognizer, capsys):
    assert main(["info", "--markdown"]) == 0
    page = capsys.readouterr().out
    assert page == (recognizer.folder / "README.md").read_text() == Card.read(recognizer.folder).markdown()


def test_the_included_model_is_small():
    files = [path for path in locate.included()[locate.DEFAULT].rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 20e6


def test_the_card_of_the_included_model_agrees_with_the_committed_results(recognizer):
    results = Path(__file__).parents[2] / "experiments" / "results" / "emodb_robust_speeds"
    committed = json.loads((results / "results.json").read_text())
    assert committed["overall"]["uar_fold_mean"] == recognizer.card.estimate["uar_fold_mean"]
    assert committed["settings"]["recipe"] == recognizer.card.recipe
    assert committed["settings"]["network"] == recognizer.card.network
    tested = json.loads((results.parent / "included_ravdess" / "evaluation.json").read_text())
    (figures,) = recognizer.card.evaluations
    for row, result in zip(figures["results"], tested["results"], strict=True):
        recalls = [counts[place] / sum(counts) for place, counts in enumerate(result["confusion"])]
        assert row["uar"] == pytest.approx(sum(recalls) / len(recalls), abs=1e-4)


@pytest.mark.parametrize("runtime", ["onnx", "litert", "saved-model"])
def test_the_included_model_predicts_the_same_in_every_runtime(recognizer, runtime):
    waveforms = [sound(seconds, seed) for seed, seconds in enumerate((0.1, 1.0, 3.3, 8.0))]
    for prediction, expected in zip(
        Recognizer.load(runtime=runtime).predict_batch(waveforms, RATE),
        recognizer.predict_batch(waveforms, RATE),
        strict=True,
    ):
        assert prediction.emotion == expected.emotion and prediction.has_speech == expected.has_speech
        assert prediction.probabilities == pytest.approx(expected.probabilities, abs=1e-4)


def test_a_file_and_its_samples_are_one_utterance(recognizer, tmp_path):
    waveform = (np.round(sound() * 32767) / 32768).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", waveform, RATE, subtype="PCM_16")
    of_file = recognizer.predict(tmp_path / "x.wav")
    others = [
        recognizer.predict(str(tmp_path / "x.wav")),
        recognizer.predict(waveform, RATE),
        recognizer.predict(waveform.astype(np.float64), RATE),
        recognizer.predict(np.round(waveform * 32768).astype(np.int16), RATE),
        recognizer.predict(np.stack([waveform, waveform], axis=1), RATE),
    ]
    for other in others:
        assert other.probabilities == pytest.approx(of_file.probabilities, abs=1e-5)
    assert of_file.source.endswith("x.wav") and others[1].source == "array"


def test_another_sampling_rate_is_converted(recognizer):
    import soxr

    waveform = sound(2.0)
    prediction = recognizer.predict(soxr.resample(waveform, RATE, 44100), 44100)
    assert prediction.duration_seconds == pytest.approx(2.0, abs=1e-3)
    assert prediction.probabilities == pytest.approx(recognizer.predict(waveform, RATE).probabilities, abs=0.05)


def test_the_level_of_a_recording_changes_nothing(recognizer):
    waveform = sound()
    quiet = recognizer.predict(waveform * 0.01, RATE)
    assert quiet.probabilities == pytest.approx(recognizer.predict(waveform, RATE).probabilities, abs=1e-3)


def test_a_prediction_is_plain_and_complete(recognizer):
    prediction = recognizer.predict(sound(7.0), RATE)
    assert list(prediction.probabilities) == list(recognizer.labels)
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    assert prediction.probabilities[prediction.emotion] == max(prediction.probabilities.values())
    assert [(s.start_seconds, s.end_seconds) for s in prediction.segments] == [
        pytest.approx(times, abs=0.016) for times in ((0, 3.015), (3, 6.015), (3.98, 7))
    ]
    assert len(prediction.attention) == len(prediction.attention_seconds) == 699
    assert prediction.attention_seconds[:2] == pytest.approx((0.0125, 0.0225))
    assert np.mean(prediction.attention[:300]) == pytest.approx(1, abs=1e-4)
    assert json.loads(json.dumps(prediction.to_dict())).keys() == {
        "source", "emotion", "has_speech", "probabilities", "duration_seconds", "segments", "attention_seconds", "attention",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros(0, np.float32), RATE, "array: holds no samples"),
        (np.full(RATE, np.inf, np.float32), RATE, "16000 of 16000 samples are NaN or infinite"),
        (np.full(RATE, 0.25, np.float32), RATE, "all 16000 samples are 0.25, silence"),
        (np.ones((2, RATE), np.float32), RATE, r"an array of shape \(2, 16000\); pass \[samples\] or"),
        (np.arange(RATE), RATE, "samples of type int64; pass floats in"),
        (np.arange(RATE, dtype=np.float32), RATE, "samples up to 15999; pass floats in"),
        (sound(), None, "an array has no sampling rate of its own; pass sample_rate_hz"),
        (sound(), -1, "sample_rate_hz -1: it must be above 0"),
        (sound(0.02), RATE, r"20\.0 ms long, shorter than one analysis window"),
        (np.tile(sound(1.0), 601), RATE, r"601\.0 s long, the model takes up to 600 s; cut it"),
    ],
)
def test_samples_that_cannot_be_used_are_refused_with_the_remedy(recognizer, samples, rate, message):
    with pytest.raises(ValueError, match=message):
        recognizer.predict(samples, rate)


def test_a_file_that_is_too_long_is_refused_before_it_is_read(recognizer, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "long.wav", np.tile(sound(1.0), 601), RATE)
    monkeypatch.setattr("acrnn.audio.load_waveform", lambda *arguments: pytest.fail("it was read"))
    with pytest.raises(AudioError, match=r"long\.wav: 601\.0 s long"):
        recognizer.predict(tmp_path / "long.wav")


def test_the_bad_files_of_a_folder_are_reported_and_the_others_recognized(recognizer, recordings):
    results = {Path(each.source).name: each for each in recognizer.predict_folder(recordings)}
    assert set(results) == {"a.wav", "b.flac", "c.wav", *BAD}
    for name, reason in BAD.items():
        assert isinstance(results[name], Failure) and name in results[name].reason and reason in results[name].reason
    assert all(isinstance(results[name], Prediction) for name in ("a.wav", "b.flac", "c.wav"))


def test_files_come_back_in_their_order_whatever_their_lengths(recognizer, tmp_path):
    paths = [tmp_path / f"{number}.wav" for number in range(20)]
    for number, path in enumerate(paths):
        soundfile.write(path, sound(0.3 + 0.37 * (number * 7 % 20), number), RATE, subtype="FLOAT")
    results = list(recognizer.predict_files(iter(paths)))
    assert [each.source for each in results] == [str(path) for path in paths]
    for each in results[::6]:
        assert each.probabilities == pytest.approx(recognizer.predict(each.source).probabilities, abs=1e-5)


def test_a_file_on_which_the_model_fails_is_a_failure_of_its_own(recognizer, recordings, monkeypatch):
    run = recognizer._run

    def without_memory_for_two_seconds(waveforms, given):
        if any(len(waveform) == 2 * RATE for waveform in waveforms):
            raise RuntimeError("not enough memory\nat node 7")
        return run(waveforms, given)

    monkeypatch.setattr(recognizer, "_run", without_memory_for_two_seconds)
    first, failed, third = recognizer.predict_files([recordings / name for name in ("a.wav", "b.flac", "deeper/c.wav")])
    assert isinstance(first, Prediction) and isinstance(third, Prediction)
    assert failed.reason == f"{recordings / 'b.flac'}: the model fails on it (not enough memory); leave it out"


def test_a_stream_predicts_for_a_window_as_for_a_file_of_it(recognizer):
    waveform = np.concatenate([sound(2.5, seed) for seed in range(4)])[: 7 * RATE + 8500]
    stream, decisions = recognizer.stream(window_seconds=3.0, hop_seconds=0.5), []
    for start in range(0, len(waveform), 3777):
        decisions += stream.push(waveform[start : start + 3777])
    decisions += stream.finish()
    times = [(decision.start_seconds, decision.end_seconds) for decision in decisions]
    assert times[:-1] == [(0.5 * n, 0.5 * n + 3) for n in range(10)]
    assert times[-1] == pytest.approx((5.0, 7.53125))  # what no window has covered, and what goes before it
    for decision in decisions:
        part = waveform[round(decision.start_seconds * RATE) : round(decision.end_seconds * RATE)]
        assert decision.prediction.probabilities == recognizer.predict(part, RATE).probabilities


def test_a_stream_of_another_rate_is_resampled_as_its_file_would_be(recognizer):
    import soxr

    waveform = soxr.resample(np.concatenate([sound(2.5, seed) for seed in range(2)]), RATE, 48000)
    stream = recognizer.stream(48000, window_seconds=2.0, hop_seconds=2.0)
    decisions = [decision for part in np.array_split(waveform, 31) for decision in stream.push(part)] + stream.finish()
    whole = soxr.resample(waveform, 48000, RATE)
    assert [round(decision.start_seconds, 3) for decision in decisions] == [0, 2, 4]
    for decision in decisions:
        part = whole[round(decision.start_seconds * RATE) : round(decision.end_seconds * RATE)]
        assert decision.prediction.probabilities == pytest.approx(
            recognizer.predict(part, RATE).probabilities, abs=1e-3
        )


def test_a_stream_stores_no_more_than_a_window_however_much_is_pushed_at_once(recognizer):
    stream = recognizer.stream(window_seconds=1.0, hop_seconds=1.0)
    stream.push(sound(1.0))
    block = np.tile(sound(1.0), 60)
    tracemalloc.start()
    assert len(stream.push(block)) == 60
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < block.nbytes / 4


def test_a_stream_that_ends_with_a_window_has_no_further_decision(recognizer):
    stream = recognizer.stream(window_seconds=2.0, hop_seconds=1.0)
    assert [decision.end_seconds for decision in stream.push(np.tile(sound(1.0), 4))] == [2, 3, 4]
    assert stream.finish() == []


def test_a_stream_continues_through_silence_without_a_prediction(recognizer):
    stream = recognizer.stream(window_seconds=1.0, hop_seconds=1.0)
    decisions = stream.push(np.concatenate([np.zeros(RATE), sound(1.0)]))
    assert decisions[0].prediction is None and decisions[1].prediction.emotion in recognizer.labels


def test_a_short_stream_has_one_decision_at_its_end(recognizer):
    stream = recognizer.stream()
    assert stream.push(sound(0.5)) == []
    (only,) = stream.finish()
    assert (only.start_seconds, only.end_seconds) == (0, 0.5)
    assert stream.finish() == []
    with pytest.raises(ValueError, match="the stream has ended"):
        stream.push(sound())


def test_a_stream_that_makes_no_sense_is_refused(recognizer):
    with pytest.raises(ValueError, match="the hop must be above 0 and no longer than the window"):
        recognizer.stream(window_seconds=1.0, hop_seconds=2.0)
    with pytest.raises(ValueError, match="shorter than one analysis window"):
        recognizer.stream(window_seconds=0.01, hop_seconds=0.01)
    with pytest.raises(AudioError, match="stream: 1 of 2 samples are NaN or infinite"):
        recognizer.stream().push(np.array([np.nan, 0.0]))


def test_the_command_line_prints_predictions_for_people(recordings, capsys):
    assert main(["predict", str(recordings / "a.wav")]) == 0
    output = capsys.readouterr()
    assert output.out.startswith(f"{recordings / 'a.wav'}: ") and "(1.00 s)" in output.out
    assert "trained on Emo-DB" in output.err and "on speakers that the network was not trained on" in output.err
    assert "recognizing" not in output.err  # progress is for many


def test_the_command_line_prints_a_json_object_a_line_for_programs(recordings, recognizer, capsys):
    assert main(["predict", "--json", str(recordings / "a.wav"), str(recordings / "silent.wav")]) == 1
    output = capsys.readouterr()
    good, bad = map(json.loads, output.out.splitlines())
    expected = recognizer.predict(recordings / "a.wav")
    assert good["emotion"] == expected.emotion and good["model"] == "acrnn_emodb"
    assert good["probabilities"] == pytest.approx(expected.probabilities, abs=1e-4)
    assert "silence" in bad["error"] and bad["source"].endswith("silent.wav")
    assert "1 of 2 files failed:" in output.err


def test_the_command_line_prints_a_table_for_a_folder(recordings, capsys):
    assert main(["predict", "--csv", str(recordings)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "source,emotion,anger,boredom,disgust,fear,happiness,neutral,sadness,error"
    assert len(lines) == 1 + 3 + len(BAD)


def test_the_command_line_draws_predictions(recordings, tmp_path, capsys):
    picture = tmp_path / "figures" / "p.png"
    assert main(["predict", str(recordings / "a.wav"), str(recordings / "b.flac"), "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 20000
    (recordings / "a.wav").rename(recordings / "a$_{x$.wav")
    assert main(["predict", str(recordings / "a$_{x$.wav"), "--plot", str(picture)]) == 0
    assert main(["predict", str(recordings / "b.flac"), "--plot", "p.pdf"]) == 2
    assert "--plot p.pdf: it writes PNG" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["predict", "nowhere.wav"], 1, "nowhere.wav: no such sound file"),
        (["predict", "nowhere.wav", "--model", "nothing"], 1, "nothing: no such model; included are: acrnn_emodb"),
        (["predict", "nowhere.wav", "--runtime", "torch"], 2, "--runtime torch: it is unknown"),
        (["info", "nothing"], 1, "nothing: no such model"),
    ],
)
def test_the_command_line_names_what_is_wrong(arguments, status, message, capsys):
    assert main(arguments) == status
    assert message in capsys.readouterr().err


def test_a_port_that_is_none_is_wrong_usage(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["serve-demo", "--port", "99999"])
    assert "'99999' is not a port, a number from 1 to 65535" in capsys.readouterr().err


def test_info_shows_the_card(capsys):
    assert main(["info"]) == 0
    output = capsys.readouterr().out
    assert "chen2018-3d" in output and "anger, boredom, disgust" in output and "recall" in output
    assert main(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "acrnn-model"


def test_the_quickest_runtime_that_is_installed_is_chosen(recognizer, monkeypatch):
    assert recognizer.runtime == "onnx"
    real = __import__("importlib.util").util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnxruntime" else real(name))
    assert Recognizer.load().runtime == "litert"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="no runtime for it is installed; install onnxruntime or ai_edge_litert or"):
        Recognizer.load()


def test_tensorflow_may_be_asked_for_threads_again_after_it_has_computed():
    for threads in (1, 2):
        recognizer = Recognizer.load(runtime="saved-model", threads=threads)
        assert recognizer.predict(sound(), RATE).emotion in recognizer.labels


def test_a_runtime_that_is_not_installed_names_its_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r'install it with: pip install "acrnn\[onnx-runtime\]"'):
        Recognizer.load(runtime="onnx")
    assert set(PREFERENCE) == set(FORMATS)
