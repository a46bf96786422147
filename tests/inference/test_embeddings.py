"""Embeddings on the command line: tables as NPZ and Parquet, and a map."""

import sys

import numpy as np
import pyarrow.parquet
import pytest

from acrnn.cli import main
from acrnn.inference import Recognizer


@pytest.fixture
def command(tiny_corpus):
    """`acrnn predict` with the included model, for the recordings of three speakers of the tiny corpus."""
    recordings = [str(path) for path in sorted(tiny_corpus.glob("s[0-2]_*.wav"))]
    return ["predict", *recordings, "--no-speech-check", "--csv"]


def test_a_parquet_file_holds_what_the_npz_file_and_the_predictions_hold(command, tmp_path, capsys):
    assert main([*command, "--embeddings", str(tmp_path / "new" / "e.parquet")]) == 0
    assert main([*command, "--embeddings", str(tmp_path / "e.npz")]) == 0
    rows = pyarrow.parquet.read_table(tmp_path / "new" / "e.parquet").to_pylist()
    arrays = np.load(tmp_path / "e.npz")
    assert [row["path"] for row in rows] == arrays["source"].tolist() and len(rows) == 18
    assert np.array_equal(np.array([row["embedding"] for row in rows], np.float32), arrays["embedding"])
    for name in ("start_seconds", "embedding"):
        flat = [value for row in rows for value in row[f"segment_{name}"]]
        assert np.array_equal(np.array(flat, arrays[f"segment_{name}"].dtype), arrays[f"segment_{name}"])
    long = next(row for row in rows if len(row["segment_embedding"]) > 1)
    expected = Recognizer.load(check_speech=False).predict(long["path"])
    assert long["emotion"] == expected.emotion
    assert long["segment_end_seconds"] == [segment.end_seconds for segment in expected.segments]
    for name, share in expected.probabilities.items():
        assert long[f"probability_{name}"] == pytest.approx(share, abs=1e-5)
    assert np.allclose(long["embedding"], expected.embeddings.mean(axis=0), atol=1e-4)


def test_the_map_is_colored_by_the_recognized_emotion_and_states_its_facts(command, tmp_path, capsys):
    picture = tmp_path / "new" / "map.png"
    assert main([*command, "--embeddings-figure", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "t-SNE of the embeddings of 18 utterances: 64 values each" in capsys.readouterr().err
    assert main([*command, "--embeddings-figure", str(picture)]) == 2
    assert f"--embeddings-figure {picture}: it exists already" in capsys.readouterr().err


def test_embed_writes_the_same_table_and_prints_no_predictions(command, tmp_path, capsys):
    recordings = command[1:19]
    assert main([*command, "--embeddings", str(tmp_path / "e.npz")]) == 0
    capsys.readouterr()
    files = ["--out", str(tmp_path / "f.npz"), "--figure", str(tmp_path / "f.png")]
    assert main(["embed", *recordings, "--no-speech-check", *files]) == 0
    assert capsys.readouterr().out == "" and (tmp_path / "f.png").exists()
    with np.load(tmp_path / "e.npz") as expected, np.load(tmp_path / "f.npz") as written:
        assert set(expected) == set(written)
        assert np.array_equal(expected["embedding"], written["embedding"])
    assert main(["embed", *recordings, *files]) == 2
    assert f"--out {tmp_path / 'f.npz'}: it exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--embeddings", "e.csv"], "--embeddings e.csv: it writes NPZ and Parquet; let the name end with .npz or"),
        (["--embeddings-figure", "e.pdf"], "--embeddings-figure e.pdf: it writes PNG"),
        (["--embeddings-figure", "e.png"], "--embeddings-figure e.png: 9 recordings, and a map needs at least 10"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_recognized(
    command, options, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main([*command[:10], *command[19:], *options]) == 2
    output = capsys.readouterr()
    assert message in output.err and output.out == "" and not list(tmp_path.iterdir())


def test_a_timeline_has_no_embeddings(command, capsys):
    assert main([*command[:2], "--timeline", "--embeddings-figure", "e.png"]) == 2
    assert "--embeddings-figure: not with --timeline" in capsys.readouterr().err


def test_parquet_without_its_extra_names_it(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main([*command, "--embeddings", str(tmp_path / "e.parquet")]) == 1
    output = capsys.readouterr()
    assert 'install it with: pip install "acrnn[parquet]"' in output.err and output.out == ""


def test_an_existing_table_is_not_replaced(command, tmp_path, capsys):
    (tmp_path / "e.parquet").write_text("mine")
    assert main([*command, "--embeddings", str(tmp_path / "e.parquet")]) == 2
    assert "it exists already" in capsys.readouterr().err and (tmp_path / "e.parquet").read_text() == "mine"
