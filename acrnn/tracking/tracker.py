"""The interface of a tracker, which shows the learning curves of an experiment in another program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from acrnn import files


@dataclass(frozen=True)
class Subject:
    """An experiment that is tracked.

    Attributes:
        folder: folder of its results.
        settings: its settings as a JSON object.
    """

    folder: Path
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.resolve().name

    @cached_property
    def settings_sha256(self) -> str:
        """Hash of the settings, as the results have it."""
        return files.sha256_of_json(self.settings)

    @property
    def key(self) -> str:
        """Hash of folder and settings, by which a later command finds the experiment again."""
        return files.sha256_of_json([str(self.folder.resolve()), self.settings_sha256])

    @property
    def flat_settings(self) -> dict[str, str]:
        """The settings as texts by dotted name, such as "recipe.learning_rate"."""
        return dict(_flat(self.settings, ""))


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class Tracker(Protocol):
    """Shows the runs of one experiment, each a fold with a seed. Methods raise OSError if something cannot be written.

    Attributes:
        name: name of the program, for messages.
    """

    name: str

    def has(self, fold: int, seed: int) -> bool:
        """Returns whether the run is there and finished, so that it is not added again."""
        ...

    def begin(self, fold: int, seed: int) -> None:
        """Begins a run; an unfinished one of the same fold and seed was interrupted, and is replaced or ended."""
        ...

    def epoch(self, fold: int, seed: int, number: int, values: Mapping[str, float]) -> None:
        """Adds a point of the learning curves.

        Args:
            fold, seed: the run, which has begun.
            number: number of the epoch, from 1.
            values: values by the name of the curve.
        """
        ...

    def finish(self, fold: int, seed: int, number: int, values: Mapping[str, float]) -> None:
        """Ends a run with its results, such as the UAR of the test part.

        Args:
            fold, seed: the run, which has begun.
            number: number of the selected epoch.
            values: results by name.
        """
        ...

    def fail(self, fold: int, seed: int) -> None:
        """Ends a run that failed, if it has begun."""
        ...

    def publish(self, values: Mapping[str, float], results: Sequence[Path]) -> None:
        """Adds results of the whole experiment.

        Args:
            values: results by name.
            results: files with results.
        """
        ...

    def close(self, is_complete: bool) -> None:
        """Ends the tracking; runs that are not finished were interrupted.

        Args:
            is_complete: whether the command did all that it was to do.
        """
        ...
