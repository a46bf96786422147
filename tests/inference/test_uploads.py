"""The folder of the demonstration page's uploads, and their limits."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from acrnn.inference.uploads import UploadLimits, upload_folder

PAGE = """
import time
from acrnn.inference.uploads import upload_folder
with upload_folder() as folder:
    (folder / "sound.wav").write_bytes(bytes(1000))
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Folder for temporary files, of this process and of those that it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_the_folder_of_a_killed_page_is_removed_by_the_next_and_that_of_a_running_one_is_not(temporary):
    process = subprocess.Popen([sys.executable, "-c", PAGE], stdout=subprocess.PIPE, text=True)
    left = Path(process.stdout.readline().strip())
    try:
        with upload_folder() as own:
            assert (left / "sound.wav").exists() and own.parent == left.parent == temporary
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert (left / "sound.wav").exists()
    with upload_folder() as own:
        assert [*temporary.iterdir()] == [own]
    assert not list(temporary.iterdir())


def test_a_link_in_the_place_of_a_folder_is_left_alone(temporary, tmp_path_factory):
    target = tmp_path_factory.mktemp("mine")
    (target / "letter.txt").write_text("mine")
    (temporary / "acrnn-demo-link").symlink_to(target)
    with upload_folder():
        assert [path.name for path in target.iterdir()] == ["letter.txt"]


def responses(limits, *requests):
    """Answers to requests that are sent at the same time, each (path, content)."""

    async def send():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(limits), base_url="http://page") as client:
            return await asyncio.gather(*(client.post(path, content=content) for path, content in requests))

    return [(answer.status_code, answer.text) for answer in asyncio.run(send())]


async def slow_page(scope, receive, send):
    """A page that answers after a moment."""
    await asyncio.sleep(0.2)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})


def test_uploads_are_refused_when_those_on_disk_and_those_on_their_way_reach_the_limit(tmp_path):
    (tmp_path / "earlier.wav").write_bytes(bytes(400))
    limits = UploadLimits(slow_page, tmp_path, most_bytes=1000)
    first, second = responses(limits, ("/gradio_api/upload", bytes(500)), ("/gradio_api/upload", bytes(500)))
    assert first == (200, "done") and second == (413, "the page holds too many uploads; try again in an hour")
    assert responses(limits, ("/gradio_api/upload", bytes(500)))[0] == (200, "done")
    assert responses(limits, ("/gradio_api/queue/join", bytes(5000)))[0] == (200, "done")


def test_an_upload_without_its_length_is_refused(tmp_path):
    async def parts():
        yield bytes(500)

    assert responses(UploadLimits(slow_page, tmp_path), ("/gradio_api/upload", parts()))[0][0] == 411


def test_requests_beyond_the_limit_are_refused_and_later_ones_are_not(tmp_path):
    limits = UploadLimits(slow_page, tmp_path, most_requests=2)
    statuses = [status for status, _ in responses(limits, *[("/", b"")] * 4)]
    assert sorted(statuses) == [200, 200, 503, 503]
    assert responses(limits, ("/", b""))[0] == (200, "done")
