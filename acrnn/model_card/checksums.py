"""Checksums of the files of an exported model: written on its card, compared before a file is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from acrnn import files
from acrnn.model_card.formats import Format

_SAVED_MODEL = ("saved_model.pb", "fingerprint.pb", "variables/", "assets/")  # parts of a SavedModel
_REMEDY = "copy it again, or export the model again"


def of_folder(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of each file in a version folder, by its path in the folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): files.sha256_of_file(path) for path in paths}


def check(folder: Path, sums: Mapping[str, str], model: Format, others: Iterable[str] = ()) -> None:
    """Compares the files that a runtime loads with their checksums.

    Args:
        folder: version folder of the model.
        sums: checksums on the card; a file without one is not checked.
        model: format to load.
        others: paths of other files that the runtime reads.

    Raises:
        ValueError: a file is missing or damaged; the message names it.
    """
    parts = (*(_SAVED_MODEL if model.runtime == "tensorflow" else (model.file,)), *others)
    loaded = {name: value for name, value in sums.items() if name.startswith(parts)}
    if found := defects(folder, loaded):
        raise ValueError(found[0])


def defects(folder: Path, sums: Mapping[str, str]) -> list[str]:
    """Returns a message for each file that is missing, or whose checksum is another; none for a sound model."""
    messages = []
    for name, expected in sums.items():
        path = folder / name
        if not path.is_file():
            messages.append(f"{path}: missing; {_REMEDY}")
        elif files.sha256_of_file(path) != expected:
            messages.append(f"{path}: damaged, its SHA-256 is not that on the card; {_REMEDY}")
    return messages
