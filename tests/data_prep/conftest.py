"""Fixtures of the tests of preparation."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tiny_corpus import write_tiny_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three speakers, three emotions, two utterances of each, all with texts; read-only."""
    return write_tiny_corpus(tmp_path_factory.mktemp("auxiliary") / "corpus", speakers=3)
