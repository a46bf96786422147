"""The engine of a Ray cluster: every task is a task of Ray, which runs it again elsewhere if its machine is lost.

The command holds the locks of the tasks, since the lock of a lost machine could not be told from that of a running one.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import sysconfig
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acrnn.engines.place import Place, place_of
from acrnn.errors import TaskError, missing_extra
from acrnn.output import lock

try:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise missing_extra("ray", "the engine ray", error) from error

_RETRIES = 3  # for a task whose worker or machine is lost
_POLL_SECONDS = 0.5
_CHECK_SECONDS = 120.0
_PROBE_SECONDS = 10.0
AUTOMATIC = "auto"  # address of the cluster that this machine belongs to
# Variables that decide what a task computes, which its process has as this one.
_INHERITED = (
    "KERAS_BACKEND",
    "OPENBLAS_CORETYPE",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
)


@dataclass(frozen=True)
class RayEngine:
    """Runs every task as a task of Ray, see `Engine`. A task that fails is reported, and the others go on.

    Attributes:
        address: address of the cluster: "auto" for the one that this machine belongs to, or "ray://HOST:10001".
        cpus: cores of a task, which are also its number of threads.
        gpus: GPUs of a task, or a share of one.
    """

    address: str = AUTOMATIC
    cpus: int = 1
    gpus: float = 0.0
    is_cluster = True

    def at_once(self, num_tasks: int) -> int:
        """Returns the number of tasks for which a machine like this one has cores."""
        return min(max(1, (os.cpu_count() or 1) // self.cpus), num_tasks)

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
        """Runs a job with one task at a time, on the whole cluster. See `Engine.run`."""
        with self._connected(), place_of(folder, inputs) as place, ExitStack() as held:
            _check_machines(place)
            self._warn_of_waiting()
            own = [task for task in tasks if result is None or held.enter_context(lock.task(result(*task)))]
            for task in set(tasks).difference(own) if result else ():
                report("elsewhere", *task, None)
            # TensorFlow keeps the memory of a GPU, and the threads of an operation, as long as its process lives
            calls = 0 if is_reused else 1
            do = ray.remote(
                num_cpus=self.cpus,
                num_gpus=self.gpus,
                max_retries=_RETRIES,
                max_calls=calls,
                scheduling_strategy="SPREAD",
            )(_do)
            inbox = ray.remote(num_cpus=0, scheduling_strategy=_on(_this_machine()))(_Inbox).remote()
            shared = ray.put((job, arguments, place))
            failures = _followed({do.remote(shared, task, inbox): task for task in own}, inbox, report)
        if failures:
            raise TaskError(
                f"{failures} of {len(own)} tasks failed; the others are finished and kept; correct the cause, and give the "
                "same command again"
            )

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Connects to the cluster until the block ends, unless this process is connected already."""
        if ray.is_initialized():
            yield
            return
        handler = signal.getsignal(signal.SIGTERM)
        try:
            _probe(os.environ.get("RAY_ADDRESS", self.address) if self.address == AUTOMATIC else self.address)
            ray.init(
                self.address,
                runtime_env={"env_vars": self._variables()},
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise OSError(
                f"no Ray cluster can be reached at {self.address} ({_first_line(error)}); start one with `ray start`, "
                "or name one with the option ray_address"
            ) from error
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)  # Ray sets its own
        try:
            yield
        except ray.exceptions.RayError as error:
            raise RuntimeError(
                f"the Ray cluster failed ({_first_line(error)}); files that are written are kept; give the same command again"
            ) from error
        finally:
            ray.shutdown()  # ends the tasks that still run

    def _variables(self) -> dict[str, str]:
        """Environment variables of the workers."""
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        installed = set(sysconfig.get_paths().values())
        own = [str(Path(folder).absolute()) for folder in sys.path if folder not in installed]  # such as a checkout
        return {
            **inherited,
            "PYTHONPATH": os.pathsep.join(own),
            "TF_NUM_INTRAOP_THREADS": str(self.cpus),
            "OMP_NUM_THREADS": str(self.cpus),
        }

    def _warn_of_waiting(self) -> None:
        """Warns if no machine has the cores and GPUs of a task; one that joins later may have them."""
        resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not any(each.get("CPU", 0) >= self.cpus and each.get("GPU", 0) >= self.gpus for each in resources):
            warnings.warn(
                f"no machine of the cluster has {self.cpus} cores and {self.gpus:g} GPUs, which every task needs; "
                "the tasks wait until one joins, or set the option task_cpus or task_gpus",
                stacklevel=2,
            )


class _Inbox:
    """Collects the events of all tasks, in an actor on the machine of the command."""

    def __init__(self) -> None:
        self.events: list[tuple] = []

    def put(self, event: tuple) -> None:
        self.events.append(event)

    def take(self) -> list[tuple]:
        events, self.events = self.events, []
        return events


def _do(shared: tuple, task: tuple, inbox) -> str | None:
    """Does a task in a worker of Ray; returns the reason if it fails."""
    job, arguments, place = shared
    try:
        place.enter()
        job([task], lambda *event: ray.get(inbox.put.remote(event)), _held_by_the_command, *arguments)
    except (ValueError, OSError) as error:
        return str(error)
    except MemoryError as error:
        return f"too little memory {error}".rstrip()
    except ray.exceptions.RayError:
        raise  # the command has ended
    except Exception:  # the command must receive every error
        return traceback.format_exc()
    return None


def _held_by_the_command(result: Path) -> AbstractContextManager[bool]:
    """Returns a context that permits a task in place of `lock.task`: the command holds the lock of the result."""
    return nullcontext(True)


def _followed(running: dict[Any, tuple], inbox, report: Callable[..., None]) -> int:
    """Reports events until all tasks have ended; returns the number of those that failed."""
    failures = 0
    while running:
        ended, _ = ray.wait(list(running), num_returns=len(running), timeout=_POLL_SECONDS)
        for event in ray.get(inbox.take.remote()):
            report(*event)
        for each in ended:
            if reason := _reason(each):
                failures += 1
                report("failed", *running[each], reason)
            del running[each]
    return failures


def _reason(ended) -> str | None:
    """Returns the reason why an ended task failed; None for a finished one."""
    try:
        return ray.get(ended)
    except ray.exceptions.OutOfMemoryError:
        return "its machine ran out of memory; run with fewer jobs, or more cores for a task"
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError) as error:
        return f"its worker was lost {_RETRIES + 1} times ({_first_line(error)})"
    except ray.exceptions.RayTaskError as error:  # such as a module that is not installed there
        return str(error).strip().rpartition("\n")[2]
    except ray.exceptions.RayError as error:
        return _first_line(error)


def _check_machines(place: Place) -> None:
    """Checks that every machine that has cores sees the place.

    Raises:
        OSError: one does not.
    """
    enter = ray.remote(num_cpus=0, max_retries=0)(_entered)
    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    checks = [enter.options(scheduling_strategy=_on(node)).remote(place) for node in nodes]
    for check in ray.wait(checks, num_returns=len(checks), timeout=_CHECK_SECONDS)[0] if checks else ():
        try:
            reason = ray.get(check)
        except ray.exceptions.RayTaskError as error:
            reason = str(error).strip().rpartition("\n")[2]
        except ray.exceptions.RayError:
            continue  # the machine has just left; every task checks again
        if reason:
            raise OSError(reason)


def _entered(place: Place) -> str | None:
    """Enters the place in a worker of Ray; returns the reason if that fails."""
    try:
        place.enter()
    except (ValueError, OSError) as error:
        return str(error)
    return None


def _probe(address: str) -> None:
    """Checks that a port of a machine answers, for which Ray itself waits many minutes.

    Raises:
        OSError: it does not.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _PROBE_SECONDS).close()


def _on(node: str) -> Any:
    """Strategy of a task on one machine; Ray's types leave it out."""
    return NodeAffinitySchedulingStrategy(node, soft=False)


def _this_machine() -> str:
    """Id of the machine of this process; with ray://, that of the head."""
    return ray.get_runtime_context().get_node_id()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
