"""The output folder of a preparation: one process at a time, nothing left over by killed ones, names that a disk can hold."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from support.tiny_corpus import write_tiny_corpus

from acrnn import files
from acrnn.records import RecordSet
from acrnn.records.manifest import LONGEST_SPEAKER
from data_prep.__main__ import main
from data_prep.shards import PROGRESS


def prepared(corpus, out, *options):
    return ["manifest", "--data-dir", str(corpus), "--out", str(out), "--jobs", "1", *options]


def test_two_processes_with_different_settings_leave_sound_records_of_one(tiny_corpus, tmp_path):
    out = tmp_path / "records"
    commands = [
        [sys.executable, "-m", "data_prep", *prepared(tiny_corpus, out, "--dtype", dtype)]
        for dtype in ("float32", "float16")
    ]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for command in commands
    ]
    outputs = [process.communicate(timeout=200) for process in processes]
    statuses = [process.returncode for process in processes]
    assert sorted(statuses) == [0, 1]
    winner = statuses.index(0)
    other = outputs[1 - winner][1]
    # the slower one came during the preparation or after it
    assert (
        f"{out}: process {processes[winner].pid} on " in other or "holds finished records of other recordings" in other
    )
    assert RecordSet(out).check() == [] and RecordSet(out).manifest.dtype == ("float32", "float16")[winner]


def test_a_kill_before_the_cleaning_up_leaves_notes_that_the_next_command_removes(tiny_records, tiny_corpus, tmp_path):
    out = tmp_path / "copy"
    shutil.copytree(tiny_records, out)
    (out / PROGRESS).mkdir()
    (out / PROGRESS / "speaker-s0.tfrecord.json").write_text("{}")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    name = files.partial_path(out / "manifest.json").name.replace(str(os.getpid()), str(ended.pid))
    (out / name).write_text("half")
    assert main(prepared(tiny_corpus, out)) == 0
    assert not list(out.glob(".*"))


def test_a_killed_preparation_leaves_a_lock_that_does_not_matter(tiny_corpus, tmp_path):
    out = tmp_path / "records"
    command = [sys.executable, "-m", "data_prep", *prepared(tiny_corpus, out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 100
    while not (out / ".lock").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (out / ".lock").exists()
    assert main(prepared(tiny_corpus, out)) == 0
    assert RecordSet(out).check() == [] and not list(out.glob(".*"))


def test_a_speaker_with_too_long_a_name_is_refused_before_any_work(tmp_path, capsys):
    corpus = write_tiny_corpus(tmp_path / "corpus", speakers=2)
    table = corpus / "manifest.csv"
    text = table.read_text()
    longest = "ü" * (LONGEST_SPEAKER // 6)  # a letter of two bytes, each encoded by three characters
    table.write_text(text.replace(",s1\n", f",{longest}\n"))
    assert main(prepared(corpus, tmp_path / "good")) == 0
    table.write_text(text.replace(",s1\n", f",{longest}üü\n"))
    assert main(prepared(corpus, tmp_path / "bad")) == 1
    error = capsys.readouterr().err
    assert "speaker 'üüü" in error and "bytes as part of a file name, 200 at most; shorten the name" in error
    assert not (tmp_path / "bad").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_is_named(tiny_corpus, tmp_path, capsys):
    (tmp_path / "records").mkdir(mode=0o500)
    assert main(prepared(tiny_corpus, tmp_path / "records")) == 1
    assert f"{tmp_path / 'records'}: cannot be written (Permission denied)" in capsys.readouterr().err
