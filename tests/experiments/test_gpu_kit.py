"""The kit for another machine: packed here, run on JAX without TensorFlow, its results brought back and checked."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn import files
from acrnn.crossval.results import read_experiment, read_results
from acrnn.records import RecordSet
from experiments.gpu_kit import main

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "experiments" / "results" / "emodb_tuned_reduced" / "3d_conv1"
NETWORK = [word for name, value in TINY_NETWORK.items() for word in ("--network", f"{name}={value}")]
COMMAND = ["run_cv", "--dataset", "manifest", *NETWORK, "--epochs", "1", "--batch-size", "8", "--balanced-draw", "0"]


def pack(records, out, *command, options=()):
    return main(["pack", "--records", str(records), "--out", str(out), "--no-wheels", *options, "--", *command])


@pytest.fixture(scope="module")
def kit(tiny_records, tmp_path_factory):
    out = tmp_path_factory.mktemp("kit") / "kit"
    assert pack(tiny_records, out, *COMMAND) == 0
    return out


def without_tensorflow(folder: Path) -> dict[str, str]:
    """Environment in which no import of TensorFlow succeeds, in worker processes neither."""
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['tensorflow'] = None\n")
    path = os.pathsep.join([str(folder), str(ROOT)])
    fast = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}
    return {**os.environ, "PYTHONPATH": path, "KIT_PYTHON": sys.executable, **fast}


def test_a_kit_trains_on_jax_without_tensorflow_and_brings_back_results_alone(kit, tiny_records, tmp_path, capsys):
    pytest.importorskip("jax", reason="the second backend is not installed: pip install jax")
    environment = without_tensorflow(tmp_path)
    subprocess.run(["bash", str(kit / "run.sh"), "--folds", "0"], env=environment, cwd=tmp_path, check=True)
    with tarfile.open(kit / "results.tar") as archive:
        assert archive.getnames() == ["kit.json", "experiment.json", "runs/fold00_seed0.json", "split.json"]
    assert (kit / "results" / "report.html").is_file() and not list(kit.rglob("*.keras"))
    out = tmp_path / "collected"
    for count in ("1 runs added, 0 were there", "0 runs added, 1 were there"):
        assert main(["collect", str(kit / "results.tar"), "--output-dir", str(out)]) == 0
        assert count in capsys.readouterr().out
    results = read_results(out)
    assert results.versions[0]["backend"] == "jax" and "tensorflow" not in results.versions[0]
    packed = RecordSet(kit / "records" / tiny_records.name).manifest
    assert results.settings.records_sha256 == packed.content_sha256 and packed.dtype == "float16"


def test_a_kit_has_the_package_and_says_what_else_it_needs(kit):
    assert len(list((kit / "wheels").glob("acrnn-*.whl"))) == len(list((kit / "wheels").iterdir())) == 1
    requirements = (kit / "requirements.txt").read_text()
    assert "jax[cuda12]" in requirements and "keras" in requirements
    assert "tensorflow" not in requirements and "extra" not in requirements


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ([*COMMAND, "--data-dir", "there"], "--data-dir: a kit sets it or cannot have it"),
        ([*COMMAND, "--init-from", "acrnn_emodb"], "--init-from: a kit sets it or cannot have it"),
        (["run_cv", "--dataset", "emodb"], "holds 'manifest', not 'emodb'"),
        ([*COMMAND, "--distribute", "mirrored"], "--distribute: a kit sets it or cannot have it"),
        (["load_test", "--model", "here"], "load_test: it does not train on records"),
        (["stacked_steps"], "stacked_steps: it does not train on records"),
        (["train"], "train: no script of experiments/"),
    ],
)
def test_a_command_that_could_not_run_there_is_refused(tiny_records, tmp_path, capsys, command, message):
    assert pack(tiny_records, tmp_path / "kit", *command) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "kit").exists()


def test_records_above_the_largest_size_and_a_second_kit_are_refused(kit, tiny_records, tmp_path, capsys):
    assert pack(tiny_records, tmp_path / "kit", *COMMAND, options=["--max-mb", "1"]) == 1
    assert "MB, 1 are allowed" in capsys.readouterr().err and not (tmp_path / "kit" / "run.sh").exists()
    assert pack(tiny_records, kit, *COMMAND) == 1
    assert f"{kit}: holds a kit" in capsys.readouterr().err


def archive_of(folder: Path, path: Path, prefix: str = "", records: str | None = None) -> Path:
    """Writes an archive as run.sh does, of an experiment in a folder of this name."""
    sha256 = records or read_experiment(folder)[0].records_sha256
    files.write_sealed_json(path.with_name("kit.json"), {"command": [], "records": {"emodb": sha256}})
    with tarfile.open(path, "w") as archive:
        archive.add(path.with_name("kit.json"), "kit.json")
        for name in (
            "experiment.json",
            "split.json",
            *(f"runs/{run.name}" for run in (folder / "runs").glob("*.json")),
        ):
            archive.add(folder / name, prefix + name)
    return path


def collect(archive, out):
    return main(["collect", str(archive), "--output-dir", str(out)])


def test_results_of_a_study_are_added_to_those_that_are_there(tmp_path, capsys):
    archive = archive_of(COMMITTED, tmp_path / "results.tar", "3d_conv1/")
    target = tmp_path / "study" / "3d_conv1"
    shutil.copytree(COMMITTED, target)
    runs = sorted((target / "runs").glob("*.json"))
    kept = runs[0].stat().st_mtime_ns
    for run in runs[1:]:
        run.unlink()
    assert collect(archive, tmp_path / "study") == 0
    assert f"{target}: {len(runs) - 1} runs added, 1 were there" in capsys.readouterr().out
    assert sorted((target / "runs").glob("*.json")) == runs and runs[0].stat().st_mtime_ns == kept
    assert read_results(target).overall == read_results(COMMITTED).overall


def test_nothing_is_written_where_a_run_has_other_numbers(tmp_path, capsys):
    archive = archive_of(COMMITTED, tmp_path / "results.tar")
    target = Path(shutil.copytree(COMMITTED, tmp_path / "there"))
    first, second = sorted((target / "runs").glob("*.json"))[:2]
    second.unlink()
    values = json.loads(first.read_text())
    del values["sha256"]
    files.write_sealed_json(first, {**values, "seconds": 1.0})
    assert collect(archive, target) == 1
    assert f"{first}: there already, with other numbers" in capsys.readouterr().err
    assert not second.exists()


def test_another_experiment_there_and_records_of_another_kit_are_refused(tmp_path, capsys):
    other = ROOT / "experiments" / "results" / "emodb_tuned" / "3d_conv1"
    target = Path(shutil.copytree(other, tmp_path / "there"))
    assert collect(archive_of(COMMITTED, tmp_path / "results.tar"), target) == 1
    assert f"{target}: holds another experiment (network." in capsys.readouterr().err
    assert collect(archive_of(COMMITTED, tmp_path / "results.tar", records="0"), tmp_path / "new") == 1
    assert "on other records than those of the kit" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "name", ["../experiment.json", "/runs/fold00_seed0.json", "runs/fold00_seed0.keras", "a\\b.json"]
)
def test_an_archive_with_anything_else_is_refused(tmp_path, capsys, name):
    archive = archive_of(COMMITTED, tmp_path / "results.tar")
    with tarfile.open(archive, "a") as entries:
        entries.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert collect(archive, tmp_path / "new") == 1
    assert f"{archive}: {name!r} is no results file of a kit" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_changed_run_and_a_damaged_archive_are_refused(tmp_path, capsys):
    copy = Path(shutil.copytree(COMMITTED, tmp_path / "copy"))
    run = copy / "runs" / "fold00_seed0.json"
    run.write_text(run.read_text().replace('"seed": 0', '"seed": 1', 1))
    assert collect(archive_of(copy, tmp_path / "results.tar"), tmp_path / "new") == 1
    assert "fold00_seed0.json: damaged or changed by hand" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    (tmp_path / "bad.tar").write_bytes(b"?" * 2000)
    assert collect(tmp_path / "bad.tar", tmp_path / "new") == 1
    assert f"{tmp_path / 'bad.tar'}: damaged or no archive of results" in capsys.readouterr().err
