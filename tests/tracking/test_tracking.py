"""Tracking: TensorBoard and MLflow show what the results say, each run once, and nothing is sent anywhere."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.tiny_corpus import TINY_NETWORK

from acrnn.crossval import Experiment, cross_validate
from acrnn.crossval.tracked import TrackedRuns, curve_values, publish
from acrnn.recipes import CHEN2018, RECIPES, Recipe
from acrnn.tracking import Subject, Trackers, Tracking
from acrnn.tracking.mlflow_runs import MlflowRuns, library
from acrnn.training.estimator import Epoch
from experiments import run_cv, tune_depth

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=2)
SUBJECT = Subject(Path("runs", "mine"), {"model": "m", "recipe": {"epochs": 2, "pooling": "a|b"}, "labels": ["low"]})


def scalars(folder):
    """The scalars in the event files of a folder, as {tag: [(step, value), …]}, read by TensorFlow."""
    found = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def settings_text(folder):
    (path,) = folder.glob("events.out.tfevents.*")
    events = list(tf.compat.v1.train.summary_iterator(str(path)))
    assert events[0].file_version == "brain.Event:2"
    (value,) = (value for event in events for value in event.summary.value if value.tag == "settings")
    assert value.metadata.plugin_data.plugin_name == "text"
    return value.tensor.string_val[0].decode()


def store(place):
    """The client of a store, its runs of experiments, and the runs below them."""
    client = library().MlflowClient(place.as_uri())
    (experiment,) = client.search_experiments(filter_string="name = 'acrnn'")
    runs = client.search_runs([experiment.experiment_id])
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    return client, [run for run in runs if run not in children], children


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """The folder of the experiment and the places of its trackers."""
    return tmp_path_factory.mktemp("tracking")


def command(records, folder, tracking):
    """Results of two folds."""
    experiment = Experiment(records, "chen2018-3d", RECIPE, options=TINY_NETWORK, save_models=False)
    return cross_validate(experiment, folder, folds=[0, 1], announce=str, tracking=tracking)


@pytest.fixture(scope="module")
def tracked(tiny_records, places):
    """Results of two folds: tracked, given again, and then tracked elsewhere after their end ("later")."""
    folder, live = places / "out", Tracking(places / "events", str(places / "store"))
    for tracking in (live, live, Tracking(places / "later")):
        results = command(tiny_records, folder, tracking)
        publish(tracking, folder, results, folder / "split.json")
    return results


def curves(run):
    """The curves that a run should have."""
    names = ("loss", "validation_loss", "validation_uar", "seconds")
    expected = {name: [(epoch.epoch, getattr(epoch, name)) for epoch in run.curve] for name in names}
    rates = [(epoch.epoch, RECIPE.learning_rate) for epoch in run.curve]
    return {**expected, "learning_rate": rates, "test_uar": [(run.best_epoch, run.uar)]}


@pytest.mark.parametrize("place", ["events", "later"])
def test_tensorboard_has_the_curves_and_the_test_uar_of_every_run_once(tracked, places, place):
    (folder,) = (places / place).iterdir()
    assert folder.name == f"out-{Subject(places / 'out', tracked.settings.to_dict()).key[:8]}"
    assert sorted(path.name for path in folder.iterdir()) == ["fold00_seed0", "fold01_seed0"]
    for run in tracked.runs:
        found = scalars(folder / f"fold0{run.fold}_seed0")
        expected = curves(run)
        assert found.keys() == expected.keys()
        for name, points in expected.items():
            assert np.array(found[name]) == pytest.approx(np.array(points)), name


def test_tensorboard_has_the_settings_as_a_table(tracked, places):
    (folder,) = (places / "events").iterdir()
    rows = settings_text(folder / "fold01_seed0").splitlines()
    assert "| recipe.learning_rate | 0.01 |" in rows and "| network.lstm_units | 4 |" in rows


def test_mlflow_has_a_parent_with_settings_and_results_and_a_child_for_every_run(tracked, places):
    client, (parent,), children = store(places / "store")
    assert parent.info.status == "FINISHED" and parent.info.run_name == "out"
    assert parent.data.params["recipe.learning_rate"] == "0.01"
    assert parent.data.metrics["test_uar"] == pytest.approx(tracked.overall.uar_fold_mean)
    files = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert files == {"results.json", "split.json"}
    by_fold = {int(child.data.params["fold"]): child for child in children}
    assert len(children) == len(by_fold) == 2
    for run in tracked.runs:
        child = by_fold[run.fold]
        assert child.info.status == "FINISHED" and child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        for name, points in curves(run).items():
            history = client.get_metric_history(child.info.run_id, name)
            assert [(point.step, point.value) for point in history] == points, name


def test_commands_that_share_a_folder_add_its_finished_runs_once(tracked, tiny_records, places, monkeypatch):
    begin = MlflowRuns.begin

    def slow_begin(tracker, fold, seed):  # so that the second command looks while the first one adds
        time.sleep(0.2)
        begin(tracker, fold, seed)

    monkeypatch.setattr(MlflowRuns, "begin", slow_begin)
    with ThreadPoolExecutor(2) as threads:
        arguments = (tiny_records, places / "out", Tracking(mlflow=str(places / "together")))
        for done in [threads.submit(command, *arguments) for _ in range(2)]:
            done.result()
    _, (_,), children = store(places / "together")
    assert sorted(child.data.params["fold"] for child in children) == ["0", "1"]


def test_experiments_in_folders_of_the_same_name_keep_their_curves_in_tensorboard(tmp_path):
    for parent in ("first", "second"):
        with Tracking(tensorboard=tmp_path).opened(Subject(Path(parent, "mine"), SUBJECT.settings)) as trackers:
            trackers.each(lambda tracker: tracker.begin(0, 0))
    assert len(list(tmp_path.glob("mine-*/fold00_seed0/events*"))) == 2


def epoch(number):
    return Epoch(number, 1.0 / number, None, None, 0.1)


def interrupted_and_begun_again(tracking, folder):
    """Takes two epochs of a run whose command is then interrupted, and the same run again from its first epoch."""
    with suppress(KeyboardInterrupt), tracking.opened(SUBJECT) as trackers:
        first = TrackedRuns(trackers, folder, RECIPE)
        for number in (1, 2):
            first.take("epoch", 3, 1, epoch(number))
        raise KeyboardInterrupt
    with tracking.opened(SUBJECT) as trackers:
        again = TrackedRuns(trackers, folder, RECIPE)
        for number in (1, 2, 1, 2):  # the worker is lost in the middle, and another begins
            again.take("epoch", 3, 1, epoch(number))


def test_an_interrupted_run_does_not_leave_its_curve_in_tensorboard(tmp_path):
    interrupted_and_begun_again(Tracking(tensorboard=tmp_path), tmp_path)
    (folder,) = tmp_path.glob("mine-*/fold03_seed1")
    assert scalars(folder)["loss"] == [(1, 1.0), (2, 0.5)]
    assert "| recipe.pooling | a\\|b |" in settings_text(folder)


def test_an_interrupted_run_is_killed_in_mlflow_and_its_parent_goes_on(tmp_path):
    tracking = Tracking(mlflow=str(tmp_path))
    interrupted_and_begun_again(tracking, tmp_path)
    _, (parent,), children = store(tmp_path)
    assert parent.info.status == "FINISHED"
    assert [child.info.status for child in children] == ["KILLED"] * 3
    tracker = MlflowRuns(str(tmp_path), SUBJECT)
    assert not tracker.has(3, 1)
    tracker.begin(3, 1)  # and its command is killed
    with tracking.opened(SUBJECT) as trackers:
        trackers.each(lambda tracker: tracker.begin(3, 1))
        trackers.each(lambda tracker: tracker.finish(3, 1, 2, {"test_uar": 0.5}))
    assert MlflowRuns(str(tmp_path), SUBJECT).has(3, 1)
    assert sorted(child.info.status for child in store(tmp_path)[2]) == ["FINISHED"] + ["KILLED"] * 4


def test_a_failed_run_is_failed_in_mlflow(tmp_path):
    with Tracking(mlflow=str(tmp_path)).opened(SUBJECT) as trackers:
        runs = TrackedRuns(trackers, tmp_path, RECIPE)
        runs.take("epoch", 0, 0, epoch(1))
        runs.take("failed", 0, 0, "a reason")
    assert [child.info.status for child in store(tmp_path)[2]] == ["FAILED"]


class Full:
    """A tracker whose disk is full."""

    name = "Full"

    def begin(self, fold, seed):
        raise OSError("/full: cannot be written")


def test_a_tracker_that_fails_is_left_out_with_a_warning(tmp_path):
    with Tracking(tensorboard=tmp_path).opened(SUBJECT) as trackers:
        both = Trackers([Full(), *trackers._trackers])
        runs = TrackedRuns(both, tmp_path, RECIPE)
        with pytest.warns(UserWarning, match="Full gets no more of this experiment: /full: cannot be written"):
            runs.take("epoch", 0, 0, epoch(1))
        runs.take("epoch", 0, 0, epoch(2))
    (folder,) = tmp_path.glob("mine-*/fold00_seed0")
    assert len(scalars(folder)["loss"]) == 2


def test_a_place_that_is_lost_after_the_start_of_a_command_is_left_out_with_a_warning(tmp_path):
    events, tracking = tmp_path / "events", Tracking(tmp_path / "events", str(tmp_path / "store"))
    with tracking.opened(SUBJECT):
        shutil.rmtree(events)
        events.write_text("")
    lost = "TensorBoard gets no more of this experiment: .*events/mine-.*: no folder can be made here"
    with pytest.warns(UserWarning, match=lost), tracking.opened(SUBJECT) as trackers:
        trackers.each(lambda tracker: tracker.begin(0, 0))
    with pytest.warns(UserWarning, match=lost):
        tracking.publish(SUBJECT, {"test_uar": 0.5}, [])
    _, (parent,), children = store(tmp_path / "store")
    assert len(children) == 1 and parent.data.metrics == {"test_uar": 0.5}


def test_results_for_a_server_that_does_not_answer_are_left_out_with_a_warning(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracking = Tracking(mlflow="http://127.0.0.1:9")
    with pytest.raises(OSError, match="http://127.0.0.1:9: the MLflow store does not do this"):
        tracking.opened(SUBJECT)
    with pytest.warns(UserWarning, match="MLflow gets no more of this experiment: http://127.0.0.1:9: "):
        tracking.publish(SUBJECT, {"test_uar": 0.5}, [])


def test_the_learning_rate_is_left_out_where_the_epoch_does_not_tell_it():
    assert curve_values(epoch(1), CHEN2018)["learning_rate"] == CHEN2018.learning_rate
    for recipe in (replace(CHEN2018, decay=0.1), RECIPES["zhang2021"]):
        assert curve_values(epoch(1), recipe).keys() == {"loss", "seconds"}


PROGRAM = """
import socket, sys, time
from pathlib import Path

seen = []
sys.addaudithook(lambda event, given: seen.append(given) if event in ("socket.connect", "socket.getaddrinfo") else None)
from acrnn.tracking import Subject, Tracking

with Tracking(mlflow=sys.argv[1]).opened(Subject(Path("out"), {"model": "m"})) as trackers:
    trackers.each(lambda tracker: tracker.begin(0, 0))
time.sleep(1)
print(seen)
"""


def test_mlflow_writes_into_its_folder_and_reaches_no_network(tmp_path):
    signs_of_a_test = ("PYTEST_CURRENT_TEST", "CI", "MLFLOW_DISABLE_TELEMETRY")  # MLflow is silent with them anyway
    environment = {name: value for name, value in os.environ.items() if name not in signs_of_a_test}
    program = [sys.executable, "-c", PROGRAM, str(tmp_path / "store")]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"


def test_a_store_that_cannot_be_used_is_one_line_with_the_remedy(tmp_path):
    with pytest.raises(OSError, match=r"ftp://host: the MLflow store does not do this .*; choose a folder, or"):
        Tracking(mlflow="ftp://host").opened(SUBJECT)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file/mine-.*: no folder can be made here"):
        Tracking(tensorboard=tmp_path / "file").opened(SUBJECT)


def test_a_missing_mlflow_is_told_before_the_corpus_is_read(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    status = run_cv.main(["--dataset", "emodb", "--data-dir", str(tmp_path / "none"), "--mlflow", str(tmp_path)])
    assert status == 1
    assert 'pip install "acrnn[mlflow]"' in capsys.readouterr().err


def test_a_search_refuses_the_options(tmp_path, capsys):
    assert tune_depth.main(["--dataset", "toy", "--tensorboard", str(tmp_path)]) == 2
    assert "--tensorboard" in capsys.readouterr().err
