"""Cross-validation: complete, resumable, never mixed, and the test part without any influence."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.sources import Feeder
from acrnn.crossval import Experiment, collect_results, cross_validate
from acrnn.crossval.environment import versions
from acrnn.crossval.run import read_run, run_path
from acrnn.crossval.summary import Coverage, summarize
from acrnn.engines import local
from acrnn.recipes import Recipe
from acrnn.records import RecordSet
from acrnn.segments import pool_logits

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=2)


def quiet(line):
    pass


@pytest.fixture(scope="module")
def experiment(tiny_records):
    return Experiment(tiny_records, "chen2018-3d", RECIPE, options=TINY_NETWORK)


@pytest.fixture(scope="module")
def finished(experiment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    cross_validate(experiment, folder, announce=quiet)
    return folder


def runs_of(folder):
    return {path.name: json.loads(path.read_text()) for path in sorted((folder / "runs").glob("*.json"))}


def without_time(run):
    curve = [{**epoch, "seconds": 0, "waiting_share": 0} for epoch in run["curve"]]
    return {**run, "curve": curve, "seconds": 0, "peak_memory_mib": 0, "sha256": ""}


def test_every_utterance_is_tested_once_and_the_coverage_is_reported(finished, tiny_records):
    results = json.loads((finished / "results.json").read_text())
    tested = [utterance for run in results["runs"] for utterance in run["utterances"]]
    assert sorted(tested) == sorted(row.id for row in RecordSet(tiny_records).utterances)
    assert results["overall"]["coverage"] == {"folds": 5, "seeds": 1, "runs": 5, "planned": 5}
    assert np.sum(results["overall"]["confusion"]) == 30
    for run in results["runs"]:
        assert set(run["speakers"]) == set(run["test_speakers"]) == {run["fold_name"].split()[1]}
        assert len({*run["test_speakers"], *run["validation_speakers"], *run["train_speakers"]}) == 5
    assert results["settings"]["split_sha256"] and results["versions"][0]["keras"] == keras.__version__


def test_a_run_has_its_time_and_its_memory(finished):
    for run in runs_of(finished).values():
        assert 0 < sum(epoch["seconds"] for epoch in run["curve"]) <= run["seconds"]
        assert 100 < run["peak_memory_mib"] < 100_000


def test_a_run_has_the_posteriors_of_its_validation_speakers_by_the_selected_checkpoint(finished, tiny_records):
    speaker = {row.id: row.speaker for row in RecordSet(tiny_records).utterances}
    for path in sorted((finished / "runs").glob("*.json")):
        run = read_run(path)
        assert {speaker[name] for name in run.validation.utterances} == set(run.validation_speakers)
        without_curve = replace(run, curve=())  # the UAR is then that of the posteriors
        assert without_curve.validation_uar == pytest.approx(run.validation_uar)


def test_a_result_can_be_repeated_from_the_saved_network(finished, tiny_records):
    feeder = Feeder(RecordSet(tiny_records))
    for run in runs_of(finished).values():
        path = run_path(finished, run["fold"], run["seed"]).with_suffix(".keras")
        batch = next(feeder.source(run["utterances"]).ordered(100))
        logits = np.asarray(keras.saving.load_model(path, safe_mode=True)(batch.inputs))
        rows, index = np.unique(batch.utterances, return_inverse=True)
        np.testing.assert_allclose(pool_logits(logits, index, len(rows)), run["probabilities"], atol=1e-5)


def test_the_summary_agrees_with_a_count_by_hand(finished):
    results = json.loads((finished / "results.json").read_text())
    uars, hits = [], 0
    for run in results["runs"]:
        labels, predictions = np.array(run["labels"]), np.argmax(run["probabilities"], axis=1)
        uars.append(np.mean([(predictions[labels == label] == label).mean() for label in np.unique(labels)]))
        hits += (labels == predictions).sum()
    assert results["overall"]["uar_fold_mean"] == pytest.approx(np.mean(uars))
    assert results["overall"]["uar_fold_std"] == pytest.approx(np.std(uars, ddof=1))
    assert results["overall"]["wa"] == pytest.approx(hits / 30)
    low, high = results["overall"]["uar_pooled_interval"]
    assert low <= results["overall"]["uar_pooled"] <= high


def test_a_single_run_needs_no_process_of_its_own(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "events", lambda *arguments: 1 / 0)  # starts processes
    assert len(cross_validate(experiment, tmp_path, folds=[0], jobs=2, announce=str).runs) == 1


def test_a_fold_gives_the_same_alone_and_after_others(experiment, finished, tmp_path):
    cross_validate(experiment, tmp_path, folds=[3], announce=quiet)
    name = "fold03_seed0.json"
    assert without_time(runs_of(tmp_path)[name]) == without_time(runs_of(finished)[name])


def test_several_processes_give_the_results_of_one_process(experiment, finished, tmp_path):
    results = cross_validate(experiment, tmp_path, folds=[0, 1, 4], jobs=2, announce=quiet)
    assert results.overall.coverage.runs == 3
    for name, run in runs_of(tmp_path).items():
        # another number of threads adds in another order, so the figures agree but for rounding
        np.testing.assert_allclose(run["probabilities"], runs_of(finished)[name]["probabilities"], atol=0.02)


def test_the_test_part_has_no_influence_on_training(experiment, finished, tmp_path, monkeypatch):
    """The same fold with another test speaker's sound: learning curve, selected epoch and weights stay the same."""
    original = Feeder.__init__

    def with_noise_for_a_test_speaker(self, record_set, *arguments):
        original(self, record_set, *arguments)
        rows = [number for number, row in enumerate(record_set.utterances) if row.speaker == "s2"]
        self.data.features[np.isin(self.data.utterances, rows)] = 7.0

    monkeypatch.setattr(Feeder, "__init__", with_noise_for_a_test_speaker)
    cross_validate(experiment, tmp_path, folds=[2], announce=quiet)
    changed, before = (without_time(runs_of(folder)["fold02_seed0.json"]) for folder in (tmp_path, finished))
    assert changed["curve"] == before["curve"] and changed["best_epoch"] == before["best_epoch"]
    assert changed["probabilities"] != before["probabilities"]


def test_finished_runs_are_kept_and_more_seeds_are_added(experiment, finished, tmp_path):
    folder = tmp_path / "grown"
    lines = []
    cross_validate(experiment, folder, folds=[0, 1], announce=lines.append)
    before = {path: path.stat().st_mtime_ns for path in (folder / "runs").iterdir()}
    results = cross_validate(experiment, folder, folds=[0, 1], seeds=[0, 1], announce=lines.append)
    assert "2 of 4 runs are there already" in lines
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert results.overall.coverage == Coverage(folds=2, seeds=2, runs=4, planned=10)
    assert results.overall.uar_seed_std is not None


def test_other_settings_are_refused_and_named(experiment, finished):
    other = replace(experiment, recipe=replace(RECIPE, learning_rate=1e-3), options={**TINY_NETWORK, "dropout": 0.5})
    with pytest.raises(ValueError, match=r"another experiment .*network.dropout is 0.0 there, 0.5 here.*learning_rate"):
        cross_validate(other, finished, announce=quiet)


def test_a_damaged_result_is_refused_with_the_remedy(experiment, tmp_path):
    cross_validate(experiment, tmp_path, folds=[0], announce=quiet)
    path = run_path(tmp_path, 0, 0)
    content = path.read_text()
    run_path(tmp_path, 1, 0).write_text(content)
    with pytest.raises(ValueError, match=r"fold01_seed0.json: holds fold 0, seed 0; delete it"):
        collect_results(tmp_path)
    run_path(tmp_path, 1, 0).unlink()
    path.write_text(content.replace('"best_epoch": ', '"best_epoch": 1'))
    with pytest.raises(ValueError, match=r"fold00_seed0.json: damaged or changed by hand.*delete it"):
        cross_validate(experiment, tmp_path, folds=[0], announce=quiet)
    path.write_text(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"fold00_seed0.json: damaged, not valid JSON.*delete it"):
        collect_results(tmp_path)
    path.unlink()
    assert cross_validate(experiment, tmp_path, folds=[0], announce=quiet).overall.coverage.runs == 1


def test_records_of_another_front_end_are_refused(experiment, tmp_path):
    with pytest.raises(ValueError, match="made by another front end than .*--frontend chen2018-original"):
        cross_validate(replace(experiment, model="chen2018-original"), tmp_path, announce=quiet)
    assert not (tmp_path / "experiment.json").exists()


def test_a_fold_that_does_not_exist_is_refused(experiment, tmp_path):
    with pytest.raises(ValueError, match="^folds 5: there is no such fold; choose from 0 to 4"):
        cross_validate(experiment, tmp_path, folds=[5], announce=quiet)


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file; choose the folder of an experiment"):
        collect_results(tmp_path)


PROGRAM = """
import sys
from pathlib import Path
from acrnn.crossval import Experiment, cross_validate
from acrnn.recipes import Recipe
recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs={epochs})
experiment = Experiment(Path(sys.argv[1]), "chen2018-3d", recipe, options={options})
if __name__ == "__main__":
    cross_validate(experiment, Path(sys.argv[2]), jobs=2)
"""


def write_program(folder, epochs):
    script = folder / "program.py"
    script.write_text(PROGRAM.replace("{options}", repr(TINY_NETWORK)).replace("{epochs}", str(epochs)))
    return script


def wait_until(condition, seconds=400):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_a_kill_loses_nothing_finished_and_the_same_call_goes_on(experiment, finished, tmp_path):
    script = write_program(tmp_path, epochs=2)
    folder = tmp_path / "out"
    process = subprocess.Popen([sys.executable, script, experiment.records, folder], start_new_session=True)
    wait_until(lambda: len(list(folder.glob("runs/*.json"))) >= 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*.json")}
    assert 2 <= len(kept) < 5
    cross_validate(experiment, folder, announce=quiet)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(runs_of(folder)) == 5
    assert not list(folder.glob("runs/.partial*"))


def test_workers_end_with_a_parent_that_is_killed_alone(experiment, tmp_path):
    script = write_program(tmp_path, epochs=100_000)
    process = subprocess.Popen([sys.executable, script, experiment.records, tmp_path / "out"])
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_until(lambda: len(children.read_text().split()) >= 2)
    workers = children.read_text().split()
    time.sleep(8)  # until they are at work
    assert all(is_running(worker) for worker in workers)
    process.kill()
    process.wait()
    wait_until(lambda: not any(is_running(worker) for worker in workers))


def is_running(process):
    status = Path(f"/proc/{process}/status")
    return status.exists() and "\nState:\tZ" not in status.read_text()


def test_a_worker_that_fails_stops_the_whole_with_its_message(experiment, tmp_path):
    broken = replace(experiment, recipe=replace(RECIPE, learning_rate=1e30))
    with pytest.raises(ValueError, match=r"fold \d \(speaker s\d\), seed 0: the training loss is (nan|inf) in epoch 1"):
        cross_validate(broken, tmp_path, jobs=2, announce=quiet)
    # nothing was finished, so corrected settings may have the folder
    cross_validate(experiment, tmp_path, folds=[0], announce=quiet)


def test_a_run_of_another_experiment_is_not_mixed_in(experiment, finished, tmp_path):
    other = replace(experiment, recipe=replace(RECIPE, learning_rate=1e-3))
    cross_validate(other, tmp_path, folds=[0], announce=quiet)
    shutil.copy(run_path(finished, 1, 0), run_path(tmp_path, 1, 0))
    with pytest.raises(ValueError, match=r"fold01_seed0.json: a run of another experiment"):
        collect_results(tmp_path)


def test_a_damaged_description_of_the_experiment_is_refused(finished, tmp_path):
    copy = shutil.copytree(finished, tmp_path / "copy")
    (copy / "experiment.json").write_text("[]")
    with pytest.raises(ValueError, match=r"experiment.json: damaged or changed by hand"):
        collect_results(copy)


def test_an_utterance_with_more_segments_than_a_batch_is_tested_and_has_attention(experiment, tmp_path):
    one_by_one = replace(experiment, recipe=replace(RECIPE, batch_size=1, epochs=3))
    results = cross_validate(one_by_one, tmp_path, folds=[0], announce=quiet)
    segments = {example.utterance: len(example.weights) for example in results.runs[0].attention}
    assert segments.get("s0_low_1", 2) == 2 and segments


def test_seeds_with_only_some_of_the_folds_do_not_change_the_averages(finished):
    runs = [read_run(path) for path in sorted((finished / "runs").glob("*.json"))]
    labels = ("high", "low", "noisy")
    whole = summarize(runs, labels, 5)
    uneven = summarize([*runs, replace(runs[2], seed=1)], labels, 5)
    for key in ("uar_fold_mean", "uar_pooled", "wa", "uar_pooled_interval", "per_speaker"):
        assert getattr(uneven, key) == getattr(whole, key)
    assert uneven.uar_seed_std is None


def test_versions_name_the_packages_and_the_machine():
    assert {"acrnn", "tensorflow", "keras", "numpy", "python", "backend", "machine"} <= set(versions())


def test_a_run_states_the_number_of_threads_that_its_process_was_given(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    assert versions()["threads"] == "3"
    for unset in ("", "0"):  # TensorFlow then takes every core
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", unset)
        assert versions()["threads"] == str(len(os.sched_getaffinity(0)))
