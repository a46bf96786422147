"""Timelines: predictions for the windows of a file of any length, joined to stretches, and written in five formats."""

import csv
import io
import json
import re
import tracemalloc
from collections import deque
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from support.tiny_corpus import tiny_sound

from acrnn import Recognizer
from acrnn.audio import AudioError
from acrnn.cli import main
from acrnn.errors import FieldError
from acrnn.inference import timeline
from acrnn.inference.timeline import Stretch, Window, files

RATE = 16000


@pytest.fixture(scope="module")
def recognizer():
    """The model that comes with the package."""
    return Recognizer.load(threads=1, check_speech=False)


@pytest.fixture
def recording(tmp_path):
    """A recording of 8.5 s: 3 s of sound, 4 s of silence, 1.5 s of sound."""
    waveform = np.concatenate([tiny_sound("high", 3.0, 1), np.zeros(4 * RATE), tiny_sound("low", 1.5, 2)])
    soundfile.write(tmp_path / "interview.wav", waveform, RATE)
    return tmp_path / "interview.wav"


def window(start, emotion, seconds=2.0):
    return Window(start, start + seconds, emotion, {emotion: 1.0} if emotion else {})


def test_every_window_has_the_prediction_for_its_samples(recognizer, recording):
    waveform, _ = soundfile.read(recording, dtype="float32")
    found = list(timeline.windows(recognizer, recording, window_seconds=2.0, hop_seconds=1.5))
    times = [(each.start_seconds, each.end_seconds) for each in found]
    assert times == [(0, 2), (1.5, 3.5), (3, 5), (4.5, 6.5), (6, 8), (7.5, 8.5)]
    for each in found:
        part = waveform[round(each.start_seconds * RATE) : round(each.end_seconds * RATE)]
        if part.any():
            expected = recognizer.predict(part, RATE)
            assert (each.emotion, each.probabilities) == (expected.emotion, expected.probabilities)
        else:
            assert (each.emotion, each.probabilities) == (None, {})
    assert [each.emotion is None for each in found] == [False, False, True, True, False, False]


def test_a_file_of_another_rate_and_two_channels_is_converted_as_a_whole_file_would_be(recognizer, tmp_path):
    channels = np.stack([tiny_sound("high", 3.0, 1), tiny_sound("low", 3.0, 2)], axis=1)
    soundfile.write(tmp_path / "stereo.flac", channels, 44100)
    (only,) = timeline.windows(recognizer, tmp_path / "stereo.flac")
    assert only.probabilities == pytest.approx(recognizer.predict(tmp_path / "stereo.flac").probabilities, abs=1e-3)


def test_a_recording_beyond_the_limit_of_the_model_is_refused_with_the_remedy_and_has_a_timeline(recognizer, recording):
    short = Recognizer(replace(recognizer.card, max_seconds=2.0), recognizer._run, "onnx", recognizer.folder)
    with pytest.raises(
        AudioError, match=r"8\.5 s long, the model takes up to 2 s; cut it, or use acrnn predict --timeline"
    ):
        short.predict(recording)
    assert len(list(timeline.windows(short, recording, window_seconds=2.0, hop_seconds=2.0))) == 5


def test_the_refusal_offers_no_timeline_for_a_model_that_takes_more_than_sound(recognizer):
    card = replace(recognizer.card, max_seconds=1.0, auxiliary_inputs=("text",))
    with pytest.raises(AudioError, match="the model takes up to 1 s; cut it$"):
        Recognizer(card, recognizer._run, "onnx", recognizer.folder).waveform(tiny_sound("high", 2.0, 1), RATE)


def test_memory_does_not_depend_on_the_length_of_the_recording(recognizer, tmp_path, monkeypatch):
    prediction = recognizer.predict(tiny_sound("high", 1.0, 1), RATE)
    monkeypatch.setattr(recognizer, "predict", lambda *_, **__: prediction)
    peaks = []
    for minutes in (2, 16):
        soundfile.write(tmp_path / "long.wav", np.tile(tiny_sound("high", 1.0, 1), 60 * minutes), RATE)
        tracemalloc.start()
        found = timeline.windows(recognizer, tmp_path / "long.wav", window_seconds=0.5, hop_seconds=0.2)
        files.write(tmp_path / "long.json", found, recognizer.card, "long.wav")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_the_speaker_of_a_recording_is_that_of_all_windows(recognizer, recording, monkeypatch):
    speakers, prediction = [], recognizer.predict(recording)
    monkeypatch.setattr(recognizer, "predict", lambda *_, speaker: speakers.append(speaker) or prediction)
    deque(timeline.windows(recognizer, recording, speaker="a profile"), maxlen=0)
    assert set(speakers) == {"a profile"}


def test_a_damaged_file_is_named(recognizer, recording, tmp_path):
    samples, _ = soundfile.read(recording)
    soundfile.write(tmp_path / "nan.wav", np.append(samples, np.nan), RATE, subtype="FLOAT")
    (tmp_path / "cut.wav").write_bytes(recording.read_bytes()[:-1000])
    for name, problem in {"nan.wav": "NaN or infinite", "cut.wav": "truncated, 1000 bytes"}.items():
        with pytest.raises(AudioError, match=f"{name}: .*{problem}"):
            list(timeline.windows(recognizer, tmp_path / name))
    with pytest.raises(FileNotFoundError, match=r"gone\.wav: no such sound file"):
        timeline.windows(recognizer, tmp_path / "gone.wav")


def test_every_moment_has_the_emotion_of_the_window_whose_middle_is_nearest():
    rng = np.random.default_rng(0)
    emotions = rng.choice(["anger", "fear", None], 40)
    windows = [window(0.75 * number, emotion) for number, emotion in enumerate(emotions)]
    windows.append(Window(30.0, 30.8, "fear", {"fear": 1.0}))
    found = list(timeline.stretches(windows))
    assert found[0].start_seconds == 0 and found[-1].end_seconds == 30.8
    assert all(a.end_seconds == b.start_seconds and a.emotion != b.emotion for a, b in pairwise(found))
    for moment in rng.uniform(0, 30.8, 300):
        (stretch,) = (each for each in found if each.start_seconds <= moment < each.end_seconds)
        assert stretch.emotion == min(windows, key=lambda each: abs(each.middle_seconds - moment)).emotion


def test_a_recording_without_windows_has_no_stretches():
    assert list(timeline.stretches([])) == []
    assert list(timeline.stretches([window(0, "anger")])) == [Stretch(0, 2, "anger")]


@pytest.fixture
def written(recognizer, tmp_path):
    """Writes a timeline in a format and returns the text: anger to 2.5 s, silence to 4.5 s, fear to 3661.25 s."""

    def write(suffix):
        path = tmp_path / f"timeline{suffix}"
        shares = dict.fromkeys(recognizer.labels, 0.05)
        windows = [
            Window(0.0, 3.0, "anger", {**shares, "anger": 0.7}),
            Window(2.0, 3.0, None, {}),
            Window(3.0, 3661.25, "fear", {**shares, "fear": 0.7}),
        ]
        files.write(path, windows, recognizer.card, "interview.wav")
        return path.read_text(encoding="utf-8")

    return write


def test_json_has_the_windows_with_their_probabilities(written, recognizer):
    content = json.loads(written(".json"))
    assert content["source"] == "interview.wav" and content["model"] == "acrnn_emodb"
    assert content["emotions"] == list(recognizer.labels)
    first, silence, last = content["windows"]
    assert first["probabilities"]["anger"] == 0.7 and first["end_seconds"] == 3.0
    assert silence == {"start_seconds": 2.0, "end_seconds": 3.0, "emotion": None, "probabilities": {}}
    assert last["emotion"] == "fear"


def test_csv_has_the_windows_with_their_probabilities(written, recognizer):
    first, silence, last = csv.DictReader(io.StringIO(written(".csv")))
    assert first["anger"] == "0.700000" and first["boredom"] == "0.050000" and first["emotion"] == "anger"
    assert silence["emotion"] == "" == silence["anger"] and silence["start_seconds"] == "2.000"
    assert last["end_seconds"] == "3661.250" and list(last)[3:] == list(recognizer.labels)


def test_a_textgrid_has_a_tier_of_adjacent_intervals(written):
    lines = [line.strip() for line in written(".TextGrid").splitlines()]
    assert lines[:2] == ['File type = "ooTextFile"', 'Object class = "TextGrid"']
    values = [tuple(line.split(" = ")) for line in lines if " = " in line]
    assert values[2:9] == [
        ("xmin", "0"),
        ("xmax", "3661.250000"),
        ("size", "1"),
        ("class", '"IntervalTier"'),
        ("name", '"emotion"'),
        ("xmin", "0"),
        ("xmax", "3661.250000"),
    ]
    assert values[9] == ("intervals: size", "3")
    intervals = [tuple(value for _, value in values[place : place + 3]) for place in (10, 13, 16)]
    assert [interval[2] for interval in intervals] == ['"anger"', '""', '"fear"']
    assert intervals[0][0] == "0.000000" and intervals[2][1] == "3661.250000"
    assert intervals[0][1] == intervals[1][0] and intervals[1][1] == intervals[2][0]


def test_labels_of_audacity_and_subtitles_leave_silence_out(written):
    assert written(".txt") == "0.000000\t2.000000\tanger\n917.312500\t3661.250000\tfear\n"
    assert written(".srt") == ("1\n00:00:00,000 --> 00:00:02,000\nanger\n\n2\n00:15:17,312 --> 01:01:01,250\nfear\n\n")


def test_another_format_is_refused_with_the_choices(recognizer, tmp_path):
    with pytest.raises(
        FieldError, match=r"timeline\.docx: no format of a timeline.*\.json, \.csv, \.textgrid, \.txt, \.srt"
    ):
        files.write(tmp_path / "timeline.docx", [], recognizer.card, "")


def test_the_command_prints_a_table_and_writes_the_same_windows(recognizer, recording, tmp_path, capsys):
    out = tmp_path / "new" / "timeline.csv"
    assert main(["predict", str(recording), "--timeline", "--no-speech-check", "--hop", "3", "--out", str(out)]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["start", "end", "emotion", "probability"]
    expected = list(timeline.windows(recognizer, recording, hop_seconds=3.0))
    rows = list(csv.DictReader(out.open()))
    assert len(rows) == len(lines) == len(expected) == 3
    for line, row, each in zip(lines, rows, expected, strict=True):
        assert re.split(r"  +", line)[2] == (each.emotion or "no speech") == (row["emotion"] or "no speech")
    assert lines[1] == "00:00:03.000  00:00:06.000  no speech"
    assert re.match(r"00:00:06.000  00:00:08.500  [a-z]+ +\d+\.\d %$", lines[2])


def test_a_command_that_fails_at_the_end_of_a_recording_leaves_the_file_that_was_there(tmp_path, capsys):
    samples = np.append(np.tile(tiny_sound("high", 1.0, 1), 12), np.nan)
    soundfile.write(tmp_path / "interview.wav", samples, RATE, subtype="FLOAT")
    out = tmp_path / "timeline.srt"
    out.write_text("earlier")
    assert main(["predict", str(tmp_path / "interview.wav"), "--timeline", "--hop", "3", "--out", str(out)]) == 1
    output = capsys.readouterr()
    assert len(output.out.splitlines()) > 1 and re.search(r"interview.wav: 1 of \d+ samples are NaN", output.err)
    assert out.read_text() == "earlier" and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hop", "1"], "--hop: only with --timeline; add it"),
        (["--out", "a.srt"], "--out: only with --timeline; add it"),
        (["--timeline", "--csv"], "--csv: not with --timeline, which prints a table; --out FILE writes other formats"),
        (["b.wav", "--timeline"], "--timeline: a.wav b.wav: it takes one sound file; name one"),
        (["--timeline", "--out", "a.doc"], "--out a.doc: no format of a timeline"),
        (["--timeline", "--hop", "0"], "--hop 0.0: the hop must be above 0 and no longer than the window of 3 s"),
        (["--timeline", "--window", "700"], "--window 700.0: the model takes up to 600 s"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(recording, options, message, capsys, monkeypatch):
    monkeypatch.chdir(recording.parent)
    recording.rename("a.wav")
    assert main(["predict", "a.wav", *options]) == 2
    assert message in capsys.readouterr().err
