"""The fits of a grid search as tasks of a cluster: each configuration, fold and seed is independent of the others."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from acrnn.batches.sources import MEMORY_BYTES
from acrnn.console import import_quietly
from acrnn.engines import Engine
from acrnn.errors import FieldError
from acrnn.records.manifest import MANIFEST
from acrnn.tuning.search import Search, SearchFolder, title

_PATIENCE_SECONDS = 60.0  # a network file system may show a new file late; after that, the command fits again
Task = tuple[str, int, int]  # title of the configuration, fold, seed


def check(kind: str) -> None:
    """Refuses a search that a cluster cannot do fit by fit.

    Args:
        kind: kind of the search.

    Raises:
        FieldError: it chooses configurations by earlier ones, or KerasTuner's variables are set.
    """
    if kind != "grid":
        problem = (
            f"a {kind} search is run trial by trial; search the grid, or use several machines by KerasTuner's chief and "
            "workers (KERASTUNER_ORACLE_IP, docs/scaling.md)"
        )
        raise FieldError("engine", "ray", problem)
    if "KERASTUNER_ORACLE_IP" in os.environ:
        problem = "KERASTUNER_ORACLE_IP is set, for KerasTuner's chief and workers; unset it, or leave the option out"
        raise FieldError("engine", "ray", problem)


def missing(folder: SearchFolder) -> list[Task]:
    """Returns the fits of a grid that have no file yet."""
    return [
        (title(values), fold, seed)
        for values in folder.search.grid()
        for fold, seed in folder.tasks
        if folder.read_fit(values, fold, seed) is None
    ]


def run(engine: Engine, folder: SearchFolder, tasks: list[Task], take: Callable[..., None]) -> None:
    """Runs fits on a cluster; every one is tried, also those of a configuration with a failed one.

    Args:
        engine: the cluster.
        folder: folder of the search.
        tasks: fits, see `missing`.
        take: takes the events of `Trainer`, and ("failed", title, fold, seed, reason) of a fit that has no result.

    Raises:
        TaskError: fits have no result, and the others are finished.
        OSError, RuntimeError: see `Engine.run`.
    """
    if not tasks:
        return
    search, records = folder.search, folder.search.experiment.records
    arguments = (search, folder.folder, MEMORY_BYTES // engine.at_once(len(tasks)))
    engine.run(_fit, tasks, take, arguments, folder.folder, [records / MANIFEST])
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while missing(folder) and time.monotonic() < deadline:
        time.sleep(1)


def _fit(
    tasks: Iterable[Task],
    report: Callable[..., None],
    claim: object,
    search: Search,
    output_dir: Path,
    memory_bytes: int,
) -> None:
    """Job that fits configurations. The command has the folder for itself, so that fits need no locks."""
    import_quietly("keras")
    from acrnn.tuning.trainer import Trainer

    folder = SearchFolder(search, output_dir)
    trainer = Trainer(folder, report, memory_bytes, platform.node())
    configurations = {title(values): values for values in search.grid()}
    for name, fold, seed in tasks:
        values = configurations[name]
        if folder.read_fit(values, fold, seed) is None:  # a lost worker may have written it
            trainer.fit(values, [(fold, seed)])
