"""Command-line options of the engines."""

from __future__ import annotations

import argparse

from acrnn.console import positive
from acrnn.engines.engine import ENGINES, Engine, engine_of


def add_engine_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Adds the options of the engine to a parser, and returns their group; `engine_from` reads them."""
    group = parser.add_argument_group("engine")
    group.add_argument("--engine", choices=ENGINES, help="local processes (default), or a Ray cluster")
    group.add_argument(
        "--ray-address", metavar="ADDRESS", help="auto (default): the cluster of this machine; or ray://HOST:10001"
    )
    group.add_argument(
        "--task-cpus", type=positive, metavar="N", help="cores of a task (default: those of this machine / jobs)"
    )
    group.add_argument("--task-gpus", type=_share, metavar="N", help="GPUs of a task, such as 1 or 0.5 (default: none)")
    return group


def engine_from(options: argparse.Namespace, jobs: int) -> Engine:
    """Returns the engine that the options describe.

    Args:
        options: options of `add_engine_options`; a script without them has the local engine.
        jobs: number of tasks at the same time on a machine.

    Raises:
        FieldError: an option goes with another engine.
        ImportError: the extra of the engine is not installed.
    """
    names = ("ray_address", "task_cpus", "task_gpus")
    return engine_of(getattr(options, "engine", None), jobs, *(getattr(options, name, None) for name in names))


def _share(text: str) -> float:
    """Parses a positive number."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value
