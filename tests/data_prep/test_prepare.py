"""Preparation: the records have the segments of the recordings, in one process or several, after any interruption."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.tiny_corpus import TINY_EMOTIONS, tiny_sound, write_tiny_corpus

from acrnn import audio, files
from acrnn.frontends import FRONTENDS
from acrnn.models import MODELS
from acrnn.records import RecordSet, shard_name
from acrnn.segments import PAPER
from data_prep.__main__ import _parser, main
from data_prep.corpora import CORPORA


def prepare(corpus, out, *options):
    return main(["manifest", "--data-dir", str(corpus), "--out", str(out), "--jobs", "1", *options])


def shards(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.tfrecord"))}


def test_the_records_hold_the_segments_of_every_utterance(tiny_corpus, tiny_records):
    record_set = RecordSet(tiny_records)
    data = record_set.load()
    spec = FRONTENDS["chen2018"]
    for number, row in enumerate(record_set.utterances):
        features = spec.extract(audio.load_waveform(tiny_corpus / row.path, 16000))
        own = data[data.utterances == number]
        assert len(own) == row.num_segments == -(-len(features) // 300)
        for start, segment, real in zip(PAPER.starts(len(features)), own.features, own.num_frames, strict=True):
            np.testing.assert_array_equal(segment[:real], features[start : start + 300])
        assert set(own.labels) == {row.label}
        assert record_set.manifest.labels[row.label] == row.emotion == row.id.split("_")[1]


def test_the_manifest_has_counts_origin_and_versions(tiny_records):
    manifest = RecordSet(tiny_records).manifest
    assert manifest.labels == ("high", "low", "noisy")
    assert manifest.counts == {f"s{speaker}": dict.fromkeys(manifest.labels, 2) for speaker in range(5)}
    assert manifest.segment_shape == (300, 40, 3)
    assert (manifest.corpus["name"], manifest.reader) == ("corpus", "manifest")
    assert {"numpy", "tensorflow", "python_speech_features"} <= set(manifest.versions)


def test_several_processes_write_the_same_bytes_as_one(tiny_corpus, tiny_records, tmp_path):
    assert prepare(tiny_corpus, tmp_path / "two", "--jobs", "2") == 0
    assert shards(tmp_path / "two") == shards(tiny_records)


def test_half_precision_takes_half_the_space_and_keeps_three_digits(tiny_corpus, tiny_records, tmp_path):
    assert prepare(tiny_corpus, tmp_path / "half", "--dtype", "float16") == 0
    half, full = RecordSet(tmp_path / "half"), RecordSet(tiny_records)
    assert half.size_bytes * 2 == full.size_bytes
    np.testing.assert_allclose(half.load().features, full.load().features, rtol=1e-3, atol=1e-3)


def test_silence_at_the_ends_is_removed_on_request_and_systems_accept_such_records(tiny_records, tmp_path):
    corpus = write_tiny_corpus(tmp_path / "corpus", silence_seconds=1.0)
    assert prepare(corpus, tmp_path / "records", "--trim-db") == 0
    trimmed, plain = RecordSet(tmp_path / "records"), RecordSet(tiny_records)
    assert trimmed.manifest.frontend == replace(FRONTENDS["chen2018"], trim_db=30.0)
    for short, long in zip(plain.utterances, trimmed.utterances, strict=True):
        assert long.duration_seconds == pytest.approx(short.duration_seconds + 2, abs=1e-3)  # of the recording
        assert abs(long.num_frames - short.num_frames) <= 20
    MODELS["chen2018-3d"].check_records(trimmed)
    with pytest.raises(ValueError, match="made by another front end"):
        MODELS["chen2018-original"].check_records(trimmed)
    assert prepare(corpus, tmp_path / "records") == 1  # other settings


def test_a_second_call_finds_the_records_finished_and_other_settings_are_refused(tiny_corpus, tmp_path, capsys):
    out = tmp_path / "out"
    assert prepare(tiny_corpus, out) == 0
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert prepare(tiny_corpus, out) == 0
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before
    assert prepare(tiny_corpus, out, "--dtype", "float16") == 1
    assert "holds finished records of other recordings or settings" in capsys.readouterr().err


def test_a_recording_changed_after_all_was_finished_is_noticed(tmp_path, capsys):
    corpus = write_tiny_corpus(tmp_path / "corpus", speakers=2)
    assert prepare(corpus, tmp_path / "out") == 0
    content = (corpus / "s1_high_0.wav").read_bytes()
    soundfile.write(corpus / "s1_high_0.wav", tiny_sound("high", 0.5, 99), 16000)
    assert prepare(corpus, tmp_path / "out") == 1
    assert "holds finished records of other recordings" in capsys.readouterr().err
    (corpus / "s1_high_0.wav").write_bytes(content)
    assert prepare(corpus, tmp_path / "out") == 0


def test_finished_shards_survive_a_kill_and_only_the_rest_is_done_again(tmp_path):
    corpus = write_tiny_corpus(tmp_path / "corpus", speakers=30)
    command = [
        sys.executable,
        "-m",
        "data_prep",
        "manifest",
        "--data-dir",
        corpus,
        "--out",
        tmp_path / "out",
        "--jobs",
        "1",
    ]
    process = subprocess.Popen(list(map(str, command)))
    notes = tmp_path / "out" / ".progress"
    deadline = time.monotonic() + 400
    while len(list(notes.glob("*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = {note.name.removesuffix(".json") for note in notes.glob("*.json")}
    assert 3 <= len(finished) < 30
    assert not (tmp_path / "out" / "manifest.json").exists()
    before = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in finished}
    assert prepare(corpus, tmp_path / "out") == 0
    assert {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in finished} == before
    assert prepare(corpus, tmp_path / "afresh") == 0
    assert shards(tmp_path / "out") == shards(tmp_path / "afresh")
    assert RecordSet(tmp_path / "out").check() == []


def test_a_recording_changed_between_two_calls_is_extracted_again(tmp_path, capsys):
    corpus = write_tiny_corpus(tmp_path / "corpus", speakers=2)
    (corpus / "s1_high_0.wav").write_bytes(b"")
    assert prepare(corpus, tmp_path / "out") == 1
    soundfile.write(corpus / "s0_high_0.wav", tiny_sound("noisy", 0.5, 1), 16000)
    soundfile.write(corpus / "s1_high_0.wav", tiny_sound("high", 0.5, 1), 16000)
    assert prepare(corpus, tmp_path / "out") == 0
    assert prepare(corpus, tmp_path / "afresh") == 0
    assert shards(tmp_path / "out") == shards(tmp_path / "afresh")


@pytest.fixture
def corpus_with_bad_files(tmp_path):
    corpus = write_tiny_corpus(tmp_path / "corpus", speakers=3)
    (corpus / "s0_high_0.wav").write_bytes(b"no sound at all")
    soundfile.write(corpus / "s2_low_0.wav", tiny_sound("low", 0.02, 0), 16000)
    return corpus


def test_all_bad_recordings_are_listed_with_their_reasons_and_the_run_fails(corpus_with_bad_files, tmp_path, capsys):
    assert prepare(corpus_with_bad_files, tmp_path / "out") == 1
    message = capsys.readouterr().err
    assert "2 of the utterances cannot be used" in message and "--skip-bad" in message
    assert "s0_high_0.wav: not readable as audio" in message
    assert "s2_low_0.wav: 20.0 ms long, shorter than one analysis window" in message
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert sorted(path.name for path in (tmp_path / "out").glob("*.tfrecord")) == [shard_name("s1")]


def test_bad_recordings_are_left_out_on_request_and_recorded(corpus_with_bad_files, tmp_path):
    assert prepare(corpus_with_bad_files, tmp_path / "out", "--skip-bad") == 0
    record_set = RecordSet(tmp_path / "out")
    assert [item["id"] for item in record_set.manifest.skipped] == ["s0_high_0", "s2_low_0"]
    assert "not readable as audio" in record_set.manifest.skipped[0]["reason"]
    assert len(record_set.utterances) == 3 * len(TINY_EMOTIONS) * 2 - 2
    assert record_set.check() == []
    assert not record_set.manifest.corpus["complete"]
    assert prepare(corpus_with_bad_files, tmp_path / "out") == 1
    assert prepare(corpus_with_bad_files, tmp_path / "out", "--skip-bad") == 0


def test_shards_of_an_interrupted_call_for_other_speakers_do_not_stay(tmp_path):
    corpus = write_tiny_corpus(tmp_path / "corpus", speakers=3)
    (corpus / "s2_high_0.wav").write_bytes(b"")
    assert prepare(corpus, tmp_path / "out") == 1
    table = (corpus / "manifest.csv").read_text().splitlines()
    (corpus / "manifest.csv").write_text("\n".join(line for line in table if not line.endswith(("s0", "s2"))))
    assert prepare(corpus, tmp_path / "out") == 0
    assert [path.name for path in (tmp_path / "out").glob("*.tfrecord")] == [shard_name("s1")]


def test_paths_in_the_records_are_relative_to_the_tables_folder(tmp_path):
    corpus = write_tiny_corpus(tmp_path / "corpus", speakers=1)
    (corpus / "sub").mkdir()
    (corpus / "s0_high_0.wav").rename(corpus / "sub" / "a b.wav")
    table = (corpus / "manifest.csv").read_text().replace("s0_high_0.wav", "sub/a b.wav")
    (corpus / "manifest.csv").write_text(table)
    assert prepare(corpus / "manifest.csv", tmp_path / "out") == 0
    assert "sub/a b.wav" in {row.path for row in RecordSet(tmp_path / "out").utterances}


def test_a_flipped_byte_is_found_by_check_and_refused_by_load(tiny_records, tmp_path, capsys):
    copy = shutil.copytree(tiny_records, tmp_path / "copy")
    assert main(["check", str(copy)]) == 0
    shard = copy / shard_name("s3")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    assert main(["check", str(copy)]) == 1
    assert "speaker-s3.tfrecord: damaged, SHA-256" in capsys.readouterr().err
    with pytest.raises(ValueError, match="speaker-s3.tfrecord: damaged"):
        RecordSet(copy).load()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: (folder / "manifest.json").unlink(),
            "manifest.json: no such file; delete the folder and prepare",
        ),
        (lambda folder: (folder / "manifest.json").write_text('{"format'), "manifest.json: damaged, not valid JSON"),
        (lambda folder: files.write_sealed_json(folder / "manifest.json", {"format_version": 99}), "format version 99"),
        (lambda folder: files.write_sealed_json(folder / "manifest.json", {"format_version": 1}), "not a manifest"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "manifest.json: damaged or changed by hand"),
        (lambda folder: swap_labels(folder / "manifest.json"), "manifest.json: damaged or changed by hand"),
        (lambda folder: (folder / "utterances.csv").write_text("id\n"), "utterances.csv: missing or changed"),
        (lambda folder: (folder / shard_name("s0")).unlink(), "speaker-s0.tfrecord: missing"),
    ],
)
def test_a_damaged_record_set_is_refused_with_the_remedy(tiny_records, tmp_path, capsys, damage, message):
    copy = shutil.copytree(tiny_records, tmp_path / "copy")
    damage(copy)
    assert main(["inspect", str(copy)]) == 1
    error = capsys.readouterr().err
    assert message in error and "acrnn prepare" in error


def test_inspect_prints_the_distribution_of_the_values_without_padding(tiny_records, capsys):
    assert main(["inspect", str(tiny_records), "--values"]) == 0
    data = RecordSet(tiny_records).load()
    real = np.concatenate([part[:count, :, 0] for part, count in zip(data.features, data.num_frames, strict=True)])
    text = capsys.readouterr().out
    assert f"mean {real.mean():.2f}, standard deviation {real.std():.2f}" in text
    assert f"louder than {100 * (real < 0).mean():.1f} % of the values" in text


def swap_labels(path):
    path.write_text(path.read_text().replace('"high"', '"low"', 1))


def test_the_same_sound_under_two_speakers_or_emotions_is_refused(tmp_path, capsys):
    corpus = write_tiny_corpus(tmp_path / "corpus", speakers=2)
    shutil.copy(corpus / "s0_low_1.wav", corpus / "s1_high_0.wav")
    assert prepare(corpus, tmp_path / "out") == 1
    assert re.search(
        r"s0_low_1.wav .*s0, low.* and s1_high_0.wav .*s1, high.* are the same sound", capsys.readouterr().err
    )


def test_a_corpus_of_one_emotion_is_refused(tmp_path, capsys):
    corpus = write_tiny_corpus(tmp_path / "corpus", speakers=1)
    table = [
        line
        for line in (corpus / "manifest.csv").read_text().splitlines()
        if ",low," not in line and "noisy" not in line
    ]
    (corpus / "manifest.csv").write_text("\n".join(table))
    assert prepare(corpus, tmp_path / "out") == 1
    assert "all utterances are 'high'; two emotions at least make a task" in capsys.readouterr().err


def test_parts_of_one_recording_may_have_different_speakers_if_they_do_not_overlap(tmp_path, capsys):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    soundfile.write(corpus / "talk.wav", tiny_sound("high", 3.0, 1), 16000)
    table = "path,label,speaker,start,end\ntalk.wav,high,anna,0,1\ntalk.wav,low,ben,{start},2\n"
    (corpus / "manifest.csv").write_text(table.format(start=1))
    assert prepare(corpus, tmp_path / "out") == 0
    rows = RecordSet(tmp_path / "out").utterances
    assert [(row.id, row.speaker, row.duration_seconds) for row in rows] == [
        ("talk@0-1", "anna", 1),
        ("talk@1-2", "ben", 1),
    ]
    (corpus / "manifest.csv").write_text(table.format(start=0.5))
    assert prepare(corpus, tmp_path / "other") == 1
    assert "are the same sound" in capsys.readouterr().err


def test_inspect_prints_the_size_of_a_record_set(tiny_records, capsys):
    assert main(["inspect", str(tiny_records)]) == 0
    text = capsys.readouterr().out
    assert "30 utterances, 35 segments, 5 speakers" in text
    assert "300 x 40 x 3" in text
    assert "s4" in text


def test_an_output_that_cannot_be_written_is_named(tiny_corpus, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert prepare(tiny_corpus, tmp_path / "file" / "out") == 1
    assert "out: no folder can be made here (Not a directory); choose another place" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_error_and_leaves_no_unfinished_file(tiny_corpus, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    original = files.atomic_path.__wrapped__

    def onto_a_full_disk(path):
        for temporary in original(path):
            temporary.symlink_to("/dev/full")
            yield temporary

    monkeypatch.setattr(files, "atomic_path", __import__("contextlib").contextmanager(onto_a_full_disk))
    assert prepare(tiny_corpus, out) == 1
    error = capsys.readouterr().err
    assert "error: " in error and "Traceback" not in error
    assert not list(out.glob("*.tfrecord")) and not list(out.glob(".partial*"))


def test_speakers_with_any_name_have_shards_of_their_own(tmp_path):
    corpus = tmp_path / "Köln, Büro"
    corpus.mkdir()
    lines = ["path\tlabel\tspeaker"]
    for speaker in ("Jürgen", "a/b", "Анна"):
        for emotion in ("high", "low"):
            name = f"{speaker.replace('/', '-')} {emotion}.wav"
            soundfile.write(corpus / name, tiny_sound(emotion, 0.5, len(lines)), 16000)
            lines.append(f"{name}\t{emotion}\t{speaker}")
    (corpus / "manifest.tsv").write_text("\n".join(lines), encoding="utf-8")
    assert prepare(corpus, tmp_path / "out") == 0
    assert {shard.speaker for shard in RecordSet(tmp_path / "out").manifest.shards} == {"Jürgen", "a/b", "Анна"}
    assert RecordSet(tmp_path / "out").check() == []


def test_the_help_lists_corpora_and_commands_with_an_example_that_can_be_given(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for name in [*CORPORA, "inspect", "check"]:
        assert re.search(rf"^  {name} +\w", text, re.MULTILINE)
    example = re.search(r"^example:\n  python -m data_prep (.+)$", text, re.MULTILINE).group(1)
    options = _parser().parse_args(example.split())
    assert options.corpus.name == "emodb" and options.out == Path("records", "emodb")


def test_a_corpus_without_a_folder_is_an_error_with_the_remedy(capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("EMODB_ROOT", raising=False)
    assert main(["emodb", "--out", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert "--data-dir: name the folder of Emo-DB" in message and "set EMODB_ROOT; --download fetches" in message
    assert main(["iemocap", "--out", str(tmp_path), "--download"]) == 2
    message = capsys.readouterr().err
    assert "--download: IEMOCAP" in message and "cannot be fetched; get it from" in message


def test_options_that_do_not_fit_the_corpus_are_usage_errors(capsys, tiny_corpus, tmp_path):
    assert prepare(tiny_corpus, tmp_path / "out", "--subset", "improvised-4") == 2
    assert prepare(tiny_corpus, tmp_path / "out", "--speaker-pattern", "(.)") == 2
    with pytest.raises(SystemExit) as stop:
        main(["klingon", "--out", "x"])
    assert stop.value.code == 2


def test_the_manifest_file_is_plain_json(tiny_records):
    values = json.loads((tiny_records / "manifest.json").read_text())
    assert values["format"] == "acrnn-records"
    assert values["segments"]["padding"] == "mean"
