"""Versions of the packages at work, for records and results."""

from __future__ import annotations

from importlib import metadata

from acrnn import __version__


def version_of(package: str) -> str:
    """Returns the version of a package: of acrnn that of the code which runs, installed or not, of others the installed one.

    Raises:
        importlib.metadata.PackageNotFoundError: If another package is not installed.
    """
    return __version__ if package == "acrnn" else metadata.version(package)
