"""Own data in experiments: default folders by their name, and the checks before records are made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.tiny_corpus import write_tiny_corpus

from acrnn import cli
from acrnn.export.trained_model import TrainedModel
from acrnn.export.version_folder import card_of, estimate_of
from experiments import arguments, from_options, run_cv


def parsed(*options):
    return arguments.parsed(run_cv._parser(), ["--dataset", *options])


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["manifest"], "manifest"),
        (["manifest", "--data-dir", "one.csv"], "manifest-one"),
        (["manifest", "--data-dir", "two.csv"], "manifest-two"),
        (["manifest", "--data-dir", "one.csv", "--data-dir", "two.csv"], "manifest-one+two"),
        (["manifest", "--data-dir", "one.csv", "--name", "mine"], "manifest-mine"),
        (["folder", "--name", "mine"], "folder-mine"),
        (["emodb", "--data-dir", "somewhere"], "emodb"),
        (["iemocap", "--subset", "improvised"], "iemocap-improvised"),
    ],
)
def test_default_folders_are_named_after_the_data(options, name):
    assert from_options.selection_name(parsed(*options)) == name


def test_records_of_two_tables_have_default_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tiny_corpus(tmp_path, speakers=3)
    table = (tmp_path / "manifest.csv").read_text()
    for name, text in (("one.csv", table), ("two.csv", table.replace("noisy\n", "hissing\n"))):
        (tmp_path / name).write_text(text)
    folders = {
        from_options.records_of(parsed("manifest", "--data-dir", name), "chen2018-3d", None, None)
        for name in ("one.csv", "two.csv")
    }
    assert {folder.as_posix() for folder in folders} == {
        "records/manifest-one_chen2018",
        "records/manifest-two_chen2018",
    }


QUICK = ["--epochs", "1", "--batch-size", "8", "--balanced-draw", "0", "--reduced"]
PART = {"s0": "train", "s1": "train", "s2": "dev", "s3": "test"}


def split_table(folder: Path, speakers: bool, part=PART.get) -> list[str]:
    """Writes a table with a prescribed split; returns the options that train on it.

    Args:
        folder: folder of the recordings.
        speakers: keep the column speaker.
        part: speaker → part of the split.
    """
    header, *lines = (write_tiny_corpus(folder, 4) / "manifest.csv").read_text().splitlines()
    rows = [(line if speakers else line.rpartition(",")[0], part(line.rpartition(",")[2])) for line in lines]
    header = header if speakers else header.removesuffix(",speaker")
    text = "\n".join([f"{header},split", *(f"{row},{split}" for row, split in rows)])
    (folder / "mine.csv").write_text(text)
    return ["--dataset", "manifest", "--data-dir", str(folder / "mine.csv"), *QUICK]


def test_speakers_in_two_parts_are_refused_before_records_are_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    parts = iter(["train", "train", "validation", "test"] * 6)
    options = split_table(tmp_path / "corpus", True, lambda speaker: next(parts))
    assert run_cv.main([*options, "--protocol", "prescribed"]) == 1
    assert "speaker 's0' is in the train and the" in (message := capsys.readouterr().err)
    assert "the protocol speaker-dependent-prescribed" in message
    assert not Path("records").exists()


def test_a_corpus_without_speakers_is_trained_by_its_split_and_its_results_say_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = split_table(tmp_path / "corpus", False)
    assert run_cv.main([*options, "--output-dir", "run"]) == 1
    assert "the speakers are unknown, and leave-one-speaker-out divides them" in capsys.readouterr().err
    assert run_cv.main([*options, "--protocol", "prescribed", "--output-dir", "run", "--licence", "CC0"]) == 0
    corpus = json.loads(Path("run", "results.json").read_text())["settings"]["corpus"]
    assert (corpus["name"], corpus["reader"], corpus["speakers"], corpus["licence"]) == (
        "mine",
        "manifest",
        "unknown",
        "CC0",
    )
    assert cli.main(["summary", "run"]) == 0
    assert "on mine, prescribed (speakers unknown): " in capsys.readouterr().out
    assert "prescribed (speakers unknown)" in Path("run", "report.html").read_text()
    card = card_of(TrainedModel.of_run(Path("run"), 0), "model", estimate_of(Path("run")), ())
    assert (card.corpus["name"], card.corpus["licence"], card.trained_on) == ("mine", "CC0", "unknown speakers")
    assert "utterances of unknown speakers" in card.markdown() and "(unknown)" not in card.markdown()
    statistics = ["--protocol", "prescribed", "--speaker-statistics", "speaker", "--output-dir", "other"]
    assert run_cv.main([*options, *statistics, "--records", "records/manifest-mine_chen2018"]) == 2
    assert "does not name its speakers; choose corpus or utterance" in capsys.readouterr().err
