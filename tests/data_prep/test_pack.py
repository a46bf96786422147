"""Packed records: the identity and the segments of the records, read without TensorFlow."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from acrnn import cli
from acrnn.batches.sources import Feeder
from acrnn.records import RecordSet
from data_prep.__main__ import main
from experiments import run_cv

FIELDS = ("features", "num_frames", "labels", "utterances")


@pytest.fixture(scope="module")
def packed(tiny_records, tmp_path_factory) -> Path:
    """Folder of the packed tiny records in float32; tests must not change it."""
    out = tmp_path_factory.mktemp("packed") / "records"
    assert main(["pack", str(tiny_records), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def half(tiny_records, tmp_path_factory) -> Path:
    """Folder of the packed tiny records in float16; tests must not change it."""
    out = tmp_path_factory.mktemp("packed") / "half"
    assert main(["pack", str(tiny_records), "--out", str(out), "--dtype", "float16"]) == 0
    return out


def test_packed_records_have_the_identity_the_table_and_the_segments_of_the_records(packed, tiny_records):
    one, other = RecordSet(tiny_records), RecordSet(packed)
    assert not list(packed.glob("*.tfrecord")) and other.manifest.is_packed and not one.manifest.is_packed
    assert other.manifest.content_sha256 == one.manifest.content_sha256
    assert other.utterances == one.utterances and other.sounds.sha256 == one.sounds.sha256
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(other.load(), name), getattr(one.load(), name))


def test_half_the_precision_has_the_identity_of_records_prepared_so(half, tiny_records, tiny_corpus, tmp_path):
    out = tmp_path / "prepared"
    assert (
        main(["manifest", "--data-dir", str(tiny_corpus), "--out", str(out), "--jobs", "1", "--dtype", "float16"]) == 0
    )
    prepared, own = RecordSet(out), RecordSet(half)
    assert own.manifest.content_sha256 == prepared.manifest.content_sha256
    assert own.manifest.content_sha256 != RecordSet(tiny_records).manifest.content_sha256
    assert own.load().features.dtype == np.float16
    np.testing.assert_array_equal(own.load().features, prepared.load().features)


def test_chosen_utterances_are_loaded_without_tensorflow_in_the_order_of_the_table(packed, tiny_records, monkeypatch):
    expected = RecordSet(tiny_records).load([20, 3, 4])
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # any import of it fails from here on
    record_set = RecordSet(packed)
    chosen = record_set.load([20, 3, 4])
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(chosen, name), getattr(expected, name))
    assert len(record_set.load([])) == 0
    assert record_set.check() == []
    with pytest.raises(ImportError, match="^TensorFlow is missing .*pip install tensorflow.* KERAS_BACKEND=jax"):
        RecordSet(tiny_records).load()


def test_packed_records_are_held_in_memory_whatever_their_size(packed):
    source = Feeder(RecordSet(packed), memory_bytes=0).source(["s0_low_0"])
    assert [batch.labels.tolist() for batch in source.ordered(4)] == [[1]]
    with pytest.raises(ValueError, match="packed records cannot be streamed"):
        RecordSet(packed).dataset()


def test_packing_again_changes_nothing_and_other_records_are_refused(half, tiny_records, capsys):
    before = {path.name: path.stat().st_mtime_ns for path in half.iterdir()}
    assert main(["pack", str(tiny_records), "--out", str(half), "--dtype", "float16"]) == 0
    assert {path.name: path.stat().st_mtime_ns for path in half.iterdir()} == before
    assert "as float16" in capsys.readouterr().out
    assert main(["pack", str(tiny_records), "--out", str(half)]) == 1
    assert f"{half}: holds other records; choose another folder" in capsys.readouterr().err


def test_packed_records_are_not_packed_again(half, tmp_path, capsys):
    assert main(["pack", str(half), "--out", str(tmp_path / "again")]) == 2
    assert "they are packed already; name the records" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"), "damaged, SHA-256"),
        (lambda path: path.unlink(), "missing; delete the folder"),
    ],
)
def test_a_damaged_file_is_named(packed, tmp_path, capsys, damage, message):
    copy = Path(shutil.copytree(packed, tmp_path / "copy"))
    damage(copy / "speaker-s1.npz")
    assert cli.main(["check", str(copy)]) == 1
    error = capsys.readouterr().err
    assert f"{copy / 'speaker-s1.npz'}: {message}" in error


def test_an_experiment_takes_packed_records_of_its_corpus_and_subset_alone(packed, tmp_path, capsys):
    options = ["--records", str(packed), "--output-dir", str(tmp_path)]
    assert run_cv.main(["--dataset", "emodb", *options]) == 2
    assert "holds 'manifest', not 'emodb'" in capsys.readouterr().err
    assert run_cv.main(["--dataset", "manifest", "--subset", "improvised", *options]) == 2
    assert f"--subset improvised: {packed} holds the subset None" in capsys.readouterr().err
