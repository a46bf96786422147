"""Worker processes that end with the process that started them, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
import traceback
from collections.abc import Callable, Iterator

# A fresh interpreter a worker: a forked copy of a process that holds TensorFlow's threads may hang.
CONTEXT = multiprocessing.get_context("spawn")


def events(jobs: int, job: Callable, *arguments) -> Iterator[tuple]:
    """What worker processes report, as it happens, until all have ended; those that have not are ended with the caller.

    Args:
        jobs: how many.
        job: run in each as job(number, report, *arguments), where report(*event) sends an event.
        arguments: for the job; they cross to another process.

    Raises:
        ValueError, OSError: what a job raised.
        RuntimeError: a process died, or its job raised anything else.
    """
    happened = CONTEXT.Queue()
    threads = max(1, (os.cpu_count() or 1) // jobs)
    workers = [
        CONTEXT.Process(target=_work, args=(job, number, happened, threads, arguments), daemon=True)
        for number in range(jobs)
    ]
    for worker in workers:
        worker.start()
    try:
        yield from _received(happened, workers)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _received(happened, workers) -> Iterator[tuple]:
    open_workers = len(workers)
    while open_workers:
        try:
            event = happened.get(timeout=5)
        except queue.Empty:
            if any(worker.exitcode not in (None, 0) for worker in workers):
                raise RuntimeError(
                    "a worker process died (out of memory?); give the command again with fewer --jobs"
                ) from None
            continue
        if event[0] == "end":
            open_workers -= 1
        elif event[0] == "failed":
            raise event[1]
        else:
            yield event


def _work(job: Callable, number: int, happened, threads: int, arguments: tuple) -> None:
    """A process that does its job; TensorFlow, imported later, reads the number of threads."""
    end_with_parent()
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
    try:
        job(number, lambda *event: happened.put(event), *arguments)
        happened.put(("end",))
    except KeyboardInterrupt:
        pass  # the parent got it too, and says so
    except (ValueError, OSError) as error:
        happened.put(("failed", error))
    except Exception:  # whatever it is, the process that waits must hear of it
        happened.put(("failed", RuntimeError(f"a worker process failed:\n{traceback.format_exc()}")))


def end_with_parent() -> None:
    """Called first in a worker: when its parent is gone, killed without a chance to clean up, the worker goes too.

    It would otherwise go on with work that a second call of the same command does again.
    """
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
