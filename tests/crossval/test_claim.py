"""Output folders of experiments with several processes: other settings are refused, the same experiment is shared."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn import files
from acrnn.crossval import Experiment, cross_validate
from acrnn.crossval.claim import SPLIT, claimed
from acrnn.output import lock
from acrnn.recipes import Recipe

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=1)
PROGRAM = """
import sys
from pathlib import Path
from acrnn.crossval import Experiment, cross_validate
from acrnn.recipes import Recipe
recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs=int(sys.argv[3]))
experiment = Experiment(Path(sys.argv[1]), "chen2018-3d", recipe, options={options})
if __name__ == "__main__":
    results = cross_validate(experiment, Path(sys.argv[2]))
    print(results.overall.coverage.runs)
"""


@pytest.fixture
def experiment(tiny_records):
    return Experiment(tiny_records, "chen2018-3d", RECIPE, options=TINY_NETWORK, save_models=False)


@pytest.fixture
def started(tiny_records, tmp_path):
    """Starts processes that work on an experiment of some epochs; ends them after the test."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.replace("{options}", repr(TINY_NETWORK)))
    processes = []

    def start(folder, epochs=1):
        command = [sys.executable, script, tiny_records, folder, str(epochs)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def wait_for(path, seconds=120):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_other_settings_are_refused_while_a_process_works_and_not_after_it(started, experiment, tmp_path):
    folder = tmp_path / "out"
    process = started(folder, epochs=100_000)
    wait_for(folder / "experiment.json")
    with pytest.raises(
        lock.FolderInUseError, match=rf"out: process {process.pid} on .* another experiment .*epochs is 100000 there"
    ):
        cross_validate(experiment, folder, announce=lambda line: None)
    assert json.loads((folder / "experiment.json").read_text())["settings"]["recipe"]["epochs"] == 100_000
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    # nothing is finished, so that other settings may have the folder
    assert cross_validate(experiment, folder, [0], announce=lambda line: None).overall.coverage.runs == 1


def test_processes_of_one_experiment_do_each_run_once_and_all_see_every_run(started, tmp_path):
    folder = tmp_path / "out"
    outputs = [process.communicate(timeout=400)[0].splitlines() for process in [started(folder), started(folder)]]
    assert [lines[-1] for lines in outputs] == ["5", "5"]
    done = [line.split(": ")[1] for lines in outputs for line in lines if " runs: fold" in line]
    assert sorted(done) == sorted(set(done)) and len(done) == 5
    assert not list(folder.rglob(".*"))


def test_a_run_of_a_killed_process_is_done_by_another(experiment, tmp_path, started):
    slow = started(tmp_path / "out", epochs=1)
    wait_for(tmp_path / "out" / "runs" / ".lock-fold00_seed0")
    slow.kill()
    slow.wait()
    assert cross_validate(replace(experiment, save_models=True), tmp_path / "out", [0], announce=lambda line: None)


def test_a_damaged_split_is_refused_and_a_missing_one_is_written(experiment, tmp_path):
    cross_validate(experiment, tmp_path, [0], announce=lambda line: None)
    content = (tmp_path / SPLIT).read_text()
    (tmp_path / SPLIT).write_text(content.replace("s1_low_0", "s1_low_9"))
    with pytest.raises(ValueError, match="split.json: damaged or changed by hand.*delete it"):
        cross_validate(experiment, tmp_path, [0], announce=lambda line: None)
    (tmp_path / SPLIT).unlink()
    cross_validate(experiment, tmp_path, [0], announce=lambda line: None)
    assert (tmp_path / SPLIT).read_text() == content


def test_temporary_files_of_killed_processes_are_removed_from_the_folder_and_its_runs(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    own = files.partial_path(tmp_path / "results.json")
    (tmp_path / "runs").mkdir()
    for folder in (tmp_path, tmp_path / "runs"):
        (folder / own.name.replace(str(os.getpid()), str(ended.pid))).write_text("half")
    own.write_text("of a running process")
    with claimed(tmp_path, {"settings": {}}):
        assert list(tmp_path.rglob(".partial*")) == [own]


def test_the_lock_of_a_process_that_was_killed_after_its_run_was_written_is_removed(tmp_path):
    result = tmp_path / "runs" / "fold00_seed0.json"
    result.parent.mkdir()
    program = "import os, sys; from pathlib import Path; from acrnn.output import lock"
    held = f"{program}\nwith lock.task(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", held, result])
    assert lock.task_lock(result).exists()
    with claimed(tmp_path, {"settings": {}}):
        assert not lock.task_lock(result).exists()


def test_a_folder_that_is_not_shared_is_refused_to_a_second_process(started, tmp_path):
    folder = tmp_path / "out"
    process = started(folder, epochs=100_000)
    wait_for(folder / "experiment.json")
    with (
        pytest.raises(lock.FolderInUseError, match=f"out: process {process.pid} on .* is writing here"),
        claimed(folder, {"settings": {}}),
    ):
        pass


def folder_with_run(folder, settings):
    """Returns a folder claimed by an experiment, with a run in it."""
    with claimed(folder, {"settings": settings}):
        files.write_json(folder / "runs" / "fold00_seed0.json", {})
    return folder


@pytest.mark.parametrize(
    ("changed", "is_hinted"),
    [
        ({"records_sha256": "b", "protocol": "p"}, True),
        ({"records_sha256": "a", "protocol": "q"}, False),
        ({"records_sha256": "b", "protocol": "q"}, False),
    ],
)
def test_records_that_differ_alone_may_come_from_another_processor(tmp_path, changed, is_hinted):
    folder = folder_with_run(tmp_path / "out", {"records_sha256": "a", "protocol": "p"})
    with pytest.raises(ValueError, match="holds another experiment") as error, claimed(folder, {"settings": changed}):
        pass
    assert ("OPENBLAS_CORETYPE=Haswell" in str(error.value)) == is_hinted
