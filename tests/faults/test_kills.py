"""A short selection of the kill harness: a preparation that is killed and repeated."""

import json
import shutil

import pytest
from faults.comparison import differences
from faults.fuzz_harness import Outcome
from faults.hooks.sitecustomize import VARIABLE
from faults.jobs import Job
from faults.kill_harness import Kill, Trial, kill, outcome, rename_trials
from faults.run import page


def preparation(corpus, **environment) -> Job:
    arguments = ["manifest", "--data-dir", str(corpus), "--jobs", "1", "--out"]
    return Job("preparation", "data_prep.__main__", arguments, environment=environment)


def test_a_preparation_killed_before_its_third_rename_gives_the_same_bytes(tiny_corpus, tiny_records, tmp_path):
    out, counted = tmp_path / "out", tmp_path / "renames"
    assert preparation(tiny_corpus, **{VARIABLE: f"{counted} 5"}).start(out).wait() == -9
    assert counted.stat().st_size == 5 and len(list(out.glob("speaker-*"))) == 1
    assert len(list(out.glob(".partial-*"))) == 1
    assert outcome(preparation(tiny_corpus), tiny_records, out, []) == (0, None)


def test_a_job_that_fails_or_gives_other_files_is_a_loss(tiny_records, tmp_path):
    failing = Job("fails on a folder", "json.tool", [])
    assert "the command failed: " in outcome(failing, tiny_records, tmp_path, [])[1]
    job = Job("writes nothing", "compileall", ["-q"])
    shutil.copytree(tiny_records, tmp_path / "other")
    (tmp_path / "other" / ".partial-left").write_text("")
    lost = (1, "other than an uninterrupted run: .partial-left")
    assert outcome(job, tiny_records, tmp_path / "other", [Kill(0.0, "command", is_clock_set_back=True)]) == lost


def test_a_job_that_has_ended_is_not_killed(tmp_path):
    process = Job("version", "acrnn.__main__", ["--version"]).start(tmp_path / "out")
    process.wait()
    assert not kill(process, Kill(0.0, "command"))


def test_renames_that_were_tried_are_not_tried_again(tmp_path):
    last = Trial("kills at renames", "preparation", 3, 0, None, 1.0)
    assert list(rename_trials(Job("none", "none", ()), tmp_path, tmp_path, [last])) == []


@pytest.fixture
def folders(tiny_records, tmp_path):
    for name in ("expected", "other"):
        shutil.copytree(tiny_records, tmp_path / name)
        (tmp_path / name / "run.json").write_text(json.dumps({"uar": 0.5, "curve": [{"seconds": len(name)}]}))
    return tmp_path / "expected", tmp_path / "other"


def test_folders_that_differ_in_times_alone_are_equal(folders):
    assert differences(*folders) == []


def test_files_that_differ_are_named(folders):
    expected, other = folders
    shard = other / "speaker-s1.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    (other / "run.json").write_text('{"uar": 0.6, "curve": [{"seconds": 1}]}')
    (other / ".partial-left").write_text("")
    (other / "utterances.csv").unlink()
    assert differences(expected, other) == [".partial-left", "run.json", "speaker-s1.tfrecord", "utterances.csv"]


def test_the_page_counts_what_survived_and_lists_what_was_lost():
    trials = [
        Trial("kills at renames", "export", 1, 2, None, 1.0),
        Trial("kills at renames", "export", 2, 1, "the command failed:\nerror", 1.0),
        Trial("full disk", "export", 0, 0, None, 1.0),
    ]
    text = page(trials, [Outcome("card", 10, 7, ["KeyError: 'x'"], 0.25, 3)])
    assert "3 kills, 3 trials, 1 lost" in text and "10 changed files, 1 faults" in text
    assert "| full disk | export | – | 1 | 1 | 0 |\n| kills at renames | export | 3 | 2 | 1 | 1 |" in text
    assert "| card | 10 | 9 | 1 | 7 | 0.250 | 3 |" in text
    assert text.endswith("- kills at renames, export: the command failed: error\n- card: KeyError: 'x'\n")
