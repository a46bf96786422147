"""Worker processes: a pool whose process is killed, as from the kernel where memory is short."""

import os
import signal

import pytest

from acrnn.workers import pool


def kill_itself(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_killed_process_of_a_pool_is_told_with_a_remedy():
    told = pytest.raises(
        RuntimeError, match="a worker process died, possibly out of memory; run again with fewer jobs$"
    )
    with told, pool(1) as executor:
        list(executor.map(kill_itself, [1]))


def test_a_pool_prepares_its_processes():
    with pool(1, os.putenv, ("ACRNN_TEST", "1")) as executor:
        assert executor.submit(abs, -1).result() == 1
