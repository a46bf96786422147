"""A short selection of the kill harness: a preparation that is killed and repeated."""

import json
import shutil

import pytest
from faults.kill_harness import Job, Outcome, differences, page, trial


def test_a_preparation_killed_after_its_first_shard_gives_the_same_bytes(tiny_corpus, tiny_records, tmp_path):
    job = Job("preparation", ["-m", "data_prep", "manifest", "--data-dir", str(tiny_corpus), "--jobs", "1", "--out"])
    out = tmp_path / "out"
    kills = [(lambda: any(out.glob("*.tfrecord")), True)]
    assert trial(job, tiny_records, out, kills) == (1, None)


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


def test_the_table_counts_what_survived_and_lists_what_was_lost():
    text = page({"preparation": Outcome(5, 3, ["preparation, killed after 2.0 s: the command failed: error"])})
    assert "| preparation | 5 | 3 | 2 | 1 |" in text and text.endswith(
        "- preparation, killed after 2.0 s: the command failed: error\n"
    )
