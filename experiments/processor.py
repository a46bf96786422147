"""The processor of a measurement: its name, the features that decide the speed of networks, and the rate of its matrix products."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

_FEATURES = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512 bfloat16", "amx_bf16": "AMX bfloat16"}
_SIZE = 2048
OPERATIONS = 2.0 * _SIZE**3  # of `matrix_product`


def description() -> str:
    """Returns the processor with its features, the cores and the versions in one line."""
    from acrnn.crossval.environment import versions

    installed = versions()
    packages = ", ".join(f"{name} {installed[name]}" for name in (installed["backend"], "keras", "numpy", "python"))
    return f"{_name()} ({', '.join(features()) or 'features unknown'}), {os.cpu_count()} cores; {packages}"


def features() -> list[str]:
    """Returns the features of `_FEATURES` that the processor has; none where the system does not list them."""
    flags = set(_entry("flags").split())
    return [title for flag, title in _FEATURES.items() if flag in flags]


def _name() -> str:
    return _entry("model name") or "unknown processor"


def _entry(name: str) -> str:
    """Value of an entry in /proc/cpuinfo; "" on systems without it."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def matrix_product() -> Callable[[], object]:
    """Returns a function that multiplies two square matrices in float32 on Keras' device and waits for the result."""
    from keras import ops

    matrix = ops.ones((_SIZE, _SIZE))
    return lambda: ops.convert_to_numpy(ops.matmul(matrix, matrix)[:1])
