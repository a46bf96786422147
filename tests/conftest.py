"""What several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.tiny_corpus import write_tiny_corpus

from data_prep.__main__ import main as data_prep_main
from data_prep.corpora import toy

if "PYTEST_XDIST_WORKER" in os.environ:  # a worker a core: threads of one would only wait for those of another
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def toy_corpus_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole toy corpus, generated once for all tests; to be read only."""
    return toy.generate(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny corpus; to be read only."""
    return write_tiny_corpus(tmp_path_factory.mktemp("tiny") / "corpus")


@pytest.fixture(scope="session")
def tiny_records(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record set of the tiny corpus; to be read only."""
    out = tmp_path_factory.mktemp("tiny-records") / "records"
    assert data_prep_main(["manifest", "--data-dir", str(tiny_corpus), "--out", str(out), "--jobs", "1"]) == 0
    return out
