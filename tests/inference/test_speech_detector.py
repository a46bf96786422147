"""Recordings without speech: no emotion in predictions, streams and profiles."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acrnn.audio import AudioError, sound_files
from acrnn.cli import main
from acrnn.inference import Recognizer
from acrnn.inference.demo.answers import recognize
from acrnn.inference.speech_detector import has_speech
from data_prep.corpora import toy
from experiments.speech_check import OTHER_SOUNDS

RATE = 16000
SPEECH = toy.utterance_waveform(3, "neutral", 2).astype(np.float32)


def sound(kind):
    return OTHER_SOUNDS[kind](np.random.default_rng(0)).astype(np.float32)


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer.load(threads=1)


@pytest.mark.parametrize("kind", OTHER_SOUNDS)
def test_sounds_other_than_speech_are_told_from_it(kind):
    assert not has_speech(sound(kind), RATE)


def test_speech_is_found_at_any_level_rate_and_place():
    for waveform in (SPEECH, 1e-3 * SPEECH, np.concatenate([sound("white noise") * 1e-3, SPEECH])):
        assert has_speech(waveform, RATE)
    assert has_speech(np.repeat(SPEECH, 3), 3 * RATE)
    assert not has_speech(np.zeros(RATE, np.float32), RATE)


@pytest.mark.skipif("EMODB_ROOT" not in os.environ, reason="EMODB_ROOT does not name a folder with Emo-DB's wav/")
def test_speech_is_found_in_recordings_of_emodb():
    for path in sound_files(Path(os.environ["EMODB_ROOT"]) / "wav")[::50]:
        assert has_speech(*soundfile.read(path)), path


def test_a_sound_without_speech_has_no_emotion(recognizer):
    prediction = recognizer.predict(sound("beeps"), RATE)
    assert prediction.emotion is None and prediction.has_speech is False
    assert prediction.to_dict()["emotion"] is None and sum(prediction.probabilities.values()) == pytest.approx(1)
    answer = recognizer.predict(SPEECH, RATE)
    assert answer.emotion in recognizer.labels and answer.has_speech is True
    unchecked = Recognizer.load(threads=1, check_speech=False).predict(sound("beeps"), RATE)
    assert unchecked.emotion == max(unchecked.probabilities, key=unchecked.probabilities.get)
    assert unchecked.has_speech is None


def test_a_recording_without_speech_does_not_enroll(monkeypatch, recognizer):
    monkeypatch.setattr(type(recognizer.card), "takes_speaker", True)
    with pytest.raises(AudioError, match="array: no speech found; leave it out"):
        recognizer.enrol([SPEECH, sound("melody")], RATE)


def test_a_stream_has_no_emotion_where_there_is_no_speech(recognizer):
    stream = recognizer.stream(window_seconds=1.0, hop_seconds=1.0)
    decisions = stream.push(np.concatenate([SPEECH[:RATE], sound("white noise")[:RATE]]))
    assert [decision.prediction.has_speech for decision in decisions] == [True, False]


def test_the_console_and_the_page_say_that_no_speech_was_found(recognizer, tmp_path, capsys):
    soundfile.write(tmp_path / "noise.wav", 0.1 * sound("white noise"), RATE)
    name = str(tmp_path / "noise.wav")
    assert main(["predict", name]) == 0
    assert capsys.readouterr().out == f"{name}: no speech found (3.00 s)\n"
    assert main(["predict", name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["has_speech"] is False
    assert main(["predict", name, "--csv"]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert row.startswith(f"{name},,0.") and row.endswith(",no speech found")
    assert main(["predict", name, "--no-speech-check"]) == 0
    assert "no speech found" not in capsys.readouterr().out
    assert "no speech found" in recognize(recognizer, [name])
