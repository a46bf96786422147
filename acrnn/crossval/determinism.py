"""Deterministic operations: with them the same seed gives the same numbers on the same machine, bit by bit.

TensorFlow then refuses operations whose sums depend on the order in which threads finish. Another number of threads, another
processor or another version of a package may still round differently; the results of a run state them.
"""

from __future__ import annotations

import os

from acrnn.console import import_quietly
from acrnn.errors import FieldError

FIELD = "deterministic"
_VARIABLE = "TF_DETERMINISTIC_OPS"  # TensorFlow reads it too, and worker processes inherit it


def demand() -> None:
    """Demands deterministic operations in this process and its workers; `apply` begins them."""
    os.environ[_VARIABLE] = "1"


def is_demanded() -> bool:
    """True if deterministic operations are demanded, by `demand` or in the environment."""
    return os.environ.get(_VARIABLE, "").lower() in ("1", "true")


def apply() -> None:
    """Makes the operations of this process deterministic if that is demanded; call it before a network is built.

    Raises:
        FieldError: the Keras backend is not TensorFlow.
    """
    if not is_demanded():
        return
    import_quietly("keras")
    import keras

    if (backend := keras.backend.backend()) != "tensorflow":
        raise FieldError(
            FIELD, True, f"the Keras backend is {backend}, and it is there with tensorflow only; leave it out"
        )
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
