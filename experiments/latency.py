"""Seconds from a sound file to its emotion, in a new process (cold) and with a loaded recognizer (warm), in each format.

Used by `experiments/benchmark.py --latency`. The networks have their full size and are untrained, since weights do not change
the time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from acrnn.crossval.experiment import Experiment, Prepared
from acrnn.crossval.settings import Settings
from acrnn.export import version_folder
from acrnn.export.trained_model import TrainedModel
from acrnn.inference.recognizer import Recognizer
from acrnn.models import MODELS
from acrnn.recipes import RECIPES
from experiments.measured import median_seconds

FORMATS = ("saved-model", "onnx", "litert")
SECONDS = 2.8  # mean duration of an utterance of Emo-DB
HEADER = ("network", "format", "size (MB)", "cold: `acrnn predict FILE` (s)", "warm: `Recognizer.predict(FILE)` (ms)")


def rows(records: Path, depths: Sequence[int], repeats: int) -> Iterator[list[str]]:
    """Yields a table row for each depth and format, with medians over the repeats.

    Args:
        records: folder of a record set of chen2018-3d.
        depths: numbers of convolution layers.
        repeats: number of timings.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sound = _sound(folder)
        for depth in depths:
            trained = untrained(records, depth)
            for name in FORMATS:
                out = folder / f"acrnn{depth}-{name}" / "1"
                version_folder.export(trained, out, (name,))
                size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
                cold, warm = _cold(out, name, sound, repeats), _warm(out, name, sound, repeats)
                yield [f"ACRNN-{depth}", name, f"{size / 1e6:.1f}", f"{cold:.2f}", f"{1000 * warm:.0f}"]


def machine() -> str:
    """Returns the machine, the versions and the conditions of the measurement in one line."""
    from acrnn.crossval.environment import versions as installed_versions

    versions = installed_versions()
    return (
        f"{versions['machine']}, TensorFlow {versions['tensorflow']}, Python {versions['python']}; a file of {SECONDS:g} s; networks of "
        f"full size, untrained, taken in float32; {time.strftime('%Y-%m-%d')}"
    )


def untrained(records: Path, depth: int) -> TrainedModel:
    """Returns the untrained 3-D ACRNN at full size with this number of convolution layers."""
    prepared = Prepared.of(Experiment(records, "chen2018-3d", RECIPES["tuned"], options={"conv_layers": depth}))
    network = MODELS["chen2018-3d"].estimator(prepared.config, RECIPES["tuned"]).model
    return TrainedModel.of_network(
        network, Settings.from_dict(prepared.settings()), {"speakers": [], "epochs": 0, "seed": 0}
    )


def _sound(folder: Path) -> Path:
    import soundfile

    path = folder / "sound.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, round(SECONDS * 16000)), 16000)
    return path


def _cold(model: Path, runtime: str, sound: Path, repeats: int) -> float:
    command = [sys.executable, "-m", "acrnn", "predict", "--model", model, "--runtime", runtime, "--json", sound]
    return median_seconds([lambda: subprocess.run(command, capture_output=True, check=True, env=os.environ)], repeats)[
        0
    ]


def _warm(model: Path, runtime: str, sound: Path, repeats: int) -> float:
    recognizer = Recognizer.load(model, runtime)
    return median_seconds([lambda: recognizer.predict(sound)], 5 * repeats)[0]
