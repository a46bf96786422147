"""Entries that other installed packages add to a registry of this one, by Python's entry points."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TypeVar

Entry = TypeVar("Entry")


def with_extensions(built_in: Mapping[str, Entry], group: str, kind: type[Entry]) -> dict[str, Entry]:
    """The built-in entries of a registry, followed by those of installed packages.

    An entry point that cannot be loaded, is not of the right type or has the name of another entry is left out with a
    warning, so that a broken package does not stop commands that do not need it.

    Args:
        built_in: entries by name.
        group: group of the entry points, such as "acrnn.systems".
        kind: type of an entry.
    """
    entries = dict(built_in)
    for point in entry_points(group=group):
        try:
            entry = point.load()
        except Exception as error:  # any fault of a package that is not ours
            _warn(group, point, f"cannot be loaded ({type(error).__name__}: {error})")
            continue
        if not isinstance(entry, kind):
            _warn(group, point, f"is a {type(entry).__name__} and not a {kind.__name__}")
        elif point.name in entries:
            _warn(group, point, "has the name of another entry")
        else:
            entries[point.name] = entry
    return entries


def _warn(group: str, point, problem: str) -> None:
    package = point.dist.name if point.dist else "an unknown package"
    warnings.warn(f"{group}: {point.name} ({point.value}) of {package} {problem}; it is left out", stacklevel=3)
