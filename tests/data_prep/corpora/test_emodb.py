"""Emo-DB: its three layouts, its published counts, its file names."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections import Counter
from pathlib import Path

import pytest
from support.corpus_trees import (
    PARTIAL,
    by_id,
    emotions,
    environment_path,
    write_emodb,
    write_noise,
)

from data_prep.corpora import emodb
from data_prep.corpora.base import read_corpus


@pytest.mark.parametrize("below", [".", "wav", "emodb/wav"])
def test_emodb_is_found_in_a_flat_folder_and_below_it(below, tmp_path):
    expected = dict(emodb.CORPUS.subsets["all"].expected)
    write_emodb(tmp_path / below, expected)
    selection = read_corpus(emodb.CORPUS, tmp_path)
    assert emotions(selection) == expected
    first = by_id(selection)["03a01Aa"]
    assert (first.speaker, first.emotion, first.text) == ("03", "fear", "Der Lappen liegt auf dem Eisschrank.")


def test_a_partial_copy_of_emodb_is_refused_and_read_on_request(tmp_path):
    write_emodb(tmp_path, {"anger": 3, "fear": 2})
    with pytest.raises(ValueError, match="anger 3 instead of 127.*allow_partial"):
        read_corpus(emodb.CORPUS, tmp_path)
    assert emotions(read_corpus(emodb.CORPUS, tmp_path, PARTIAL)) == {"anger": 3, "fear": 2}


def test_emodb_ignores_resource_forks_and_refuses_a_foreign_file(tmp_path):
    write_emodb(tmp_path, {"anger": 3})
    (tmp_path / "._03a01Wa.wav").write_bytes(b"\x00")
    assert len(read_corpus(emodb.CORPUS, tmp_path, PARTIAL).utterances) == 3
    write_noise(tmp_path / "03a01Xa.wav")
    with pytest.raises(ValueError, match="03a01Xa.wav: not an Emo-DB file name"):
        read_corpus(emodb.CORPUS, tmp_path, PARTIAL)


def test_the_real_emodb_has_the_published_counts():
    selection = read_corpus(emodb.CORPUS, environment_path("EMODB_ROOT"))
    assert emotions(selection) == {
        "anger": 127, "boredom": 81, "neutral": 79, "happiness": 71, "fear": 69, "sadness": 62, "disgust": 46,
    }  # fmt: skip
    assert Counter(utterance.speaker for utterance in selection.utterances) == {
        "03": 49, "08": 58, "09": 43, "10": 38, "11": 55, "12": 35, "13": 61, "14": 69, "15": 56, "16": 71,
    }  # fmt: skip
    absent = Counter((utterance.speaker, utterance.emotion) for utterance in selection.utterances)
    assert [absent[key] for key in (("08", "disgust"), ("03", "disgust"), ("10", "disgust"), ("09", "fear"))] == [
        0,
        1,
        1,
        1,
    ]


@pytest.fixture
def archive_server(tmp_path):
    """A server of an archive in the published layout; yields its address and the checksum of its contents."""
    source = write_emodb(tmp_path / "source" / "wav", {"anger": 3, "fear": 2})
    archive = shutil.make_archive(str(tmp_path / "served" / "download"), "zip", source.parent)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(Path(archive).parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/download.zip", emodb.content_sha256(source)
        server.shutdown()


def test_a_download_is_unpacked_and_its_contents_are_verified(tmp_path, archive_server, monkeypatch):
    address, checksum = archive_server
    monkeypatch.setattr(emodb, "ARCHIVE_URL", address)
    with pytest.raises(
        ValueError, match=rf"wav: the sound files have SHA-256 {checksum} in all, the published ones b0104"
    ):
        emodb.download(tmp_path / "other")
    monkeypatch.setattr(emodb, "CONTENT_SHA256", checksum)
    selection = read_corpus(emodb.CORPUS, emodb.download(tmp_path / "data"), PARTIAL)
    assert len(selection.utterances) == 5
    monkeypatch.setattr(emodb, "ARCHIVE_URL", "http://127.0.0.1:9/gone.zip")
    emodb.download(tmp_path / "data")  # existing files are verified and not downloaded again
