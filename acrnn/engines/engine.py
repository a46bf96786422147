"""The interface of an engine, and the choice of one by its name."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from acrnn.engines.local import LocalEngine
from acrnn.errors import FieldError

ENGINES = ("local", "ray")


class Engine(Protocol):
    """Runs independent tasks.

    A job is a function job(tasks, report, claim, *arguments). It does some of the tasks one after the other, sends events by
    report(kind, *task, value), and does a task that writes a file inside `with claim(path) as is_own`, if `is_own` is true. A task
    is a tuple.

    Attributes:
        is_cluster: whether tasks run on other machines.
    """

    is_cluster: bool

    def at_once(self, num_tasks: int) -> int:
        """Returns the number of tasks, of this many, that run at the same time on one machine."""

    def run(
        self,
        job: Callable[..., None],
        tasks: Sequence[tuple],
        report: Callable[..., None],
        arguments: tuple,
        folder: Path,
        inputs: Sequence[Path] = (),
        result: Callable[..., Path] | None = None,
        is_reused: bool = False,
    ) -> None:
        """Runs a job until all tasks have ended.

        Args:
            job: see the class.
            tasks: the tasks.
            report: takes the events of the job in this process. An engine that goes on after a failed task sends
                ("failed", *task, reason), and ("elsewhere", *task, None) for a task that another command has.
            arguments: further arguments of the job.
            folder: folder of the results, which exists.
            inputs: files that the tasks read.
            result: returns the file that a task writes, for its lock; None for tasks without a lock.
            is_reused: whether a process may do several tasks where each task is a call of the job of its own.

        Raises:
            ValueError, OSError: a task failed, and the engine stopped the others.
            TaskError: tasks failed, and the others are finished.
            RuntimeError: a process died.
        """


def engine_of(
    name: str | None,
    jobs: int,
    ray_address: str | None = None,
    task_cpus: int | None = None,
    task_gpus: float | None = None,
) -> Engine:
    """Returns an engine.

    Args:
        name: "local" or "ray"; None for "local".
        jobs: number of tasks that run at the same time on a machine with as many cores as this one.
        ray_address: address of the Ray cluster; None for the one that this machine belongs to.
        task_cpus: cores of a task on the cluster; None for the cores of this machine divided by the jobs.
        task_gpus: GPUs of a task on the cluster, or a share of one; None for none.

    Raises:
        FieldError: a value is set that the local engine does not have.
        ImportError: the extra [ray] is not installed.
    """
    if name == "ray":
        from acrnn.engines.ray_cluster import AUTOMATIC, RayEngine

        cpus = task_cpus or max(1, (os.cpu_count() or 1) // jobs)
        return RayEngine(ray_address or AUTOMATIC, cpus, task_gpus or 0.0)
    values: dict[str, Any] = {"ray_address": ray_address, "task_cpus": task_cpus, "task_gpus": task_gpus}
    for field, value in values.items():
        if value is not None:
            raise FieldError(field, value, "it goes with the option engine ray only; leave it out")
    return LocalEngine(jobs)
