"""Checksums of exported models: written on the card, compared before a file is loaded, and by `acrnn check`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.tiny_corpus import tiny_sound

from acrnn import files
from acrnn.cli import main
from acrnn.export import version_folder
from acrnn.inference import Recognizer, locate
from acrnn.model_card import CARD, Card

SOUND = tiny_sound("low", 0.5, 1).astype(np.float32)


@pytest.fixture
def model(tmp_path):
    """A copy of the included model with checksums on its card."""
    copy = Path(shutil.copytree(locate.version_folder(locate.DEFAULT), tmp_path / "mine" / "1"))
    Card.read(copy).write(copy)
    return copy


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_the_card_has_the_checksum_of_every_other_file(model):
    paths = {path.relative_to(model) for path in model.rglob("*") if path.is_file()}
    sums = Card.read(model).sha256
    assert {Path(name) for name in sums} == paths - {CARD}
    assert all(value == files.sha256_of_file(model / name) for name, value in sums.items())


@pytest.mark.parametrize(
    ("runtime", "file", "other"),
    [
        ("onnx", "model.onnx", "litert"),
        ("litert", "model.tflite", "onnx"),
        ("saved-model", "saved_model.pb", "onnx"),
        ("saved-model", "variables/variables.data-00000-of-00001", "onnx"),
        ("saved-model", "variables/variables.index", "onnx"),
    ],
)
def test_a_flipped_bit_is_refused_with_the_name_of_the_file_and_harms_no_other_format(
    model, runtime, file, other, capsys
):
    flip(model / file)
    with pytest.raises(
        ValueError, match=rf"{model / file}: damaged, its SHA-256 is not that on the card; copy it again"
    ):
        Recognizer.load(model, runtime)
    assert Recognizer.load(model, other).predict(SOUND, 16000)
    assert main(["check", str(model)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {model / file}: damaged, its SHA-256 is not that on the card; ")


def test_a_missing_part_of_a_saved_model_is_named(model):
    (model / "variables" / "variables.index").unlink()
    with pytest.raises(ValueError, match=r"variables/variables.index: missing; copy it again"):
        Recognizer.load(model, "saved-model")


def test_a_sound_model_passes_the_check(model, capsys):
    assert main(["check", str(model)]) == 0
    assert capsys.readouterr().out == f"{model}: every checksum is right\n"


def test_a_card_of_an_earlier_version_without_checksums_still_loads(model, capsys):
    card = json.loads((model / CARD).read_text())
    del card["sha256"]
    (model / CARD).write_text(json.dumps(card))
    assert Recognizer.load(model, "onnx").predict(SOUND, 16000)
    assert main(["check", str(model)]) == 1
    assert "its card has no checksums; export the model again" in capsys.readouterr().err


def test_a_replacement_that_a_kill_interrupted_keeps_the_old_version(model):
    model.rename(model.with_name(".replaced-1"))
    with pytest.raises(ValueError, match="it exists already"):
        version_folder.export(None, model, ("onnx",))
    assert [path.name for path in model.parent.iterdir()] == ["1"]
    assert Recognizer.load(model, "litert")


def test_folders_of_killed_exports_are_removed_and_the_lock_too(tmp_path, monkeypatch):
    out = tmp_path / "tiny" / "2"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = out.with_name(files.partial_path(out).name.replace(str(os.getpid()), str(ended.pid)))
    (left / "variables").mkdir(parents=True)
    monkeypatch.setattr(version_folder, "_write_all", lambda trained, folder, *rest: (folder / "model.onnx").touch())
    version_folder.export(None, out, ("onnx",))
    assert [path.name for path in out.parent.iterdir()] == ["2"]
