"""The environment of a run: software versions, machine, memory."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence

from acrnn.console import import_quietly
from acrnn.crossval import determinism
from acrnn.distribution import devices
from acrnn.records.versions import version_of

_PACKAGES = ("acrnn", "tensorflow", "keras", "numpy", "scikit-learn")


def versions() -> dict[str, str]:
    """Versions of the packages that compute a run, by name, with Python, the Keras backend, the machine and the threads.

    Results of different numbers of threads differ by rounding errors, since the threads of a matrix product sum in another
    order. Files of earlier versions do not state the threads. The entry "deterministic" is there for runs with deterministic
    operations only, and "distribute" for runs on several devices.
    """
    import_quietly("keras")
    import keras

    backend = keras.backend.backend()
    packages = [backend if name == "tensorflow" else name for name in _PACKAGES]
    entries = {determinism.FIELD: "yes"} if determinism.is_demanded() else {}
    return package_versions(packages, backend=backend, **entries, **devices.versions())


def package_versions(packages: Sequence[str], **more: str) -> dict[str, str]:
    """Versions of some packages by name, with Python, further entries and the kind of machine."""
    return {
        **{name: version_of(name) for name in packages},
        "python": platform.python_version(),
        **more,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "threads": str(num_threads()),
    }


def num_threads() -> int:
    """Number of threads of an operation: TF_NUM_INTRAOP_THREADS, which `workers` sets, or the cores of this process."""
    if (value := os.environ.get("TF_NUM_INTRAOP_THREADS", "")).isdecimal() and int(value):
        return int(value)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory_mib() -> int | None:
    """Largest memory that this process has used, in MiB; None where the system does not report it."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # macOS reports bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20
