"""The version that records and results state is that of the code at work."""

from __future__ import annotations

from importlib import metadata

import numpy as np
import pytest

import acrnn
from acrnn.crossval.environment import package_versions
from acrnn.records.versions import version_of
from data_prep.__main__ import main


def _unknown(name: str) -> str:
    """Knows no installed acrnn, as in an environment where only the checkout is on the path."""
    if name == "acrnn":
        raise metadata.PackageNotFoundError(name)
    return "1.2"


def test_a_checkout_prepares_records_and_states_its_version_without_being_installed(tiny_corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(metadata, "version", _unknown)
    out = tmp_path / "records"
    assert main(["manifest", "--data-dir", str(tiny_corpus), "--out", str(out), "--jobs", "1"]) == 0
    assert package_versions(["acrnn", "numpy"])["acrnn"] == acrnn.__version__


def test_other_packages_have_their_installed_version():
    assert version_of("numpy") == np.__version__
    with pytest.raises(metadata.PackageNotFoundError):
        version_of("no-such-package")
