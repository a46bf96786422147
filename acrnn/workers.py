"""Worker processes, which end when the process that started them ends, even if it was killed."""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

# Each worker is a fresh interpreter: a fork of a process with TensorFlow's threads may hang.
CONTEXT = multiprocessing.get_context("spawn")
# Environment variables with the number of threads: of TensorFlow, of PyTorch and OpenBLAS, of JAX.
THREADS = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "NPROC")
_DIED = "a worker process died, possibly out of memory; run again with fewer jobs"


@contextmanager
def pool(processes: int, prepare: Callable | None = None, arguments: tuple = ()) -> Iterator[ProcessPoolExecutor]:
    """Yields an executor whose processes end when this one ends.

    Args:
        processes: number of processes.
        prepare: function that each process calls at its start, after `end_with_parent`; None calls nothing.
        arguments: its arguments; they are pickled.

    Raises:
        RuntimeError: a process died.
    """
    try:
        with ProcessPoolExecutor(processes, CONTEXT, _prepare, (prepare, arguments)) as executor:
            yield executor
    except BrokenProcessPool as error:
        raise RuntimeError(_DIED) from error


def _prepare(prepare: Callable | None, arguments: tuple) -> None:
    end_with_parent()
    if prepare is not None:
        prepare(*arguments)


def events(jobs: int, job: Callable, *arguments) -> Iterator[tuple]:
    """Runs a job in several worker processes and yields the events that they report, until all have ended.

    Each process gets an equal share of the cores as threads. With another number of processes, matrix products therefore sum
    in another order, and results differ by rounding errors.

    Workers that are still running when the caller stops iterating, or on an error, are terminated.

    Args:
        jobs: number of processes.
        job: function that every process calls as job(number, report, *arguments); report(*event) sends an event.
        arguments: further arguments of the job; they are pickled.

    Raises:
        ValueError, OSError: a job raised this error.
        RuntimeError: a process died, or its job raised any other error.
    """
    reports = CONTEXT.Queue()
    threads = max(1, (os.cpu_count() or 1) // jobs)
    workers = [
        CONTEXT.Process(target=_work, args=(job, number, reports, threads, arguments), daemon=True)
        for number in range(jobs)
    ]
    for worker in workers:
        worker.start()
    try:
        yield from _received(reports, workers)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _received(reports, workers) -> Iterator[tuple]:
    """Yields events until every worker has reported its end; raises the errors that workers report."""
    running = len(workers)
    while running:
        try:
            event = reports.get(timeout=5)
        except queue.Empty:
            if any(worker.exitcode not in (None, 0) for worker in workers):
                raise RuntimeError(_DIED) from None
            continue
        if event[0] == "end":
            running -= 1
        elif event[0] == "failed":
            raise event[1]
        else:
            yield event


def _work(job: Callable, number: int, reports, threads: int, arguments: tuple) -> None:
    """Runs the job in a worker process, after setting the number of threads for the backend, which is imported later."""
    end_with_parent()
    for variable in THREADS:
        os.environ[variable] = str(threads)
    try:
        job(number, lambda *event: reports.put(event), *arguments)
        reports.put(("end",))
    except KeyboardInterrupt:
        pass  # the parent process was interrupted too, and reports it
    except (ValueError, OSError) as error:
        reports.put(("failed", error))
    except Exception:  # the waiting parent process must receive every error
        reports.put(("failed", RuntimeError(f"a worker process failed:\n{traceback.format_exc()}")))


def end_with_parent() -> None:
    """Ends this worker process when its parent ends, even if the parent was killed; call it first in a worker.

    Otherwise the worker would continue with work that the next call of the same command repeats.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return  # this is no worker process

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
