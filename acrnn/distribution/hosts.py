"""A training over several hosts: worker 0 announces each run, writes its results, and decides for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from acrnn.distribution import choice


def is_follower() -> bool:
    """Returns True in the workers that train with worker 0 and write nothing."""
    return is_over_hosts() and choice.worker().number > 0


def is_over_hosts() -> bool:
    """Returns True if several hosts train together."""
    return choice.demanded() == choice.MULTI_WORKER


def announce(fold: int, seed: int) -> None:
    """Tells the other workers which run begins; does nothing in a training on one host."""
    if is_over_hosts():
        of_first(np.array([1, fold, seed], np.int64))


def announced() -> tuple[int, int] | None:
    """Waits for worker 0, and returns fold and seed of the run that begins; None after the last."""
    goes_on, fold, seed = of_first(np.zeros(3, np.int64)).tolist()
    return (fold, seed) if goes_on else None


@contextmanager
def leading() -> Iterator[None]:
    """Releases the other workers at the end of the block, also after an error that all of them have seen or waited for."""
    try:
        yield
    except (ValueError, OSError):
        _release()
        raise
    _release()


def _release() -> None:
    if is_over_hosts():
        of_first(np.zeros(3, np.int64))


def of_first(value: np.ndarray) -> np.ndarray:
    """Returns the value that worker 0 has, in a training over several hosts; the own value otherwise.

    All workers call it at the same points of a training, with arrays of the same shape and type.

    Raises:
        RuntimeError: another worker cannot be reached.
    """
    if not is_over_hosts():
        return value
    import tensorflow as tf

    from acrnn.distribution.strategy import strategy

    def part(context):
        return tf.constant(value if context.replica_id_in_sync_group == 0 else np.zeros_like(value))

    with lost_workers_named():
        parts = strategy().experimental_distribute_values_from_function(part)
        return strategy().reduce(tf.distribute.ReduceOp.SUM, parts, axis=None).numpy()


@contextmanager
def lost_workers_named() -> Iterator[None]:
    """Turns TensorFlow's errors of a broken connection into one that names the remedy.

    Raises:
        RuntimeError: another worker cannot be reached.
    """
    import tensorflow as tf

    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        reason = str(error.message).partition("\n")[0]
        raise RuntimeError(
            f"another worker of {choice.CLUSTER} has ended or cannot be reached ({reason}); give the command on all hosts again, "
            "finished runs are kept"
        ) from error
