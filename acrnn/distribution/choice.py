"""The choice of devices to train on: this process keeps it, and the settings of an experiment do not have it.

Each step computes what one device computes with the whole batch, up to rounding errors, so results state the replicas among their
versions, as they state the threads.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from acrnn.errors import FieldError

FIELD = "distribute"
NONE, MIRRORED, MULTI_WORKER = KINDS = ("none", "mirrored", "multi-worker")
_VARIABLE = "ACRNN_DISTRIBUTE"
CLUSTER = "TF_CONFIG"  # TensorFlow reads it
_EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:12345", "10.0.0.2:12345"]}, "task": {"type": "worker", "index": 0}}'


class Worker(NamedTuple):
    """A process of a training over several hosts.

    Attributes:
        number: its index in the cluster; 0 writes the results.
        workers: number of all.
    """

    number: int
    workers: int


def demand(kind: str) -> None:
    """Chooses the devices of the trainings of this process, a value of KINDS."""
    os.environ[_VARIABLE] = kind


def demanded() -> str:
    """Returns the choice, a value of KINDS."""
    return os.environ.get(_VARIABLE) or NONE


def worker() -> Worker:
    """Returns the number of this process in a training over several hosts.

    Raises:
        FieldError: the environment variable TF_CONFIG is missing, or describes no cluster of two workers or more.
    """
    text = os.environ.get(CLUSTER)
    if not text:
        raise _cluster_error("is not set")
    try:
        config = json.loads(text)
        cluster, task = dict(config["cluster"]), config["task"]
        own, kind = Worker(int(task["index"]), len(list(cluster["worker"]))), task["type"]
    except (ValueError, KeyError, TypeError) as error:
        raise _cluster_error("is not of the form that it needs") from error
    if list(cluster) != ["worker"] or kind != "worker":
        raise _cluster_error("has tasks other than workers")
    if own.workers < 2 or not 0 <= own.number < own.workers:
        raise _cluster_error(f"has {own.workers} workers and the index {own.number}")
    return own


def _cluster_error(problem: str) -> FieldError:
    text = f"the environment variable {CLUSTER} {problem}; set it on every host to addresses of two or more workers and its index"
    return FieldError(FIELD, MULTI_WORKER, f"{text}, such as {_EXAMPLE}")
