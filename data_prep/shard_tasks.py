"""Shards written by an engine: on a cluster each is a task of its own, here the processes share the utterances of a shard."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from acrnn import files
from acrnn.console import import_quietly
from acrnn.engines import Engine
from data_prep.extract import extract
from data_prep.shard_plans import ShardPlan
from data_prep.shards import PROGRESS, WrittenShard, counted, finished_shard, write_shard, write_shards

_SHOWN_SECONDS = 2.0  # between two reports of the progress of a shard


def write_shards_by(
    engine: Engine | None,
    out: Path,
    plans: Sequence[ShardPlan],
    processes: int,
    skip_bad: bool,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[WrittenShard]:
    """Writes the shards that an earlier, interrupted call did not finish.

    Args:
        engine: a cluster; None or the local engine for worker processes of this machine.
        out, plans, processes, skip_bad, progress: see `write_shards`.

    Returns:
        The outcome of every plan, in order.

    Raises:
        TaskError: tasks of the cluster failed, and the others are finished.
    """
    if engine is None or not engine.is_cluster:
        return write_shards(out, plans, processes, skip_bad, progress)
    files.make_folder(out / PROGRESS)
    files.remove_partial(out)
    written: dict[int, WrittenShard] = {}
    done: Counter[int] = Counter()
    total = sum(len(plan.jobs) for plan in plans)

    def take(kind: str, number: int, plan: ShardPlan, value) -> None:
        if kind == "failed":
            warnings.warn(f"{plan.file} failed: {value}", stacklevel=2)
            return
        if kind == "written":
            written[number] = value
        done[number] = len(plan.jobs) if kind == "written" else value
        progress(done.total(), total)

    tasks = list(enumerate(plans))
    engine.run(_write, tasks, take, (out, skip_bad), out, _first_recording(plans), is_reused=True)
    return [written[number] for number, _ in tasks]


def _first_recording(plans: Sequence[ShardPlan]) -> list[Path]:
    """Returns the first recording that exists: a machine that does not see it would leave out all of them."""
    paths = (job.utterance.path for plan in plans for job in plan.jobs)
    return [path for path in paths if path.exists()][:1]


def _write(tasks: Iterable[tuple[int, ShardPlan]], report, claim, out: Path, skip_bad: bool) -> None:
    """Job that writes shards in this process."""
    import_quietly("tensorflow")
    for number, plan in tasks:
        shard = finished_shard(out, plan)
        if shard is None:
            extracted = counted(map(extract, plan.jobs), 0, len(plan.jobs), _Shown(report, number))
            shard = write_shard(out, plan, extracted, skip_bad)
        report("written", number, plan, shard)


class _Shown:
    """Reports the number of utterances of a shard that are done, every few seconds."""

    def __init__(self, report: Callable[..., None], number: int):
        self.report, self.number, self.shown_at = report, number, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self.shown_at >= _SHOWN_SECONDS:
            self.shown_at = time.monotonic()
            self.report("progress", self.number, None, done)
