"""Copies at other speeds: their pitch and duration, their use in training only, and records without any."""

from dataclasses import replace

import numpy as np
import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.sources import Feeder
from acrnn.crossval import Experiment, Prepared, cross_validate
from acrnn.errors import UsageError
from acrnn.folds import PROTOCOLS, Fold, check_fold, make_folds
from acrnn.recipes import Recipe
from acrnn.records import UTTERANCES, RecordSet, UtteranceRow
from data_prep.__main__ import main as data_prep_main
from data_prep.speed import at_speed

RATE = 16000
EMOTIONS = ("anger", "neutral", "sadness")


def tone(pitch_hz, seconds=1.0):
    return np.sin(2 * np.pi * pitch_hz * np.arange(int(seconds * RATE)) / RATE).astype(np.float32)


def pitch_of(waveform):
    middle = waveform[2000:-2000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 16))
    return spectrum.argmax() * RATE / (1 << 16)


@pytest.mark.parametrize("speed", [0.8, 0.9, 1.1, 1.2])
@pytest.mark.parametrize(("by", "moves"), [("resampling", True), ("stretching", False)])
def test_a_faster_copy_is_shorter_and_resampling_raises_its_pitch(speed, by, moves):
    copy = at_speed(tone(400), speed, RATE, by)
    assert len(copy) == pytest.approx(RATE / speed, rel=0.001)
    assert pitch_of(copy) == pytest.approx(400 * speed if moves else 400, rel=0.005)


@pytest.mark.parametrize("text", ["0.9,1.1", "1,1.0", "1,0.2", "1,fast", "1,nan"])
def test_speeds_without_the_recording_itself_or_out_of_range_are_refused(text, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        data_prep_main(["toy", "--out", str(tmp_path), "--speeds", text])
    assert stop.value.code == 2
    assert "--speeds" in capsys.readouterr().err


def spoken(speakers=10, takes=12, second="validation"):
    """Rows of utterances: two speakers per session, two emotions in turn, a prescribed split with a part of the second speaker."""
    split = ("test", second, *["train"] * (speakers - 2))
    return [
        UtteranceRow(
            f"{s}-{take}", f"s{s}", f"session{s // 2}", EMOTIONS[take % 2], take % 2, 200, 1, 2.0, RATE, "", "",
            f"sentence {take // 2}", split[s]
        )
        for s in range(speakers)
        for take in range(takes)
    ]  # fmt: skip


def with_copies(rows, speeds=(0.8, 0.9, 1.1, 1.2)):
    return [
        one
        for row in rows
        for one in (row, *(replace(row, id=f"{row.id}@{speed:g}", speed=speed, copy_of=row.id) for speed in speeds))
    ]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_whatever_the_protocol_copies_train_with_their_utterance_and_nothing_else_changes(protocol):
    rows = spoken(second="train" if protocol == "prescribed-train-test" else "validation")
    plain, augmented = make_folds(protocol, rows, EMOTIONS), make_folds(protocol, with_copies(rows), EMOTIONS)
    for before, after in zip(plain, augmented, strict=True):
        assert (after.validation, after.test) == (before.validation, before.test)
        assert {utterance.partition("@")[0] for utterance in after.train} == set(before.train)
        assert len(after.train) == 5 * len(before.train)


def test_only_copies_at_the_speeds_that_are_asked_for_train():
    rows = with_copies(spoken())
    for fold in make_folds("leave-one-speaker-out", rows, EMOTIONS, (0.9, 1.0, 1.1)):
        assert {utterance.partition("@")[2] for utterance in fold.train} == {"", "0.9", "1.1"}
    once = make_folds("leave-one-speaker-out", rows, EMOTIONS, (1.0,))
    assert once == make_folds("leave-one-speaker-out", spoken(), EMOTIONS)


@pytest.mark.parametrize(
    ("moved", "message"),
    [
        ({"test": ("0-0", "0-1", "0-1@0.9")}, "'0-1@0.9', a copy at another speed, is in its test part"),
        ({"validation": ("1-0", "1-1", "1-1@0.9")}, "'1-1@0.9', a copy at another speed, is in its validation part"),
        ({"train": ("2-0", "2-1", "2-2@0.9")}, "'2-2@0.9' is in its training part, but '2-2', its original, is not"),
    ],
    ids=["tested", "validated", "without its utterance"],
)
def test_a_fold_that_leaks_by_its_copies_is_refused(moved, message):
    parts = {"train": ("2-0", "2-1"), "validation": ("1-0", "1-1"), "test": ("0-0", "0-1")}
    with pytest.raises(ValueError, match=message):
        check_fold(Fold("speaker s0", **{**parts, **moved}), with_copies(spoken()), EMOTIONS)


@pytest.fixture(scope="module")
def augmented(tiny_corpus, tmp_path_factory):
    """Records of the tiny corpus at three speeds."""
    out = tmp_path_factory.mktemp("speeds") / "records"
    command = ["manifest", "--data-dir", str(tiny_corpus), "--out", str(out), "--jobs", "1", "--speeds", "0.9,1.0,1.1"]
    assert data_prep_main(command) == 0
    return RecordSet(out)


def test_records_hold_copies_with_their_speed_and_their_utterance(augmented, tiny_records):
    plain = RecordSet(tiny_records)
    spoken_rows = [row for row in augmented.utterances if not row.copy_of]
    assert [row.id for row in spoken_rows] == [row.id for row in plain.utterances]
    assert augmented.manifest.speeds == (0.9, 1.0, 1.1) and augmented.manifest.counts == plain.manifest.counts
    by_id = {row.id: row for row in spoken_rows}
    for row in (row for row in augmented.utterances if row.copy_of):
        assert row.id == f"{row.copy_of}@{row.speed:g}"
        assert row.duration_seconds == pytest.approx(by_id[row.copy_of].duration_seconds / row.speed, abs=1e-3)
        assert (row.speaker, row.label) == (by_id[row.copy_of].speaker, by_id[row.copy_of].label)
    assert not augmented.check()
    order = {row.id: number for number, row in enumerate(augmented.utterances)}
    np.testing.assert_array_equal(
        augmented.load([order[row.id] for row in spoken_rows]).features, plain.load().features
    )


def test_records_without_copies_are_as_they_were_before_there_were_any(tiny_records):
    header = (tiny_records / UTTERANCES).read_text().splitlines()[0]
    assert header.endswith(",text,split")
    assert not {"speeds", "speed_by"} & RecordSet(tiny_records).manifest.to_dict().keys()
    experiment = Experiment(tiny_records, "chen2018-3d", Recipe())
    assert "speeds" not in Prepared.of(experiment).settings()


def test_the_same_records_are_made_again_only_with_the_same_speeds(augmented, tiny_corpus, capsys):
    command = ["manifest", "--data-dir", str(tiny_corpus), "--out", str(augmented.folder), "--jobs", "1"]
    assert data_prep_main([*command, "--speeds", "0.9,1,1.1"]) == 0
    for other in (["--speeds", "0.9,1.0"], [], ["--speeds", "0.9,1.0,1.1", "--speed-by", "stretching"]):
        assert data_prep_main([*command, *other]) == 1
        assert "other recordings or settings" in capsys.readouterr().err


def test_a_run_trains_on_copies_and_is_scored_without_any(augmented, tmp_path, monkeypatch):
    asked = []
    source = Feeder.source
    monkeypatch.setattr(Feeder, "source", lambda self, ids, *rest: asked.append(tuple(ids)) or source(self, ids, *rest))
    recipe = Recipe(learning_rate=1e-3, batch_size=8, epochs=1)
    experiment = Experiment(augmented.folder, "chen2018-3d", recipe, options=TINY_NETWORK, save_models=False)
    found = cross_validate(experiment, tmp_path / "out", folds=[0], announce=lambda line: None)
    train, *others = asked
    assert sum("@" in utterance for utterance in train) == 2 * sum("@" not in utterance for utterance in train)
    assert not [utterance for part in others for utterance in part if "@" in utterance]
    speaker = {row.id: row.speaker for row in augmented.utterances}
    (run,) = found.runs
    assert {speaker[utterance] for utterance in train} == set(run.train_speakers)
    assert not [utterance for utterance in run.utterances if "@" in utterance]


def test_speeds_that_the_records_lack_are_refused(tiny_records):
    with pytest.raises(UsageError, match=r"^speeds 0.9: .* has 1; prepare others with: .*--speeds"):
        Prepared.of(Experiment(tiny_records, "chen2018-3d", Recipe(), speeds=(0.9, 1.0)))
