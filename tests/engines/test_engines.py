"""The choice of an engine, and the local one."""

import os
import subprocess
import sys
from functools import partial

import pytest
from support.engine_jobs import result_of, write_results

from acrnn.engines import LocalEngine, engine_of
from acrnn.errors import FieldError


def test_the_local_engine_is_the_default_and_takes_no_options_of_a_cluster():
    assert engine_of(None, 3) == engine_of("local", 3) == LocalEngine(3)
    for field, value in (("ray_address", "auto"), ("task_cpus", 2), ("task_gpus", 0.5)):
        with pytest.raises(FieldError, match=f"{field} {value}: it goes with the option engine ray only; leave it out"):
            engine_of("local", 1, **{field: value})


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_local_engine_does_every_task_once(tmp_path, jobs):
    events = []
    tasks = [(number,) for number in range(4)]
    engine = LocalEngine(jobs)
    arguments, result = (tmp_path, 0.01), partial(result_of, tmp_path)
    engine.run(write_results, tasks, lambda *event: events.append(event), arguments, tmp_path, result=result)
    assert sorted(events) == [("done", number, "value") for number in range(4)]
    starts = [line.split() for line in (tmp_path / "starts.txt").read_text().splitlines()]
    assert sorted(number for number, *_ in starts) == ["0", "1", "2", "3"]
    assert {parent == str(os.getpid()) for _, parent, _ in starts} == {jobs > 1}


def test_a_missing_extra_is_told():
    program = "import sys; sys.modules['ray'] = None; from acrnn.engines import engine_of; engine_of('ray', 1)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "the engine ray needs the extra [ray]" in done.stderr and 'pip install "acrnn[ray]"' in done.stderr


def test_the_engine_has_a_share_of_the_cores_for_each_task():
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    engine = engine_of("ray", 1)
    assert (engine.address, engine.cpus, engine.gpus) == ("auto", os.cpu_count(), 0)
    assert engine.at_once(5) == 1
    assert engine_of("ray", os.cpu_count(), "ray://head:10001", None, 0.5).cpus == 1
    assert engine_of("ray", 1, task_cpus=10_000).at_once(5) == 1
