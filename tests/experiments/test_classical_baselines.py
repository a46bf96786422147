"""The script of the classical baselines: resumable runs, tables, and results that other code reads."""

import importlib.util
import json

import pytest

from acrnn import cli
from acrnn.baselines import opensmile_features
from acrnn.crossval.results import read_results
from acrnn.reports import markdown_table
from experiments import classical_baselines


@pytest.fixture(scope="module")
def finished(tiny_corpus, tmp_path_factory):
    """A folder in which two baselines of records ran three folds with both kinds of statistics."""
    folder = tmp_path_factory.mktemp("baselines")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert classical_baselines.main(command(tiny_corpus, "--speaker-statistics", "corpus,speaker")) == 0
    return folder


def command(corpus, *more):
    names = "svm-mfcc-pitch,svm-logmel"
    options = ["--dataset", "manifest", "--data-dir", str(corpus), "--only", names, "--jobs", "1"]
    return [*options, "--folds", "0-2", "--output-dir", "out", *more]


def test_each_baseline_has_results_that_tables_and_summaries_read(finished, capsys):
    out = finished / "out"
    folders = sorted(path.parent for path in out.glob("*/results.json"))
    assert [folder.name for folder in folders] == [
        "svm-logmel", "svm-logmel_speaker", "svm-mfcc-pitch", "svm-mfcc-pitch_speaker",
    ]  # fmt: skip
    table = markdown_table(folders)
    assert "SVM, statistics of log-Mels, speaker statistics (transductive), leave-one-speaker-out | –" in table
    assert table.count("3 of 5 folds × 1 seed") == 4
    assert cli.main(["summary", str(folders[0])]) == 0
    assert "SVM, statistics of log-Mels on corpus" in capsys.readouterr().out
    results = read_results(folders[2])
    assert results.overall.uar_fold_mean > 0.8  # tones and noise
    assert results.settings.baseline["functionals"][:2] == ["mean", "deviation"]
    assert set(results.runs[0].hyperparameters) == {"cost", "gamma"}


def test_the_page_says_how_features_are_normalized(finished):
    page = (finished / "out" / "tables.md").read_text()
    assert page.count("| normalized by the training part (inductive) |") == 2
    assert page.count("| speaker statistics (transductive) |") == 2
    assert "audEERING" not in page  # no row has features of openSMILE


def test_the_same_command_repeats_nothing(finished, tiny_corpus, monkeypatch, capsys):
    monkeypatch.chdir(finished)
    before = {path: path.read_bytes() for path in sorted((finished / "out").rglob("*.json"))}
    assert classical_baselines.main(command(tiny_corpus)) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert "UAR" in capsys.readouterr().out


def test_tables_alone_need_no_recordings_and_compare_with_a_network(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(finished)
    reference = ["--reference", str(finished / "out" / "svm-logmel")]
    assert classical_baselines.main(["--dataset", "manifest", "--tables-only", "--output-dir", "out", *reference]) == 0
    page = (finished / "out" / "tables.md").read_text()
    assert "corrected for 2 comparisons (Holm)" in page and "verdict at p ≤ 0.05" in page


def test_wrong_options_end_with_status_2(capsys):
    for wrong in (["--only", "svm-chroma"], ["--speaker-statistics", "mine"]):
        assert classical_baselines.main(["--dataset", "emodb", *wrong]) == 2
        assert f"error: {wrong[0]} {wrong[1]}: it is unknown; choose from" in capsys.readouterr().err


def test_a_missing_extra_ends_with_status_1_before_anything_is_prepared(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert classical_baselines.main(["--dataset", "toy", "--only", "svm-egemaps"]) == 1
    assert 'pip install "acrnn[opensmile]"' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    importlib.util.find_spec("opensmile") is None,
    reason='openSMILE is not installed: pip install "acrnn[opensmile]"',
)
def test_functionals_of_opensmile_are_cached_beside_the_results(tiny_corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--dataset", "manifest", "--data-dir", str(tiny_corpus), "--only", "svm-egemaps", "--output-dir", "out"]
    assert classical_baselines.main([*options, "--folds", "0"]) == 0
    settings = json.loads((tmp_path / "out" / "svm-egemaps" / "results.json").read_text())["settings"]
    assert settings["frontend"]["feature_set"] == "eGeMAPSv02" and settings["segments"] == {}
    assert "research licence of audEERING" in (tmp_path / "out" / "tables.md").read_text()
    monkeypatch.setattr(opensmile_features, "compute", None)  # would fail
    assert classical_baselines.main([*options, "--folds", "0-1"]) == 0
    assert len(read_results(tmp_path / "out" / "svm-egemaps").runs) == 2
