"""The devices of the choice: found before a training, checked, and stated in its results."""

from __future__ import annotations

from acrnn.console import import_quietly
from acrnn.distribution import choice
from acrnn.errors import FieldError


def begin() -> None:
    """Finds the devices, and connects to the other hosts; call it before anything else uses TensorFlow.

    Raises:
        FieldError: there are fewer than two devices, the cluster is not described, or the Keras backend is not TensorFlow.
    """
    if choice.demanded() == choice.NONE:
        return
    if choice.demanded() == choice.MULTI_WORKER:
        choice.worker()
    import_quietly("keras")
    import keras

    if (backend := keras.backend.backend()) != "tensorflow":
        problem = f"the Keras backend is {backend}, and several devices are there with tensorflow only; leave it out"
        raise FieldError(choice.FIELD, choice.demanded(), problem)
    from acrnn.distribution.strategy import strategy

    strategy()


def num_replicas() -> int:
    """Returns the number of replicas of a network that is trained, 1 without distribution."""
    if choice.demanded() == choice.NONE:
        return 1
    from acrnn.distribution.strategy import strategy

    return strategy().num_replicas_in_sync


def check_batch_size(batch_size: int) -> None:
    """Refuses batches that have no segment for some of the replicas.

    Raises:
        FieldError: the batch size is smaller than the number of replicas.
    """
    if batch_size < num_replicas():
        problem = (
            f"each of the {num_replicas()} replicas needs a segment of every batch; choose {num_replicas()} or more"
        )
        raise FieldError("batch_size", batch_size, problem)


def versions() -> dict[str, str]:
    """Returns the entry of a run's versions that states the replicas; empty without distribution."""
    return {} if choice.demanded() == choice.NONE else {choice.FIELD: f"{choice.demanded()}, {num_replicas()} replicas"}
