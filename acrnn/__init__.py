"""Speech emotion recognition with 3-D attention-based convolutional recurrent networks, after Chen et al. (2018)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acrnn.inference import Recognizer

# TensorFlow reads this at its import. Its errors arrive as exceptions; the log only adds notes on the hardware.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Processes can share a GPU only if none of them reserves its whole memory at the start.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# ONNX Runtime sends no usage data and writes no files of its own.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
__all__ = ["Recognizer", "__version__"]


def __getattr__(name: str) -> type[Recognizer]:
    """Imports `acrnn.Recognizer` at its first use, so that importing acrnn stays fast."""
    if name == "Recognizer":
        from acrnn.inference import Recognizer

        return Recognizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
