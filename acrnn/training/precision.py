"""Measures which arithmetic precision is faster: bfloat16 is on processors that have it, and slower on others."""

from __future__ import annotations

import time
from functools import cache

from acrnn.console import import_quietly
from acrnn.recipes.recipe import BFLOAT16, FLOAT32

_SIZE = 512
_SECONDS = 0.025  # of measurement for each precision
_LEAST_GAIN = 1.2  # of bfloat16 in a matrix product; a smaller one is used up by the rest of a training step


@cache
def faster() -> str:
    """Returns the precision with the faster matrix products on Keras' device, "float32" or "mixed_bfloat16", in 50 ms."""
    gain = _seconds("float32") / _seconds("bfloat16")
    return BFLOAT16 if gain >= _LEAST_GAIN else FLOAT32


def _seconds(dtype: str) -> float:
    """Shortest time of a matrix product in a data type."""
    import_quietly("keras")
    from keras import ops

    matrix = ops.cast(ops.ones((_SIZE, _SIZE)), dtype)

    def multiply() -> None:
        ops.convert_to_numpy(ops.cast(ops.matmul(matrix, matrix)[:1], "float32"))  # the copy waits for the device

    multiply()  # compiles
    seconds: list[float] = []
    end = time.perf_counter() + _SECONDS
    while not seconds or time.perf_counter() < end:
        started = time.perf_counter()
        multiply()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
