"""The strategy of TensorFlow that this process trains with, made once."""

from __future__ import annotations

from functools import cache

import tensorflow as tf

from acrnn.distribution import choice
from acrnn.errors import FieldError


@cache
def strategy() -> tf.distribute.Strategy:
    """Returns the strategy of the choice: over all GPUs of this machine, else its CPU devices, or over several hosts.

    Raises:
        FieldError: this machine has one device.
    """
    if choice.demanded() == choice.MULTI_WORKER:
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) < 2:
        problem = f"TensorFlow shows one device, {devices[0].name}, and it needs two or more; leave it out"
        raise FieldError(choice.FIELD, choice.demanded(), problem)
    return tf.distribute.MirroredStrategy([device.name for device in devices])
