"""Locks of output folders, with real processes: one writer, shared tasks, killed holders, and holders of other hosts."""

import os
import re
import subprocess
import sys
import time

import pytest

from acrnn.output import lock

EXCLUSIVE = """
with lock.exclusive(folder):
    print("held", flush=True)
    time.sleep(60)
"""
SHARED = """
with lock.shared(folder, lambda others: None), lock.task(folder / "a.json") as is_own:
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def started():
    """Starts a process that holds a lock of a folder; ends it after the test."""
    processes = []

    def start(body, folder):
        program = (
            f"import time\nfrom pathlib import Path\nfrom acrnn.output import lock\nfolder = Path({str(folder)!r})\n"
        )
        process = subprocess.Popen([sys.executable, "-c", program + body], stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def test_a_folder_that_another_process_writes_is_refused_with_the_process(started, tmp_path):
    process = started(EXCLUSIVE, tmp_path)
    since = time.strftime("%Y-%m-%d")
    with pytest.raises(lock.FolderInUseError) as refusal, lock.exclusive(tmp_path):
        pass
    pattern = rf"{tmp_path}: process {process.pid} on \S+ since {since} \d\d:\d\d \(if it has ended, delete {tmp_path}/.lock\)"
    assert re.match(pattern, str(refusal.value))
    with pytest.raises(lock.FolderInUseError), lock.exclusive(tmp_path, patience_seconds=0.1):
        pass


def test_the_lock_of_a_killed_process_is_replaced_and_removed(started, tmp_path):
    process = started(EXCLUSIVE, tmp_path)
    process.kill()
    process.wait()
    with lock.exclusive(tmp_path):
        assert (tmp_path / lock.LOCK).exists()
    assert not list(tmp_path.iterdir())


def test_a_lock_whose_process_was_killed_before_it_wrote_its_name_is_replaced(tmp_path):
    for path in (tmp_path / lock.LOCK, lock.task_lock(tmp_path / "a.json")):
        path.touch()
        assert not lock.is_free(path)  # its process may be about to write its name
        os.utime(path, (0, time.time() - 60))
    with lock.exclusive(tmp_path):
        assert (tmp_path / lock.LOCK).stat().st_size > 0
    with lock.task(tmp_path / "a.json") as is_own:
        assert is_own


def test_a_young_lock_without_a_name_is_watched_and_replaced_whatever_its_date(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_UNWRITTEN_SECONDS", 0.2)
    (tmp_path / lock.LOCK).touch()
    os.utime(tmp_path / lock.LOCK, (0, time.time() + 3600))  # the clock was set back
    with lock.exclusive(tmp_path):
        assert (tmp_path / lock.LOCK).stat().st_size > 0


def test_the_lock_of_another_host_is_refused_with_the_file_to_delete(tmp_path):
    path = tmp_path / lock.LOCK
    path.write_text("12\nelsewhere\n")
    with (
        pytest.raises(lock.FolderInUseError, match=rf"process 12 on elsewhere since .* delete {path}"),
        lock.exclusive(tmp_path),
    ):
        pass
    path.unlink()
    with lock.exclusive(tmp_path):
        pass


def test_processes_share_a_folder_and_each_task_has_one_of_them(started, tmp_path):
    process = started(SHARED, tmp_path)
    seen = []
    with lock.shared(tmp_path, seen.extend), lock.task(tmp_path / "a.json") as a, lock.task(tmp_path / "b.json") as b:
        assert (a, b) == (False, True)
        assert not lock.is_free(lock.task_lock(tmp_path / "a.json"))
    assert len(seen) == 1 and seen[0].startswith(f"process {process.pid} on ")
    process.kill()
    process.wait()
    seen.clear()
    with lock.shared(tmp_path, seen.extend), lock.task(tmp_path / "a.json") as a:
        assert a and not seen


def test_a_claim_that_is_refused_leaves_no_lock(tmp_path):
    def refuse(others):
        raise ValueError("other settings")

    with pytest.raises(ValueError, match="other settings"), lock.shared(tmp_path, refuse):
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OSError, match=f"{tmp_path}/file/out: no folder can be made here"),
        lock.exclusive(tmp_path / "file" / "out"),
    ):
        pass
