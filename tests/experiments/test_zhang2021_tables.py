"""Tables of Zhang et al. (2021): rows, coverage and published figures."""

import json
from dataclasses import asdict

import pytest
from support.results import results_of, run_of
from support.results import settings_of as emodb_settings
from support.zhang2021 import SMALL

from acrnn import reports
from acrnn.crossval import read_results
from acrnn.models.zhang2021.network import Config
from acrnn.records import RecordSet
from acrnn.reports import published
from experiments import zhang2021_tables


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, (87.86, 6.92)),
        ({"start": {"kind": "random"}}, (81.31, 4.89)),
        ({"speeds": [1.0]}, (80.92, 6.38)),
        ({"network": {"channels": 2}}, (85.05, 8.75)),
        ({"network": {"attention": False}}, (80.17, 6.57)),
        ({"network": {"image_size": 99}}, None),
        ({"network": {"context_frames": 16, "shift_frames": 8}}, None),
        ({"start": {"kind": "time-arrow"}}, None),
        ({"start": {"kind": "corpus"}}, None),
        ({"speeds": [1.0], "start": {"kind": "random"}}, None),
        ({"protocol": "grouped-5-fold"}, None),
    ],
)
def test_a_published_figure_stands_beside_what_repeats_it_and_nothing_else(changed, expected):
    options = {"start": {"kind": "imagenet"}, "speeds": [0.8, 0.9, 1.0, 1.1, 1.2], **changed}
    network = {**json.loads(json.dumps(asdict(Config(7)))), **changed.get("network", {})}
    found = published.uar(emodb_settings(**{**options, "model": "zhang2021", "network": network}))
    assert (found and found[:2]) == expected


def test_every_table_names_rows_that_exist_and_every_row_is_in_a_table():
    named = {name for table in zhang2021_tables.TABLES.values() for name in table.rows}
    assert named == set(zhang2021_tables.ROWS)
    assert set(zhang2021_tables.of_corpus("iemocap")) == {"1", "2", "3", "4", "6", "figure6", "figure8"}


def test_the_tables_are_written_with_coverage_and_published_figures_and_go_on(tiny_corpus, tmp_path, capsys):
    command = ["--dataset", "manifest", "--data-dir", str(tiny_corpus), "--table", "3", "--folds", "0"]
    command += [
        "--records",
        str(tmp_path / "records"),
        "--output-dir",
        str(tmp_path / "out"),
        "--reduced",
        "--no-models",
    ]
    for name, value in SMALL.items():
        command += ["--network", f"{name}={json.dumps(value)}"]
    command += ["--epochs", "1", "--batch-size", "16", "--stage2-epochs", "1", "--speeds", "0.9,1.0,1.1"]
    command += ["--precision", "float32"]
    assert zhang2021_tables.main([*command, "--only", "full"]) == 0
    text = (tmp_path / "out" / "tables.md").read_text()
    assert text in capsys.readouterr().out
    rows = [line.split(" | ") for line in text.split("Recalls")[0].splitlines() if line.startswith("| ")][2:]
    assert [(row[0], *row[-2:]) for row in rows] == [
        (
            "| DCNN-BLSTMwA (×3, random start, reduced network)",
            "changed, 1 + 1 epochs, float32",
            "1 of 5 folds × 1 seed |",
        )
    ]
    assert RecordSet(tmp_path / "records").manifest.speeds == zhang2021_tables.SPEEDS[5]
    assert zhang2021_tables.main([*command, "--tables-only"]) == 0
    assert (tmp_path / "out" / "tables.md").read_text() == text
    assert zhang2021_tables.main([*command, "--table", "2", "--only", "x3"]) == 0  # the full system at its three speeds
    assert not (tmp_path / "out" / "x3").exists()
    assert "| 0.9, 1.0, 1.1 (×3, random start, reduced network) |" in (tmp_path / "out" / "tables.md").read_text()
    found = read_results(tmp_path / "out" / "full").overall.per_class
    assert f"| low | {reports.percent(found[1].recall)} | – |" in text and "| anger | " not in text
    runs = [run_of(labels=[0, 0, 1], probabilities=[[1, 0], [0, 1], [0, 1]])]
    emodb = results_of(runs, labels=("anger", "fear"))
    assert zhang2021_tables.recall_table("emodb", emodb).endswith("| anger | 50.0 | 94 |\n| fear | 100.0 | – |")
    assert zhang2021_tables.main([*command, "--only", "x1"]) == 2
    assert "--only x1: not in the tables; choose from no-attention, full" in capsys.readouterr().err
