"""One network on several devices: the same training as on one device, and its errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from acrnn.crossval import Experiment, cross_validate
from acrnn.crossval.follower import check_hosts
from acrnn.crossval.run import read_run
from acrnn.distribution import choice, devices, hosts
from acrnn.distribution.replicas import row_parts
from acrnn.errors import FieldError
from acrnn.recipes import Recipe
from data_prep.__main__ import main as data_prep_main
from experiments import run_cv, tune_depth

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-5  # of losses and weights between one device and two; three epochs differ by 3e-7


@pytest.fixture(scope="module")
def two_devices(tiny_corpus, tmp_path_factory):
    """What tests/support/two_devices.py prints and writes."""
    folder = tmp_path_factory.mktemp("two-devices")
    records = folder / "records"
    preparation = ["manifest", "--data-dir", str(tiny_corpus), "--out", str(records), "--jobs", "1"]
    assert data_prep_main([*preparation, "--frontend", "han2014", "--segments", "han2014"]) == 0
    command = [sys.executable, "tests/support/two_devices.py", str(tiny_corpus), str(records), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return {**json.loads(done.stdout.splitlines()[-1]), "folder": folder, "errors": done.stderr}


def test_two_devices_have_the_loss_curve_of_one_device_with_the_whole_batch(two_devices):
    one, two = two_devices["none"], two_devices["mirrored"]
    np.testing.assert_allclose(one["curve"], two["curve"], rtol=0, atol=TOLERANCE)
    assert len(set(one["curve"])) == 3


def test_two_devices_end_with_the_weights_of_one_device_and_the_statistics_of_batch_normalization(two_devices):
    one, two = two_devices["none"]["weights"], two_devices["mirrored"]["weights"]
    assert "frame_norm/moving_variance" in one and "segment_norm/moving_mean" in one
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, rtol=0, atol=TOLERANCE, err_msg=name)


def test_replicas_draw_different_masks_of_dropout(two_devices):
    first, second = np.array(two_devices["dropped"])
    assert first.any() and second.any() and (first != second).any()


def test_the_command_trains_on_two_devices_and_the_run_states_the_replicas(two_devices):
    assert two_devices["statuses"][0] == 0
    (path,) = (two_devices["folder"] / "run" / "runs").glob("*.json")
    assert read_run(path).versions["distribute"] == "mirrored, 2 replicas"
    settings = json.loads((two_devices["folder"] / "run" / "experiment.json").read_text())["settings"]
    assert "distribute" not in json.dumps(settings)


def test_batches_of_fewer_segments_than_replicas_are_refused(two_devices):
    assert two_devices["statuses"][1] == 2
    assert (
        "--batch-size 1: each of the 2 replicas needs a segment of every batch; choose 2 or more"
        in two_devices["errors"]
    )


def test_replicas_get_all_rows_of_a_batch_once_and_each_gets_the_whole_of_a_batch_that_is_too_small():
    assert row_parts(7, 3).tolist() == [[0, 2], [2, 4], [4, 7]]
    assert row_parts(1, 2).tolist() == [[0, 1], [0, 1]]


def refused(capsys, *options):
    """The message of the command."""
    status = run_cv.main(["--dataset", "manifest", "--data-dir", "missing", *options])
    choice.demand(choice.NONE)
    assert status == 2
    return capsys.readouterr().err


def test_one_device_is_too_few(capsys):
    message = refused(capsys, "--distribute", "mirrored")
    assert message.startswith("error: --distribute mirrored: TensorFlow shows one device, ")


@pytest.mark.parametrize("options", [("--jobs", "2"), ("--engine", "ray")])
def test_every_run_takes_all_devices(options, capsys):
    message = refused(capsys, "--distribute", "mirrored", *options)
    assert message.startswith(f"error: {' '.join(options)}: ") and message.endswith("leave it out, or distribute\n")


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (None, "is not set"),
        ("{", "is not of the form"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}', "has 1 workers and the index 0"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}', "has 2 workers and the index 2"),
        ('{"cluster": {"worker": ["a:1", "b:1"], "ps": ["c:1"]}, "task": {"type": "worker", "index": 0}}', "other than workers"),
    ],
)  # fmt: skip
def test_a_cluster_that_is_not_described_is_named_with_the_variable(config, problem, monkeypatch, capsys):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config:
        monkeypatch.setenv("TF_CONFIG", config)
    message = refused(capsys, "--distribute", "multi-worker")
    assert "--distribute multi-worker: the environment variable TF_CONFIG" in message and problem in message


def test_a_backend_without_several_devices_is_named(monkeypatch):
    import keras

    monkeypatch.setenv("ACRNN_DISTRIBUTE", "mirrored")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(
        FieldError, match="the Keras backend is jax, and several devices are there with tensorflow only"
    ):
        devices.begin()


def test_a_search_over_several_hosts_is_refused_before_they_are_connected(monkeypatch, capsys):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert tune_depth.main(["--dataset", "toy", "--distribute", "multi-worker"]) == 2
    assert "--distribute multi-worker: a search trains every network on one host" in capsys.readouterr().err


def test_several_hosts_do_not_choose_a_precision_each(monkeypatch):
    experiment = Experiment(Path("records"), "chen2018-3d", Recipe(precision="auto"))
    check_hosts(experiment)
    monkeypatch.setenv("ACRNN_DISTRIBUTE", "multi-worker")
    with pytest.raises(FieldError, match="precision auto: each host would choose by its own measurement"):
        check_hosts(experiment)


@pytest.mark.parametrize(("folds", "problem"), [([99], "99"), (None, "no folder can be made here")])
def test_an_error_before_the_first_run_releases_the_other_workers(folds, problem, tiny_records, tmp_path, monkeypatch):
    monkeypatch.setenv("ACRNN_DISTRIBUTE", "multi-worker")
    released = []
    monkeypatch.setattr(hosts, "of_first", lambda value: released.append(value.tolist()))  # nobody listens here
    (tmp_path / "file").write_text("")
    with pytest.raises((ValueError, OSError), match=problem):
        cross_validate(Experiment(tiny_records, "chen2018-3d", Recipe()), tmp_path / "file" / "out", folds)
    assert released == [[0, 0, 0]]
