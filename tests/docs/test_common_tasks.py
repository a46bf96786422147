"""The commands of the page Common tasks run from the built package, in a folder without a checkout."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.media_files import encoded
from support.pages import ROOT, commands
from support.ports import free_port

from acrnn.toy_speech.speech import utterance_waveform

PAGE = ROOT / "docs" / "common_tasks.md"
SERVERS = ("serve", "serve-demo")
# Runs all commands in one process, since every process imports TensorFlow for some seconds.
PROGRAM = """
import contextlib, json, sys
site, commands = json.load(sys.stdin)
sys.path.insert(0, site)
from acrnn.cli import main
for arguments in commands:
    with open("output.txt", "w") as output, contextlib.redirect_stdout(output):
        try:
            status = main(arguments)
        except SystemExit as error:
            status = error.code
    print(json.dumps([arguments, status, open("output.txt").read()]), flush=True)
    if status:
        break
print(json.dumps([name for name in ("acrnn", "data_prep", "experiments") if not sys.modules[name].__file__.startswith(site)]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The folder into which the package is installed."""
    checkout, site = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("site")
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, checkout)
    for name in ("acrnn", "data_prep", "experiments", "saved_models"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("results", "__pycache__"))
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--no-compile", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(checkout)], check=True)
    return site


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with the recordings and tables of the page."""
    folder = tmp_path_factory.mktemp("empty")
    for name in ("recordings", "calls"):
        (folder / name).mkdir()
    studio, ratings, calls, split = ["path,label,speaker"], ["file;emotion;actor"], ["path,label,speaker"], []
    parts = {"anna": "train", "bert": "train", "cleo": "dev", "dora": "test"}
    for number, (speaker, part) in enumerate(parts.items(), start=1):
        for emotion, take in [("anger", 1), ("anger", 2), ("sadness", 1), ("sadness", 2)]:
            path = f"recordings/{emotion}-{speaker}_{take}.wav"
            soundfile.write(folder / path, utterance_waveform(number, emotion, take), 16000)
            studio.append(f"{path},{emotion},{speaker}")
            split.append(f"{path},{emotion},{part}")
            ratings.append(f"{path};{'furious' if (emotion, take) == ('anger', 2) else emotion};{speaker}")
            caller = f"caller{number}"
            path = f"calls/{caller}{emotion}{take}.wav"
            soundfile.write(folder / path, utterance_waveform(number + 4, emotion, take), 16000)
            calls.append(f"{path},{emotion},{caller}")
    ratings.append(f"{calls[1].split(',')[0]};boredom;anna")
    for name, lines in {"studio": studio, "calls": calls, "ratings": ratings}.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (folder / "split.csv").write_text("\n".join(["path,label,split", *split]) + "\n")
    interview = np.concatenate([utterance_waveform(2, emotion, 3) for emotion in ("neutral", "anger", "sadness")])
    soundfile.write(folder / "interview.wav", interview, 16000)
    voice = np.round(32767 * interview).astype(np.int16)
    (folder / "voice.m4a").write_bytes(encoded(voice, container="ipod", codec="aac", rate=16000))
    return folder


def shorter(command: list[str]) -> list[str]:
    """A command whose network, of the size that the page names, is trained for a moment."""
    match command:
        case ["train", *_]:
            return [*command, "--epochs", "1", "--folds", "0" if "prescribed" in command else "0-1"]
        case ["cross-corpus", *_]:
            return [*command, "--epochs", "1"]
    return command


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def test_every_task_runs_from_the_package_in_a_folder_of_its_own(site, folder):
    shown = [command[1:] for command in commands(PAGE)]
    assert {command[0] for command in commands(PAGE)} == {"acrnn"} and len(shown) > 25
    jobs = [shorter(command) for command in shown if command[0] not in SERVERS]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([str(site), jobs]),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    *outcomes, foreign = map(json.loads, done.stdout.splitlines())
    assert outcomes[-1][1] == 0, (outcomes[-1], done.stderr[-2000:])
    assert [arguments for arguments, _, _ in outcomes] == jobs and foreign == []
    outputs = {" ".join(arguments[:2]): output for arguments, _, output in outcomes}
    assert "16 utterances" in outputs["prepare inspect"]
    table = next(output for arguments, _, output in outcomes if "--csv" in arguments)
    assert table.startswith("source,emotion,anger,sadness") and table.count("\n") == 17
    assert "UAR" in (folder / "comparison.md").read_text()
    assert "IntervalTier" in (folder / "interview.TextGrid").read_text()
    assert json.loads((folder / "me.json").read_text())["seconds"] > 10


@pytest.mark.parametrize("command", SERVERS)
def test_the_servers_start_from_the_package(command, site, folder):
    program = f"import sys; sys.path.insert(0, {str(site)!r}); from acrnn.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", program, command, "--port", str(free_port())],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "http://" in line:
                break
        assert "http://127.0.0.1:" in lines[-1], lines
    finally:
        process.kill()
        process.communicate()
