"""Verifies folders that commands wrote: exported models, record sets and experiments."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from acrnn.crossval.claim import SPLIT, check_split
from acrnn.crossval.results import EXPERIMENT, RESULTS, collect_results, read_experiment, read_results
from acrnn.inference import locate
from acrnn.model_card import Card, checksums
from acrnn.records import RecordSet
from acrnn.records.manifest import MANIFEST


def check(folder: str | Path) -> int:
    """Prints the defects of a folder; returns 1 if there are any, else 0. For the arguments see `defects`."""
    messages = defects(folder)
    for message in messages:
        print(f"error: {message}", file=sys.stderr)
    if not messages:
        print(f"{folder}: every checksum is right")
    return int(bool(messages))


def defects(folder: str | Path) -> list[str]:
    """Returns a message for each defect of a folder; none for a sound one.

    Args:
        folder: an exported model, or the name of an included one; a record set; or an experiment.

    Raises:
        FileNotFoundError: the folder is none of these.
        ValueError: a file is so damaged that the others cannot be compared with it.
    """
    path = Path(folder)
    if (path / MANIFEST).exists():
        return RecordSet(path).check()
    if (path / EXPERIMENT).exists():
        return _experiment_defects(path)
    return _model_defects(locate.version_folder(folder))


def _model_defects(folder: Path) -> list[str]:
    card = Card.read(folder)
    if not card.sha256:
        return [f"{folder}: exported by an earlier version, its card has no checksums; export the model again"]
    return checksums.defects(folder, card.sha256)


def _experiment_defects(folder: Path) -> list[str]:
    parts = (collect_results, _check_split, *([read_results] if (folder / RESULTS).exists() else []))
    return [text for part in parts if (text := _error_of(part, folder))]


def _error_of(part: Callable[[Path], object], folder: Path) -> str | None:
    try:
        part(folder)
    except (ValueError, FileNotFoundError) as error:
        return str(error)
    return None


def _check_split(folder: Path) -> None:
    if (folder / SPLIT).exists():
        check_split(folder / SPLIT, read_experiment(folder)[0].split_sha256)
