"""The messages on the page of frequent errors are those that the commands print."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.pages import ROOT
from support.tiny_corpus import tiny_sound

from acrnn import cli
from data_prep.__main__ import main as data_prep
from experiments import run_cv

PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
MESSAGES = dict(re.findall(r"^### ([^\n]+)\n+```text\n([^\n]+)\n```$", PAGE, re.MULTILINE))
FINISHED = ROOT / "experiments" / "results" / "emodb_tuned_reduced" / "3d_conv1"
INCLUDED = ROOT / "saved_models" / "acrnn_emodb"


def table(folder: Path, *lines: str) -> list[str]:
    """Arguments that prepare a table of these lines; its folder has sound files, good and bad."""
    folder.mkdir(exist_ok=True)
    soundfile.write(folder / "a.wav", tiny_sound("low", 0.5, 1), 16000)
    soundfile.write(folder / "b.wav", tiny_sound("high", 0.5, 2), 16000)
    soundfile.write(folder / "silent.wav", np.zeros(8000), 16000)
    (folder / "short.wav").write_bytes((folder / "a.wav").read_bytes()[:-1000])
    soundfile.write(folder / "eight.wav", tiny_sound("low", 0.5, 1), 16000, subtype="PCM_U8")
    (folder / "recordings.csv").write_text("\n".join(lines) + "\n")
    data_dir, out = str(folder / "recordings.csv"), str(folder / "records")
    return ["manifest", "--data-dir", data_dir, "--out", out, "--jobs", "1"]


def experiment(records: Path, out: Path, *options: str) -> list[str]:
    """Arguments of a cross-validation on records of the corpus `manifest`."""
    return ["--dataset", "manifest", "--records", str(records), "--output-dir", str(out), *options]


def changed_records(records: Path, folder: Path, change) -> Path:
    """A copy of a record set with another content."""
    copy = Path(shutil.copytree(records, folder / "copy"))
    change(copy)
    return copy


def append_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


HEADER = "path,label,speaker"
GOOD = ("a.wav,low,s1", "b.wav,high,s1")
CASES = {
    "The recordings are not there": lambda r, t: data_prep(["emodb", "--out", str(t / "records")]),
    "The folder does not exist": lambda r, t: data_prep(
        ["emodb", "--data-dir", str(t / "nothing"), "--out", str(t / "records")]
    ),
    "The counts differ from the published ones": lambda r, t: (
        soundfile.write(t / "03a01Fa.wav", tiny_sound("low", 0.5, 1), 16000),
        data_prep(["emodb", "--data-dir", str(t), "--out", str(t / "records")]),
    ),
    "A column is missing": lambda r, t: data_prep(table(t, "path,label", "a.wav,low")),
    "A cell is empty": lambda r, t: data_prep(table(t, HEADER, "a.wav,low,")),
    "A sound file does not exist": lambda r, t: data_prep(table(t, HEADER, "missing.wav,low,s1")),
    "An emotion is not among the labels": lambda r, t: data_prep(
        [*table(t, HEADER, "a.wav,low,s1", "silent.wav,high,s2"), "--labels", "low"]
    ),
    "A recording is silent": lambda r, t: data_prep(table(t, HEADER, "a.wav,high,s1", "silent.wav,low,s1")),
    "A recording is truncated": lambda r, t: data_prep(table(t, HEADER, "a.wav,high,s1", "short.wav,low,s1")),
    "A recording has 8-bit samples": lambda r, t: data_prep(table(t, HEADER, "a.wav,high,s1", "eight.wav,low,s1")),
    "The speakers of a folder are unknown": lambda r, t: (
        table(t / "low", HEADER),
        data_prep(["folder", "--data-dir", str(t), "--out", str(t / "records")]),
    ),
    "There are too few speakers": lambda r, t: (
        data_prep(table(t, HEADER, *GOOD)),
        run_cv.main(experiment(t / "records", t / "run")),
    ),
    "The records were made by another front end": lambda r, t: run_cv.main(
        experiment(r, t / "run", "--model", "han2014-dnn-elm")
    ),
    "The records are damaged": lambda r, t: run_cv.main(
        experiment(changed_records(r, t, lambda copy: append_byte(copy / "utterances.csv")), t / "run")
    ),
    "The folder holds another experiment": lambda r, t: (
        shutil.copytree(FINISHED, t / "run"),
        run_cv.main(experiment(r, t / "run")),
    ),
    "Another process writes the folder": lambda r, t: (
        command := table(t, HEADER, *GOOD),
        (t / "records").mkdir(),
        (t / "records" / ".lock").write_text("12\nelsewhere\n"),
        data_prep(command),
    ),
    "A value is out of range": lambda r, t: run_cv.main(experiment(r, t / "run", "--conv-layers", "9")),
    "The network has no such field": lambda r, t: run_cv.main(experiment(r, t / "run", "--network", "layers=3")),
    "The system reads text, and there is none": lambda r, t: (
        data_prep([*table(t, HEADER, *GOOD), "--frontend", "peng2021", "--segments", "han2014"]),
        run_cv.main(experiment(t / "records", t / "run", "--model", "peng2021-text")),
    ),
    "The model does not exist": lambda r, t: cli.main(["predict", "my.wav", "--model", "nothing"]),
    "The model has no file for the runtime": lambda r, t: cli.main(
        ["predict", "my.wav", "--model", str(INCLUDED), "--runtime", "onnx-int8"]
    ),
    "Refitting needs the records": lambda r, t: cli.main(["export", "--run", "run", "--refit", "--out", "m/1"]),
    "The version exists already": lambda r, t: cli.main(["export", "--run", str(t), "--out", str(INCLUDED / "1")]),
}


def test_the_page_has_a_message_for_each_case_and_no_other():
    assert list(MESSAGES) == list(CASES)
    assert len(MESSAGES) >= 20


@pytest.mark.parametrize("case", CASES)
def test_the_command_prints_the_message(case, tiny_records, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EMODB_ROOT", raising=False)
    CASES[case](tiny_records, tmp_path)
    printed = capsys.readouterr().err
    pattern = ".*".join(re.escape(part) for part in MESSAGES[case].split("…"))
    assert re.search(rf"^(error| +\w+): {pattern}$", printed, re.MULTILINE), printed


def test_a_loss_that_is_not_finite_is_reported_with_the_remedy_of_the_page():
    remedy = re.search(r"lower `--([\w-]+)` or set `--([\w-]+)`", PAGE)
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "acrnn" / "training").glob("*.py"))
    said = re.search(r"the training loss is .*?; lower (\S+) or set (\w[\w-]+|--[\w-]+)", sources)
    assert remedy
    assert said
    assert [name.replace("-", "_") for name in remedy.groups()] == [
        name.removeprefix("--").replace("-", "_") for name in said.groups()
    ]
