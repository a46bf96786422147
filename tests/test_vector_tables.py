"""Tables of vectors: files of Kaldi and numpy are read, and nothing in them is run."""

import pickle

import numpy as np
import pytest
from support.auxiliary_files import embeddings, write_kaldi

from acrnn import vector_tables


@pytest.mark.parametrize("kind", ["x.ark", "x.scp", "names.npz", "each.npz"])
def test_a_table_of_vectors_of_every_kind_is_read(kind, tmp_path, monkeypatch):
    table = embeddings()
    if kind.startswith("x"):
        write_kaldi(tmp_path, table)
        moved = tmp_path / "elsewhere"  # the .scp names a file that does not exist, and its folder has one of that name
        (tmp_path / "x.scp").write_text((tmp_path / "x.scp").read_text().replace(f"{tmp_path}/", ""))
        moved.mkdir()
        monkeypatch.chdir(moved)
    else:
        content = vector_tables.to_npz(table)
        (tmp_path / "names.npz").write_bytes(content)
        assert content == vector_tables.to_npz(dict(reversed(table.items())))
        np.savez(tmp_path / "each.npz", **{name: vector[None] for name, vector in table.items()})
    table_read = vector_tables.read(tmp_path / kind)
    assert table_read.keys() == table.keys()
    for name, vector in table.items():
        np.testing.assert_array_equal(table_read[name], vector)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.bin", b"", "not a table of vectors by its name"),
        ("x.npz", b"no zip", "damaged or no .npz file"),
        ("x.scp", b"u1 cat secret.ark |\n", r"x\.scp: not a table .*line 1: 'u1 cat secret\.ark \|' names no archive"),
        ("x.ark", b"u1 \x00BXX", "not a table of vectors that can be read"),
    ],
)
def test_a_table_that_cannot_be_used_is_named_and_no_program_in_it_is_run(name, content, message, tmp_path):
    pytest.importorskip("kaldiio", reason="the extra [kaldi] is not installed")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        vector_tables.read(tmp_path / name)


def test_an_archive_that_was_cut_off_is_named_wherever_it_ends(tmp_path):
    write_kaldi(tmp_path, dict(list(embeddings().items())[:2]))
    content = (tmp_path / "x.ark").read_bytes()
    for length in range(len(content)):
        if length != len(content) // 2:  # where the first of two vectors ends
            (tmp_path / "x.ark").write_bytes(content[:length])
            with pytest.raises(ValueError, match=r"x\.ark: .*; make it again"):
                vector_tables.read(tmp_path / "x.ark")


class Touch:
    """A file is made when an instance is loaded from a pickle."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return self.path.touch, ()


@pytest.mark.parametrize("marker", [b"PKL", b"NPY\x01\x80", b"AUDIO\x01\x80", b"RIFF", b"fLaC", b" PKL"])
@pytest.mark.parametrize("kind", ["ark", "scp"])
def test_an_archive_with_something_else_than_vectors_is_refused_before_it_is_loaded(kind, marker, tmp_path):
    write_kaldi(tmp_path, embeddings())
    with (tmp_path / "x.ark").open("ab") as file:
        offset = file.write(b"bad ") + file.tell() - 4
        file.write(marker + pickle.dumps(Touch(tmp_path / "was_run")))
    with (tmp_path / "x.scp").open("a") as file:
        file.write(f"bad {tmp_path / 'x.ark'}:{offset}\n")
    with pytest.raises(
        ValueError, match=rf"x\.{kind}: not a table of vectors .* which is no vector of Kaldi's; write it"
    ):
        vector_tables.read(tmp_path / f"x.{kind}")
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize("kind", ["ark", "scp"])
def test_a_text_archive_and_one_of_compressed_rows_are_read(kind, tmp_path):
    kaldiio = pytest.importorskip("kaldiio", reason="the extra [kaldi] is not installed")
    rows = {name: vector[None] for name, vector in embeddings().items()}
    for options in ({"text": True}, *({"compression_method": method} for method in (2, 3, 5))):
        kaldiio.save_ark(str(tmp_path / "x.ark"), rows, str(tmp_path / "x.scp"), **options)
        table_read = vector_tables.read(tmp_path / f"x.{kind}")
        assert table_read.keys() == rows.keys()
        for name, row in rows.items():
            np.testing.assert_allclose(table_read[name], row[0], atol=0.02)


def test_vectors_that_differ_in_size_or_are_not_finite_are_refused(tmp_path):
    for wrong, message in ((np.zeros(3), "'b' has 3 values"), (np.full(2, np.nan), "'b' has values that are NaN")):
        np.savez(tmp_path / "x.npz", a=np.zeros(2), b=wrong)
        with pytest.raises(ValueError, match=message):
            vector_tables.read(tmp_path / "x.npz")
