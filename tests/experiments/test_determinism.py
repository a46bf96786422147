"""The option --deterministic: separate processes with the same seed give the same numbers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from support.long_tests import long_test

from acrnn.crossval import determinism
from acrnn.crossval.environment import versions
from acrnn.errors import FieldError
from acrnn.export.trained_model import load_network
from experiments import determinism as table

ROOT = Path(__file__).parents[2]
QUICK = ["--epochs", "2", "--batch-size", "8", "--balanced-draw", "0", "--folds", "0", "--reduced"]


def trained(tiny_corpus, tiny_records, folder, *options):
    """Trains in a process of its own; returns results, losses and weights."""
    command = [sys.executable, "-m", "experiments.run_cv", "--dataset", "manifest", "--data-dir", str(tiny_corpus)]
    command += ["--records", str(tiny_records), "--output-dir", str(folder), *QUICK, *options]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (path,) = (folder / "runs").glob("*.json")
    run = json.loads(path.read_text())
    weights = load_network(path.with_suffix(".keras"), "chen2018-3d").get_weights()
    return run, np.concatenate([weight.ravel() for weight in weights])


def test_separate_processes_with_the_same_seed_give_the_same_numbers(tiny_corpus, tiny_records, tmp_path):
    runs = {
        name: trained(tiny_corpus, tiny_records, tmp_path / name, "--deterministic", "--seeds", seed)
        for name, seed in (("first", "3"), ("second", "3"), ("other", "4"))
    }
    (first, weights), (second, same), (_, different) = runs.values()
    np.testing.assert_array_equal(weights, same)
    assert not np.array_equal(weights, different)
    assert first["probabilities"] == second["probabilities"]
    assert [epoch["loss"] for epoch in first["curve"]] == [epoch["loss"] for epoch in second["curve"]]
    assert first["versions"]["deterministic"] == "yes" and first["versions"]["threads"].isdecimal()


def test_results_without_the_option_do_not_claim_it(monkeypatch):
    monkeypatch.delenv("TF_DETERMINISTIC_OPS", raising=False)
    assert "deterministic" not in versions()


def test_the_option_is_refused_with_another_backend(monkeypatch):
    monkeypatch.setattr(os, "environ", {**os.environ})
    determinism.demand()
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(
        FieldError, match="the Keras backend is jax, and it is there with tensorflow only; leave it out"
    ):
        determinism.apply()


@long_test  # the processes are those of the first test
def test_the_table_has_a_row_for_each_way(tiny_corpus, tiny_records, tmp_path, monkeypatch):
    monkeypatch.setattr(table, "WAYS", table.WAYS[1:3])
    output = tmp_path / "table.md"
    options = ["--dataset", "manifest", "--data-dir", str(tiny_corpus), "--records", str(tiny_records), *QUICK]
    assert table.main(["--repeats", "1", "--output", str(output), "--", *options]) == 0
    rows = [line.strip("| ").split(" | ") for line in output.read_text().splitlines() if line.startswith("| ")][2:]
    assert [row[0] for row in rows] == [way.title for way in table.WAYS]
    assert all(float(row[2]) > 0 for row in rows) and rows[0][3:] == ["0", "0"]
