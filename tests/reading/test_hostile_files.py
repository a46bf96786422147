"""Damaged and hostile files at the readers: every one raises the project's error with the name of the file."""

import io
import json
import os
import shutil
import zipfile

import numpy as np
import pytest
from support.pages import ROOT

from acrnn import files, vector_tables
from acrnn.crossval.results import EXPERIMENT, RESULTS, read_experiment, read_results
from acrnn.errors import FileError
from acrnn.inference.speaker_profile import SpeakerProfile
from acrnn.model_card import CARD, Card
from acrnn.models.zhang2021 import weight_files
from acrnn.reading import check_type, is_file
from acrnn.reading.npz import read_npz
from acrnn.records import RecordSet
from acrnn.text import transcripts

INCLUDED = ROOT / "saved_models" / "acrnn_emodb" / "1"
DEEP = "[" * 200_000 + "]" * 200_000
VALUES = (None, True, -1, 1.5, "x", [], {}, [1], {"x": 1}, [[]], 10**400)


def refusal(path, read) -> str:
    with pytest.raises(FileError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


@pytest.mark.parametrize("read", [lambda path: files.read_json(path, "remedy"), transcripts.read])
@pytest.mark.parametrize("text", [DEEP, "[" * 60 + "]" * 60 + " ", "{", "1" * 5000, "\x00", '{"a": NaN}'])
def test_json_of_any_content_raises_the_same_error(tmp_path, read, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    refusal(path, read)


def test_json_in_a_pipe_or_of_another_encoding_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    assert "a pipe, not a file; remedy" in refusal(tmp_path / "pipe.json", lambda path: files.read_json(path, "remedy"))
    (tmp_path / "a.json").write_bytes(b'{"a": "\xff"}')
    assert "byte 7 is not UTF-8" in refusal(tmp_path / "a.json", lambda path: files.read_json(path, "remedy"))


def test_a_name_too_long_for_a_file_is_refused_in_few_words(tmp_path):
    path = tmp_path / ("x" * 5000)
    assert not is_file(path)
    with pytest.raises(FileError, match=r"xx…: no name of a file, it is too long; remedy$") as caught:
        files.read_json(path, "remedy")
    assert len(str(caught.value)) < 300


def card_with(folder, name, value):
    (folder / CARD).parent.mkdir(exist_ok=True)
    card = json.loads((INCLUDED / CARD).read_text(encoding="utf-8"))
    *outer, last = name.split(".")
    place = card
    for part in outer:
        place = place[part]
    place[last] = value
    (folder / CARD).write_text(json.dumps(card))
    return folder / CARD


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("labels", 5, "labels is 5 instead of a list"),
        ("labels", ["a", 1], r"labels\[1\] is 1 instead of a text"),
        ("labels", [], "labels are not different emotions"),
        ("corpus", {}, "corpus has no 'title'"),
        ("fitted_on.speakers", None, "fitted_on.speakers is None instead of a list"),
        ("estimate.per_class", [3], r"estimate.per_class\[0\] is 3 instead of an object"),
        ("max_seconds", 0, "max_seconds is 0"),
        ("max_seconds", True, "max_seconds is True instead of a number"),
        ("frontend", [], ""),
        ("frontend.sample_rate_hz", "16000", "sample_rate_hz is '16000' instead of a whole number"),
        ("segments.tail", "x", "tail is 'x' instead of one of"),
        ("speaker_dense", {"mean": 1}, ""),
    ],
)
def test_a_card_with_a_value_of_another_type_is_refused_by_field(tmp_path, name, value, reason):
    path = card_with(tmp_path, name, value)
    with pytest.raises(FileError, match=f"card.json: not the card of a model of this version .*{reason}") as caught:
        Card.read(tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("value", VALUES)
def test_a_sealed_file_of_wrong_types_is_refused(tmp_path, value):
    """Files whose checksum is right, such as those that another program wrote."""
    readers = {
        "manifest.json": lambda path: RecordSet(path.parent),
        RESULTS: lambda path: read_results(path.parent),
        EXPERIMENT: lambda path: read_experiment(path.parent),
        "me.json": SpeakerProfile.load,
    }
    contents = [
        {"format": "acrnn-results", "settings": value, "runs": value, "versions": value, "planned_folds": value},
        {"format_version": 1, "corpus": value, "labels": value, "frontend": value, "segments": value, "shards": value},
        {"format": "acrnn-speaker", "format_version": 1, "model": value, "num_recordings": value, "seconds": value},
    ]
    for name, read in readers.items():
        for content in contents:
            files.write_sealed_json(tmp_path / name, content)
            refusal(tmp_path / name, read)


def test_a_manifest_with_an_unknown_precision_is_refused(tiny_records, tmp_path):
    path = shutil.copytree(tiny_records, tmp_path / "records") / "manifest.json"
    values = files.read_sealed_json(path, "remedy")
    files.write_sealed_json(path, {**values, "dtype": "x"})
    assert "dtype is 'x' instead of one of float32, float16" in refusal(path, lambda path: RecordSet(path.parent))


def npz(path, **members: bytes):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def npy(shape, dtype="<f4", values=b"") -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
    return header.getvalue() + values


@pytest.mark.parametrize(
    "content", [npy((2**40,)), npy((3,), values=bytes(8)), npy(()) + b"x", b"\x93NUMPY\x01\x00\x06\x00(((((\n", b""]
)
def test_an_npz_whose_headers_do_not_fit_its_content_takes_no_memory(tmp_path, content):
    path = npz(tmp_path / "a.npz", a=content)
    for read in (vector_tables.read, lambda path: read_npz(path, "remedy")):
        refusal(path, read)


@pytest.mark.parametrize("suffix", ["ark", "scp"])
def test_a_kaldi_matrix_larger_than_its_file_takes_no_memory(tmp_path, suffix):
    pytest.importorskip("kaldiio")
    sizes = b"\x04" + (2**31 - 1).to_bytes(4, "little")
    (tmp_path / "a.ark").write_bytes(b"u1 \0BFM " + sizes + sizes)
    (tmp_path / "a.scp").write_text(f"u1 {tmp_path / 'a.ark'}:3\n")
    assert "values in" in refusal(tmp_path / f"a.{suffix}", vector_tables.read)


def test_an_scp_file_leads_to_regular_files_only(tmp_path):
    pytest.importorskip("kaldiio")
    os.mkfifo(tmp_path / "pipe.ark")
    (tmp_path / "a.scp").write_text(f"u1 {tmp_path / 'pipe.ark'}:3\n")
    with pytest.raises(FileError, match="a pipe, not a file"):
        vector_tables.read(tmp_path / "a.scp")


@pytest.mark.parametrize(
    "content",
    [
        b"\x93NUMPY\x01\x00\x06\x00(((((\n",
        b"\x93NUMPY\x09\x09",
        b"\x93NUMPY",
        b"\x80\x02" + b"(" * 100,
        len(DEEP).to_bytes(8, "little") + DEEP.encode(),
        (2).to_bytes(8, "little") + b"[]",
        (100 * 2**20).to_bytes(8, "little"),
    ],
)
def test_a_damaged_file_of_weights_is_refused(tmp_path, content):
    (tmp_path / "weights").write_bytes(content)
    refusal(tmp_path / "weights", weight_files.read)


def test_a_compressed_archive_of_weights_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(2**20))
    assert "a compressed archive" in refusal(tmp_path / "a.pth", weight_files.read)


def test_types_are_compared_as_json_writes_them():
    for value, expected in ((1, float), ([1, 2], tuple[int, ...]), (None, int | None), ({"a": 1}, dict[str, int])):
        check_type(value, expected, "x")
    for value, expected in ((True, int), (1, bool), ("ab", list[str]), ([1, "a"], list[int]), (1.5, int), ([], dict)):
        with pytest.raises(ValueError, match="instead of"):
            check_type(value, expected, "x")
