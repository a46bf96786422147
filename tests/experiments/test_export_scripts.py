"""The scripts about exports: the export command by another name, costs of formats, latencies."""

import subprocess
import sys
from pathlib import Path

from support.long_tests import long_test
from support.results import contents
from support.tiny_corpus import TINY_NETWORK

from acrnn.crossval import Experiment, Prepared, Settings, cross_validate
from acrnn.export.trained_model import TrainedModel
from acrnn.models import MODELS
from acrnn.recipes import Recipe
from experiments import benchmark, format_costs, latency

ROOT = Path(__file__).parents[2]


def test_the_export_script_is_the_export_command(capsys):
    done = subprocess.run(
        [sys.executable, "experiments/export_saved_model.py", "--run", "nowhere", "--out", "x"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--out x: its last part is the version" in done.stderr


@long_test  # a measurement; the formats are tested by themselves
def test_each_format_is_compared_with_the_network_in_python(tiny_corpus, tiny_records, tmp_path, capsys):
    recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs=1)
    experiment = Experiment(tiny_records, "chen2018-3d", recipe, options=TINY_NETWORK)
    results = cross_validate(experiment, tmp_path / "run", folds=[0], announce=lambda line: None)
    command = ["--run", str(tmp_path / "run"), "--records", str(tiny_records), "--corpus-dir", str(tiny_corpus)]
    before = contents(tmp_path / "run")
    assert format_costs.main([*command, "--output", str(tmp_path / "formats.md")]) == 0
    assert contents(tmp_path / "run") == before
    text = (tmp_path / "formats.md").read_text()
    assert text.strip() in capsys.readouterr().out
    assert f"In Python their UAR is {100 * results.overall.uar_fold_mean:.2f}." in text
    rows = {
        line.split(" | ")[0].strip("| "): line.split(" | ")
        for line in text.splitlines()
        if "weights" in line or "Flow" in line
    }
    for name in ("saved-model", "litert-int8", "onnx-int8"):
        assert name in rows
    assert rows["saved-model"][4:6] == ["+0.00", "0 of 6"]
    assert float(rows["saved-model"][6].strip(" |")) < 1e-4


@long_test  # new processes for each format
def test_latencies_are_measured_for_each_format_cold_and_warm(tiny_records, tmp_path, monkeypatch):
    def small(records, depth):
        prepared = Prepared.of(
            Experiment(records, "chen2018-3d", Recipe(), options={**TINY_NETWORK, "conv_layers": depth})
        )
        network = MODELS["chen2018-3d"].estimator(prepared.config, Recipe()).model
        return TrainedModel.of_network(
            network, Settings.from_dict(prepared.settings()), {"speakers": [], "epochs": 0, "seed": 0}
        )

    monkeypatch.setattr(latency, "untrained", small)
    monkeypatch.setattr(latency, "FORMATS", ("onnx", "litert"))
    output = tmp_path / "latency.md"
    command = ["--records", str(tiny_records), "--latency", "2", "--repeats", "1", "--output", str(output)]
    assert benchmark.main(command) == 0
    rows = [line.strip("| ").split(" | ") for line in output.read_text().splitlines() if line.startswith("| ACRNN")]
    assert [row[:2] for row in rows] == [["ACRNN-2", name] for name in ("onnx", "litert")]
    for row in rows:
        assert 1000 * float(row[3]) > float(row[4]) > 0
