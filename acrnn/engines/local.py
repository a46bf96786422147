"""The local engine: tasks in this process, or in worker processes of this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from acrnn.output import lock
from acrnn.workers import CONTEXT, events


@dataclass(frozen=True)
class LocalEngine:
    """Runs tasks in processes of this machine, see `Engine`. The first task that fails stops the others.

    Attributes:
        jobs: number of processes; 1 works in this one.
    """

    jobs: int = 1
    is_cluster = False

    def at_once(self, num_tasks: int) -> int:
        """Returns the number of processes for this many tasks."""
        return min(self.jobs, num_tasks)

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
        """Runs a job once in every process; each call takes tasks from a queue until it is empty. See `Engine.run`."""
        if self.jobs == 1:
            job(tasks, report, lock.task, *arguments)
            return
        processes = self.at_once(len(tasks))
        queue = CONTEXT.Queue()
        for task in [*tasks, *[None] * processes]:
            queue.put(task)
        for event in events(processes, _take, job, queue, arguments):
            report(*event)


def _take(number: int, report: Callable[..., None], job: Callable[..., None], queue, arguments: tuple) -> None:
    """Does tasks from a queue in a worker process, until it is empty."""
    job(iter(queue.get, None), report, lock.task, *arguments)
