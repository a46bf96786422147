"""Own data in experiments: default folders by their name, and the checks before records are made."""

from __future__ import annotations

import pytest
from support.tiny_corpus import write_tiny_corpus

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
    write_tiny_corpus(tmp_path, speakers=1)
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
