"""The engine of Ray on a cluster of three nodes, which are processes of this machine; a node is killed in the middle."""

import io
import json
import os
import platform
import subprocess
import sys
import time
import zipfile
from functools import partial

import h5py
import psutil
import pytest
from support.engine_jobs import result_of, write_results
from support.sounds import spoken_folder
from support.tiny_corpus import TINY_NETWORK

from acrnn.cli import main
from acrnn.crossval import Experiment, cross_validate
from acrnn.crossval.run import run_path
from acrnn.engines import engine_of
from acrnn.errors import TaskError
from acrnn.output import lock
from acrnn.recipes import Recipe
from acrnn.records import RecordSet
from acrnn.tuning import read_tuning
from data_prep.__main__ import main as data_prep_main
from experiments import tune_depth

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
pytest.importorskip("ray", reason="the extra [ray] is not installed")

JOBS = min(5, os.cpu_count())
CPUS = max(1, os.cpu_count() // JOBS)


class Nodes:
    """A cluster of a head and two more nodes, each with the cores of one task."""

    def __init__(self):
        from ray.cluster_utils import Cluster

        memory = {"object_store_memory": 80_000_000}
        # a lost node is noticed after 2 s instead of 15
        quick = {"health_check_period_ms": 500, "health_check_timeout_ms": 1000, "health_check_failure_threshold": 3}
        head = {"num_cpus": CPUS, "include_dashboard": False, "_system_config": quick, **memory}
        self.cluster = Cluster(True, head_node_args=head)
        self.workers = [self.cluster.add_node(num_cpus=CPUS, **memory) for _ in range(2)]
        self.engine = engine_of("ray", JOBS, self.cluster.address)

    def kill(self, node):
        """Kills all processes of a node at once, when it is at a task; returns the process id of its main process."""
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        wait_until(lambda: any("ray::_do" in name_of(child) for child in raylet.children()))
        for process in [*raylet.children(recursive=True), raylet]:
            process.kill()
        return raylet.pid


def name_of(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def nodes():
    nodes = Nodes()
    yield nodes
    nodes.cluster.shutdown()


def run(nodes, folder, tasks, seconds, inputs=(), result=None):
    """Runs the small job; returns the events."""
    events = []
    tasks = [(number,) for number in tasks]
    report = lambda *event: events.append(event)  # noqa: E731
    try:
        nodes.engine.run(write_results, tasks, report, (folder, seconds), folder, inputs, result)
    except TaskError as error:
        events.append(str(error))
    return events


def test_a_task_that_fails_is_told_with_its_reason_and_the_others_go_on(nodes, tmp_path):
    *events, told = run(nodes, tmp_path, range(3), 0)
    assert sorted(events) == [("done", 0, "value"), ("done", 2, "value"), ("failed", 1, "result 1 cannot be computed")]
    assert told.startswith(
        "1 of 3 tasks failed; the others are finished and kept; correct the cause, and give the same"
    )
    assert {line.split()[2] for line in (tmp_path / "starts.txt").read_text().splitlines()} == {str(CPUS)}
    assert {path.name for path in tmp_path.iterdir()} == {"starts.txt", "result0.txt", "result2.txt"}


def test_a_task_of_another_command_is_left_to_it(nodes, tmp_path):
    with lock.task(result_of(tmp_path, 0)):
        events = run(nodes, tmp_path, [0, 2], 0, result=partial(result_of, tmp_path))
    assert sorted(events) == [("done", 2, "value"), ("elsewhere", 0, None)]


def test_a_machine_that_does_not_see_the_records_is_told_before_any_task(nodes, tmp_path):
    with pytest.raises(OSError, match=r"nowhere/manifest.json: not there on .*must lie on a path that all machines"):
        run(nodes, tmp_path, [0], 0, [tmp_path / "nowhere" / "manifest.json"])
    assert not (tmp_path / "starts.txt").exists()


def predictions(capsys, *arguments):
    """Exit status, rows and messages of `acrnn predict --csv`; those that name progress left out."""
    capsys.readouterr()
    status = main(["predict", *map(str, arguments), "--csv"])
    shown = capsys.readouterr()
    return status, shown.out.splitlines(), [line for line in shown.err.splitlines() if "recognizing" not in line]


def test_predictions_on_the_cluster_are_those_of_one_process(nodes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    spoken_folder(tmp_path / "recordings")
    status, rows, messages = predictions(capsys, "recordings", "nowhere.wav", "--threads", CPUS)
    assert (status, len(rows), messages[0]) == (1, 38, "3 of 37 files failed:")
    options = ["--engine", "ray", "--ray-address", nodes.cluster.address, "--task-cpus", CPUS]
    assert predictions(capsys, "recordings", "nowhere.wav", *options) == (status, rows, messages)
    assert [path.name for path in tmp_path.iterdir()] == ["recordings"]
    status, rows, (message,) = predictions(capsys, "recordings", "--model", tmp_path / "none", *options)
    assert (status, rows) == (1, []) and message.startswith(f"error: {tmp_path / 'none'}: no such model")


def fits_of(folder):
    """Fits of a search without their time and machine."""
    fits = {}
    for path in sorted((folder / "fits").glob("*.json")):
        fit = json.loads(path.read_text())
        curve = [{**epoch, "seconds": 0, "waiting_share": 0} for epoch in fit["curve"]]
        fits[path.name] = {**fit, "curve": curve, "seconds": 0, "worker": "", "sha256": ""}
    return fits


def test_a_grid_search_on_the_cluster_is_that_of_one_process(nodes, tiny_records, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    network = [text for name, value in TINY_NETWORK.items() for text in ("--network", f"{name}={value}")]
    recipe = ["--depths", "1-2", "--folds", "0", "--epochs", "1", "--batch-size", "8", *network]
    search = ["--dataset", "manifest", "--records", str(tiny_records), *recipe, "--output-dir"]
    threads = {"TF_NUM_INTRAOP_THREADS": str(CPUS), "OMP_NUM_THREADS": str(CPUS)}
    program = [sys.executable, "-m", "experiments.tune_depth", *search, "local"]
    subprocess.run(program, env={**os.environ, **threads}, check=True, capture_output=True)
    options = ["--engine", "ray", "--ray-address", nodes.cluster.address, "--task-cpus", str(CPUS)]
    assert tune_depth.main([*search, "out", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line[:13] for line in lines if ", fold 0, seed 0: " in line) == ["conv_layers 1", "conv_layers 2"]
    assert fits_of(tmp_path / "out") == fits_of(tmp_path / "local") and len(fits_of(tmp_path / "out")) == 2
    workers = {json.loads(path.read_text())["worker"] for path in (tmp_path / "out" / "fits").iterdir()}
    assert workers == {platform.node()}  # and not "tuner0", which is the process of the command
    on_cluster, local = (read_tuning(tmp_path / name) for name in ("out", "local"))
    assert on_cluster.is_complete and on_cluster.best.hyperparameters == local.best.hyperparameters
    assert [row.validation_uar for row in on_cluster.trials] == [row.validation_uar for row in local.trials]


def runs_of(folder):
    """Runs of an experiment without their time and memory, each with its weights."""
    runs = {}
    for path in sorted((folder / "runs").glob("*.json")):
        run = json.loads(path.read_text())
        run["curve"] = [{**epoch, "seconds": 0, "waiting_share": 0} for epoch in run["curve"]]
        weights = weights_of(path.with_suffix(".keras"))
        runs[path.name] = {**run, "seconds": 0, "peak_memory_mib": 0, "sha256": "", "weights": weights}
    return runs


def weights_of(network):
    """Bytes of every weight in a .keras file, by name."""
    weights = {}

    def add(name, value):
        if isinstance(value, h5py.Dataset):
            weights[name] = value[()].tobytes()

    with h5py.File(io.BytesIO(zipfile.ZipFile(network).read("model.weights.h5"))) as file:
        file.visititems(add)
    return weights


def test_a_killed_node_changes_no_result_and_nothing_is_done_twice(nodes, tiny_corpus, tiny_records, tmp_path):
    records, out, local = tmp_path / "records", tmp_path / "out", tmp_path / "local"
    options = ["--engine", "ray", "--ray-address", nodes.cluster.address, "--jobs", str(JOBS)]
    assert data_prep_main(["manifest", "--data-dir", str(tiny_corpus), "--out", str(records), *options]) == 0
    assert RecordSet(records).manifest.content_sha256 == RecordSet(tiny_records).manifest.content_sha256

    recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs=2)
    experiment = Experiment(records, "chen2018-3d", recipe, options=TINY_NETWORK)
    lines, kept = [], {}

    def announce(line):
        lines.append(line)
        if len(lines) == 1:
            kept.update({path: path.stat().st_mtime_ns for path in out.glob("runs/*.json")})
            nodes.kill(nodes.workers.pop())

    results = cross_validate(experiment, out, announce=announce, engine=nodes.engine)
    assert results.overall.coverage.runs == 5
    assert [line.split(":")[0] for line in lines] == [f"{number} of 5 runs" for number in range(1, 6)]
    assert len({line.split(":")[1] for line in lines}) == 5
    assert kept and {path: path.stat().st_mtime_ns for path in kept} == kept
    assert not list(out.glob("runs/.lock*"))
    assert run_path(out, 0, 0).exists()
    cross_validate(experiment, local, jobs=JOBS, announce=lambda line: None)
    assert len(runs_of(local)["fold00_seed0.json"]["weights"]) > 10
    assert runs_of(out) == runs_of(local)
