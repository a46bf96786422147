"""What several test modules share."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_prep.corpora import toy


@pytest.fixture(scope="session")
def toy_corpus_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole toy corpus, generated once for all tests; to be read only."""
    return toy.generate(tmp_path_factory.mktemp("toy"))
