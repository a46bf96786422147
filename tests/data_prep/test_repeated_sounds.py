"""One recording under two names is refused, whatever its file, format, level, rate or part; other sounds are not."""

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.tiny_corpus import tiny_sound

from acrnn import audio
from acrnn.records.record_set import RecordSet
from data_prep.__main__ import main

RATE = 16000


def speech_like(seconds, seed):
    """Returns noise in a band that moves, with silence after every syllable: float64 [samples]."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 120 + 40 * np.cumsum(generator.normal(0, 1, len(time))) / np.sqrt(RATE)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    strengths = generator.uniform(0.2, 1, (20, round(seconds * 8) + 2))
    places = time * 8
    voices = [
        np.interp(places, np.arange(len(row)), row) * np.sin(number * phase) / number
        for number, row in enumerate(strengths, 1)
    ]
    return 0.2 * np.sum(voices, axis=0) + generator.normal(0, 0.003, len(time))


class CorpusOfTakes:
    """A manifest corpus with two emotions that two speakers say, to which further takes are added."""

    def __init__(self, folder):
        self.folder = folder
        self.lines = ["id,path,label,speaker,session,start,end"]
        folder.mkdir()
        for number, speaker in enumerate(("anna", "ben")):
            for label in ("angry", "sad"):
                self.add(f"{speaker}_{label}", label, speaker, speech_like(2.0, 10 * number + len(label)))

    def add(self, name, label, speaker, samples=None, session="", file=None, start="", end=""):
        """Adds a row, and the file of its samples unless `file` names one that exists."""
        if samples is not None:
            soundfile.write(self.folder / f"{name}.wav", samples, RATE)
        self.lines.append(f"{name},{file or name + '.wav'},{label},{speaker},{session},{start},{end}")
        return self

    def samples(self, name):
        return soundfile.read(self.folder / f"{name}.wav")[0]

    def prepare(self, out, *options):
        (self.folder / "manifest.csv").write_text("\n".join(self.lines) + "\n")
        return main(["manifest", "--data-dir", str(self.folder), "--out", str(out), "--jobs", "1", *options])


@pytest.fixture
def takes(tmp_path):
    return CorpusOfTakes(tmp_path / "corpus")


def lossy(samples, container, subtype):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format=container, subtype=subtype)
    buffer.seek(0)
    return soundfile.read(buffer)[0]


def noisy(samples):
    noise = np.random.default_rng(0).normal(0, 1, len(samples))
    return samples + noise * np.sqrt(np.mean(samples**2)) / 10  # 20 dB below


ALTERATIONS = {
    "12 dB softer": lambda samples: samples / 4,
    "louder and clipped": lambda samples: np.clip(2 * samples, -0.6, 0.6),
    "MP3": lambda samples: lossy(samples, "MP3", "MPEG_LAYER_III"),
    "Ogg": lambda samples: lossy(samples, "OGG", "VORBIS"),
    "telephone rate": lambda samples: audio.resampled(audio.resampled(samples, RATE, 8000), 8000, RATE),
    "noise at 20 dB": noisy,
    "cut at the start and softer": lambda samples: samples[4800:] / 4,
    "silence in front": lambda samples: np.concatenate([np.zeros(9000), samples]),
}


def test_a_corpus_without_copies_is_prepared_and_keeps_its_sounds(takes, tmp_path):
    assert takes.prepare(tmp_path / "out") == 0
    record_set = RecordSet(tmp_path / "out")
    assert (
        set(record_set.sounds.sha256)
        == set(record_set.sounds.fingerprints)
        == {row.id for row in record_set.utterances}
    )
    assert {len(frames) for frames in record_set.sounds.fingerprints.values()} == {70}
    assert record_set.check() == []


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_altered_copy_under_another_speaker_is_refused(takes, tmp_path, capsys, alteration):
    takes.add("copy", "angry", "ben", ALTERATIONS[alteration](takes.samples("anna_angry")))
    assert takes.prepare(tmp_path / "out", "--skip-bad") == 1
    message = " ".join(capsys.readouterr().err.split())
    assert "anna_angry.wav (anna_angry: anna, angry) and copy.wav (copy: ben, angry) are the same sound" in message
    assert (
        "fingerprints differ in" in message
        and "correct the speaker or the label, or leave one of a pair out" in message
    )
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_the_same_samples_in_other_bytes_are_refused(takes, tmp_path, capsys):
    takes.add("short", "sad", "anna", speech_like(0.4, 77))  # too short for a fingerprint
    soundfile.write(takes.folder / "copy.flac", *soundfile.read(takes.folder / "short.wav"))
    takes.add("copy", "sad", "ben", file="copy.flac")
    assert takes.prepare(tmp_path / "out") == 1
    message = capsys.readouterr().err
    assert "short.wav (short: anna, sad) and copy.flac (copy: ben, sad) are the same sound (equal samples)" in message


def test_a_further_chunk_in_the_header_hides_no_copy(takes, tmp_path, capsys):
    content = (takes.folder / "anna_sad.wav").read_bytes()
    longer = content[:36] + b"note" + (4).to_bytes(4, "little") + b"take" + content[36:]
    (takes.folder / "copy.wav").write_bytes(longer[:4] + (len(longer) - 8).to_bytes(4, "little") + longer[8:])
    takes.add("copy", "sad", "ben")
    assert takes.prepare(tmp_path / "out") == 1
    assert "copy.wav (copy: ben, sad) are the same sound (equal samples)" in capsys.readouterr().err


def test_the_same_sound_under_two_emotions_of_one_speaker_is_refused(takes, tmp_path, capsys):
    takes.add("copy", "sad", "anna", takes.samples("anna_angry") / 2)
    assert takes.prepare(tmp_path / "out", "--skip-bad") == 1
    assert "(anna_angry: anna, angry) and copy.wav (copy: anna, sad) are the same sound" in capsys.readouterr().err


@pytest.mark.parametrize("level", [1.0, 0.5])
def test_a_take_that_a_speaker_has_twice_is_refused_and_left_out_on_request(takes, tmp_path, capsys, level):
    takes.add("ben_angry_again", "angry", "ben", level * takes.samples("ben_angry"))
    assert takes.prepare(tmp_path / "out") == 1
    message = capsys.readouterr().err
    assert "repair or remove them, or pass --skip-bad to leave them out" in message
    assert "ben_angry_again.wav: the same recording as ben_angry.wav (ben_angry; " in message
    assert takes.prepare(tmp_path / "out", "--skip-bad") == 0
    record_set = RecordSet(tmp_path / "out")
    (left_out,) = record_set.manifest.skipped
    assert left_out["id"] == "ben_angry_again" and "the same recording as ben_angry.wav" in left_out["reason"]
    ids = {row.id for row in record_set.utterances}
    assert ids == set(record_set.sounds.sha256) == {"anna_angry", "anna_sad", "ben_angry", "ben_sad"}
    assert record_set.check() == [] and not record_set.manifest.corpus["complete"]
    assert takes.prepare(tmp_path / "out") == 1 and takes.prepare(tmp_path / "out", "--skip-bad") == 0


def test_of_three_equal_takes_the_first_stays(takes, tmp_path):
    for number in range(2):
        takes.add(f"ben_sad_{number}", "sad", "ben", takes.samples("ben_sad"))
    assert takes.prepare(tmp_path / "out", "--skip-bad", "--speeds", "0.9,1.0") == 0
    record_set = RecordSet(tmp_path / "out")
    assert sorted(item["id"] for item in record_set.manifest.skipped) == [
        "ben_sad_0",
        "ben_sad_0@0.9",
        "ben_sad_1",
        "ben_sad_1@0.9",
    ]
    assert record_set.check() == []


def test_a_part_between_two_others_does_not_hide_their_overlap(takes, tmp_path, capsys):
    soundfile.write(takes.folder / "talk.wav", speech_like(3.0, 50), RATE)
    for name, speaker, start, end in (("u0", "anna", 0, 1.61), ("u1", "anna", 0.2, 0.6), ("u3", "ben", 1.0, 1.6)):
        takes.add(name, "sad", speaker, file="talk.wav", start=start, end=end)
    assert takes.prepare(tmp_path / "out") == 1
    message = capsys.readouterr().err
    assert (
        "talk.wav (u0: anna, sad) and talk.wav (u3: ben, sad) are the same sound (they overlap in one file)" in message
    )


def test_parts_that_overlap_are_found_for_every_speaker_before(takes, tmp_path, capsys):
    soundfile.write(takes.folder / "talk.wav", speech_like(3.0, 50), RATE)
    for name, speaker, start, end in (("u0", "anna", 0, 2.0), ("u1", "anna", 1.0, 1.3), ("u2", "ben", 1.95, 3.0)):
        takes.add(name, "sad", speaker, file="talk.wav", start=start, end=end)
    assert takes.prepare(tmp_path / "out") == 1
    assert "(u0: anna, sad) and talk.wav (u2: ben, sad) are the same sound" in capsys.readouterr().err


def test_parts_of_one_file_that_follow_each_other_are_no_copies(takes, tmp_path):
    soundfile.write(takes.folder / "talk.wav", speech_like(6.0, 50), RATE)
    for number, speaker in enumerate(("anna", "ben", "anna")):
        takes.add(f"u{number}", "sad", speaker, file="talk.wav", start=2 * number, end=2 * number + 2)
    assert takes.prepare(tmp_path / "out") == 0


def test_one_part_of_a_file_under_two_ids_is_a_repetition(takes, tmp_path, capsys):
    soundfile.write(takes.folder / "talk.wav", speech_like(3.0, 50), RATE)
    for name in ("u0", "u1"):
        takes.add(name, "sad", "anna", file="talk.wav", start=0.5, end=2.5)
    assert takes.prepare(tmp_path / "out") == 1
    assert "u1: talk.wav: the same recording as talk.wav (u0; equal samples)" in capsys.readouterr().err


@pytest.mark.parametrize(("session", "status"), [("", 1), ("dialog", 0)])
def test_a_short_turn_in_a_long_one_of_the_same_conversation_is_no_copy(takes, tmp_path, session, status):
    long = speech_like(3.0, 50)
    takes.add("turn_long", "sad", "anna", long, session)
    takes.add("turn_short", "sad", "ben", long[16000:32000] / 2, session)
    assert takes.prepare(tmp_path / "out") == status


def test_turns_of_a_conversation_with_one_sound_are_both_left_out_on_request(takes, tmp_path, capsys):
    long = speech_like(3.0, 50)
    takes.add("turn_long", "sad", "anna", long, "dialog").add("turn_most", "sad", "ben", long[:36000] / 2, "dialog")
    assert takes.prepare(tmp_path / "out") == 1
    assert (
        "turn_most.wav: the same sound as turn_long.wav, another turn (turn_long: anna, sad" in capsys.readouterr().err
    )
    assert takes.prepare(tmp_path / "out", "--skip-bad") == 0
    assert sorted(item["id"] for item in RecordSet(tmp_path / "out").manifest.skipped) == ["turn_long", "turn_most"]


def test_records_without_sounds_keep_working_and_damaged_sounds_are_found(takes, tmp_path):
    assert takes.prepare(tmp_path / "out") == 0
    (tmp_path / "out" / "sounds.npz").write_bytes(b"damaged")
    record_set = RecordSet(tmp_path / "out")
    assert ["sounds.npz: missing or changed since the records were made" in text for text in record_set.check()] == [
        True
    ]
    with pytest.raises(ValueError, match="sounds.npz: missing or changed .* prepare the records again"):
        _ = record_set.sounds


@pytest.mark.skipif("RAVDESS_ROOT" not in os.environ, reason="needs RAVDESS (set RAVDESS_ROOT)")
def test_the_recording_that_ravdess_has_twice_is_named(tmp_path, capsys):
    folder = tmp_path / "ravdess"
    folder.mkdir()
    lines = ["path,label,speaker"]
    for code in ("03-01", "03-02", "05-01", "05-02"):
        for repetition in ("01", "02"):
            name = (
                f"03-01-{code}-02-{repetition}-07.flac" if code == "03-02" else f"03-01-{code}-01-{repetition}-07.flac"
            )
            shutil.copy(next(Path(os.environ["RAVDESS_ROOT"]).rglob(name)), folder)
            lines.append(f"{name},{code[:2]},07")
    for name in ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07"):
        shutil.copy(next(Path(os.environ["RAVDESS_ROOT"]).rglob(f"{name}.flac")), folder)
        lines.append(f"{name}.flac,03,07")
    (folder / "manifest.csv").write_text("\n".join(lines))
    assert main(["manifest", "--data-dir", str(folder), "--out", str(tmp_path / "out"), "--jobs", "1"]) == 1
    message = capsys.readouterr().err
    assert "1 of the utterances cannot be used" in message
    assert "03-01-03-01-02-02-07.flac: the same recording as 03-01-03-01-02-01-07.flac" in message


def test_sounds_too_short_for_a_fingerprint_are_compared_by_their_samples_alone(takes, tmp_path):
    for speaker in ("anna", "ben"):
        takes.add(f"short_{speaker}", "sad", speaker, tiny_sound("low", 0.3, len(speaker)))
    assert takes.prepare(tmp_path / "out") == 0
    assert len(RecordSet(tmp_path / "out").sounds.fingerprints["short_ben"]) == 0
