"""What the product installs and fetches: bounded versions, the tested set, and no access to a network."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]


@pytest.fixture
def requirements(monkeypatch):
    """All requirements in setup.py."""
    given = {}
    monkeypatch.setattr(setuptools, "setup", given.update)
    runpy.run_path(str(ROOT / "setup.py"))
    texts = [*given["install_requires"], *(text for extra in given["extras_require"].values() for text in extra)]
    return [Requirement(text) for text in texts]


def test_every_requirement_has_a_lowest_version_and_excludes_the_next_major_one(requirements):
    assert len(requirements) > 50
    for requirement in requirements:
        assert {each.operator for each in requirement.specifier} == {">=", "<"}, str(requirement)


def test_the_tested_set_meets_every_requirement(requirements):
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    tested = {
        canonicalize_name(name): Version(version) for name, _, version in (line.partition("==") for line in lines)
    }
    optional = {"faster-whisper", "torch"}  # large, and needed by no test that must run
    for requirement in requirements:
        name = canonicalize_name(requirement.name)
        if name not in optional and (
            requirement.marker is None or requirement.marker.evaluate({"python_version": "3.11"})
        ):
            assert tested[name] in requirement.specifier, f"{requirement}, and constraints.txt has {tested[name]}"


OFFLINE = """
import socket, sys

def refuse(*arguments, **keywords):
    raise RuntimeError(f"network access: {arguments}")

for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse)
socket.getaddrinfo = socket.create_connection = refuse
sys.addaudithook(lambda event, given: refuse(event, given) if event in ("socket.connect", "socket.getaddrinfo") else None)

import numpy
import acrnn, acrnn.cli, data_prep.__main__, experiments.run_cv
from acrnn.toy_speech.speech import utterance_waveform

recognizer = acrnn.Recognizer.load(runtime=sys.argv[1])
print(recognizer.predict(utterance_waveform(1, "anger", 1), 16000).emotion in recognizer.labels)
if sys.argv[1:] == ["onnx", "fault"]:
    import urllib.request
    urllib.request.urlopen("http://127.0.0.1:9/")
"""


def offline(*arguments):
    command = [sys.executable, "-c", OFFLINE, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("runtime", ["onnx", "litert", "saved-model"])
def test_import_and_prediction_need_no_network(runtime):
    done = offline(runtime)
    assert (done.stdout.split(), done.returncode) == (["True"], 0), done.stderr


def test_the_test_notices_network_access():
    done = offline("onnx", "fault")
    assert done.returncode == 1 and "network access" in done.stderr


NETWORK_MODULES = ("pooch", "urllib.request", "requests", "httpx", "urllib3", "aiohttp", "ftplib")
# Both verify what they fetch: AlexNet's weights by the SHA-256 of the file, Emo-DB by that of its 535 recordings.
DOWNLOADS = {"acrnn/recipes/initial_weights.py", "data_prep/corpora/emodb.py"}


def test_only_downloads_with_a_checksum_fetch_anything():
    fetching = {
        str(path.relative_to(ROOT))
        for folder in ("acrnn", "data_prep")
        for path in (ROOT / folder).rglob("*.py")
        if any(f"import {name}\n" in (text := path.read_text()) or f"from {name} " in text for name in NETWORK_MODULES)
    }
    assert fetching == DOWNLOADS
    assert all("SHA256" in (ROOT / path).read_text() for path in DOWNLOADS)
