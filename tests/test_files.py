"""Files: atomic writing, errors that name the path, temporary files of killed processes."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from acrnn import files


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (
            errno.ENOSPC,
            r"a.json: cannot be written \(No space left on device\); free some space, or choose another folder",
        ),
        (
            errno.EROFS,
            r"a.json: cannot be written \(Read-only file system\); change its permissions, or choose another",
        ),
    ],
)
def test_a_full_or_read_only_disk_is_named_with_the_path_and_leaves_the_file_as_it_was(
    tmp_path, monkeypatch, number, message
):
    (tmp_path / "a.json").write_text("before")

    def fail(self, text, **options):
        Path.touch(self)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match=message):
        files.write_json(tmp_path / "a.json", {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"] and (tmp_path / "a.json").read_text() == "before"


def test_other_errors_stay_as_they_are(tmp_path):
    with pytest.raises(ZeroDivisionError), files.atomic_path(tmp_path / "a"):
        _ = 1 / 0
    with (
        pytest.raises(FileNotFoundError, match="No such file"),
        files.atomic_path(tmp_path / "gone" / "a") as temporary,
    ):
        temporary.touch()


def test_temporary_files_of_this_process_and_recent_ones_of_other_hosts_stay(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    own = files.partial_path(tmp_path / "a.json")
    dead = tmp_path / own.name.replace(f".{os.getpid()}-", f".{ended.pid}-")
    recent, old = tmp_path / ".partial-000000.7-a.json", tmp_path / ".partial-000000.8-a.json"
    for path in (own, dead, recent, old):
        path.write_text("half")
    os.utime(old, (time.time() - 100_000,) * 2)
    files.remove_partial(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([own, recent])
