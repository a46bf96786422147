"""The environment of a run: software versions, machine, memory."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata

from acrnn.console import import_quietly

_PACKAGES = ("acrnn", "tensorflow", "keras", "numpy", "scikit-learn")


def versions() -> dict[str, str]:
    """Versions of the packages that compute a run, by name, with Python, the Keras backend and the kind of machine."""
    import_quietly("keras")
    import keras

    return package_versions(_PACKAGES, backend=keras.backend.backend())


def package_versions(packages: Sequence[str], **more: str) -> dict[str, str]:
    """Versions of some packages by name, with Python, further entries and the kind of machine."""
    return {
        **{name: metadata.version(name) for name in packages},
        "python": platform.python_version(),
        **more,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def peak_memory_mib() -> int | None:
    """Largest memory that this process has used, in MiB; None where the system does not report it."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # macOS reports bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20
