"""`acrnn check` on record sets and experiments, and reports of experiments that cannot be written to."""

import shutil
from pathlib import Path

import pytest
from support.results import contents

from acrnn.cli import main

FINISHED = Path(__file__).parent.parent.parent / "experiments" / "results" / "emodb_tuned_reduced" / "3d_conv1"


@pytest.fixture
def experiment(tmp_path):
    return Path(shutil.copytree(FINISHED, tmp_path / "run"))


def test_sound_records_and_experiments_pass_the_check(tiny_records, experiment, capsys):
    for folder in (tiny_records, experiment):
        assert main(["check", str(folder)]) == 0
        assert capsys.readouterr().out == f"{folder}: every checksum is right\n"


def test_a_damaged_shard_is_named(tiny_records, tmp_path, capsys):
    copy = Path(shutil.copytree(tiny_records, tmp_path / "records"))
    shard = copy / "speaker-s1.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    assert main(["check", str(copy)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {shard}: damaged, SHA-256 ")


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("split.json", ('"train"', '"trein"')),
        ("results.json", ('"wa": 0.', '"wa": 1.')),
        ("experiment.json", ("emodb", "emodc")),
    ],
)
def test_a_changed_file_of_an_experiment_is_named(experiment, capsys, file, change):
    text = (experiment / file).read_text()
    assert change[0] in text
    (experiment / file).write_text(text.replace(*change, 1))
    assert main(["check", str(experiment)]) == 1
    assert f"error: {experiment / file}: damaged or changed by hand" in capsys.readouterr().err


def test_a_folder_of_nothing_is_refused(tmp_path, capsys):
    assert main(["check", str(tmp_path)]) == 1
    assert f"{tmp_path}: not an exported model" in capsys.readouterr().err


def test_a_finished_experiment_is_shown_without_writing_into_its_folder(experiment, tmp_path, capsys):
    before = contents(experiment)
    assert main(["summary", str(experiment)]) == 0
    assert main(["report", str(experiment), "--out", str(tmp_path / "report")]) == 0
    assert str(tmp_path / "report" / "report.html") in capsys.readouterr().out
    assert (tmp_path / "report" / "confusion.png").exists()
    assert contents(experiment) == before
