"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tensorflow as tf
from support.tiny_corpus import write_tiny_corpus

from data_prep.__main__ import main as data_prep_main
from data_prep.corpora import toy

if "PYTEST_XDIST_WORKER" in os.environ:  # one worker per core: more threads would only wait for each other
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# The networks of these tests make a few steps; optimizing their graphs takes longer than the steps. Commands that a test starts as
# processes of their own optimize them, as users' do. The pruning of unused nodes stays: unpruned graphs fill gigabytes.
_SLOW_OPTIMIZERS = (
    *("arithmetic_optimization", "common_subgraph_elimination", "constant_folding", "dependency_optimization"),
    *("function_optimization", "implementation_selector", "layout_optimizer", "loop_optimization", "remapping"),
    *("scoped_allocator_optimization", "shape_optimization"),
)
tf.config.optimizer.set_experimental_options(dict.fromkeys(_SLOW_OPTIMIZERS, False))


@pytest.fixture(scope="session")
def toy_corpus_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the whole toy corpus, generated once for all tests; tests must not change it."""
    return toy.generate(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the tiny corpus; tests must not change it."""
    return write_tiny_corpus(tmp_path_factory.mktemp("tiny") / "corpus")


@pytest.fixture(scope="session")
def tiny_records(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the record set of the tiny corpus; tests must not change it."""
    out = tmp_path_factory.mktemp("tiny-records") / "records"
    assert data_prep_main(["manifest", "--data-dir", str(tiny_corpus), "--out", str(out), "--jobs", "1"]) == 0
    return out
