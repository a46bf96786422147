"""How long from a sound file to its emotion: a new process (cold) and a loaded recogniser (warm), in each format.

Used by `experiments/benchmark.py --latency`. Weights do not change the time, so the networks are untrained, at full size.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from acrnn.crossval import Experiment, Prepared, Settings
from acrnn.export import version_folder
from acrnn.export.trained_model import TrainedModel
from acrnn.inference import Recognizer
from acrnn.models import MODELS
from acrnn.recipes import RECIPES

FORMATS = ("saved-model", "onnx", "litert")
SECONDS = 2.8  # the mean utterance of Emo-DB
HEADER = ("network", "format", "size (MB)", "cold: `acrnn predict FILE` (s)", "warm: `Recognizer.predict(FILE)` (ms)")


def rows(records: Path, depths: Sequence[int], repeats: int) -> Iterator[list[str]]:
    """A row for each depth and format: medians of the repeats."""
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
    """What the seconds were taken on."""
    from acrnn.crossval.environment import versions

    found = versions()
    return (
        f"{found['machine']}, TensorFlow {found['tensorflow']}, Python {found['python']}; a file of {SECONDS:g} s; networks of "
        f"full size, untrained, taken in float32; {time.strftime('%Y-%m-%d')}"
    )


def untrained(records: Path, depth: int) -> TrainedModel:
    """The 3-D ACRNN at full size, as an experiment would start with it."""
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
    return _median(lambda: subprocess.run(command, capture_output=True, check=True, env=os.environ), repeats)


def _warm(model: Path, runtime: str, sound: Path, repeats: int) -> float:
    recognizer = Recognizer.load(model, runtime)
    return _median(lambda: recognizer.predict(sound), 5 * repeats)


def _median(way, repeats: int) -> float:
    """Median seconds; the first time, which fills caches, does not count."""
    found = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        way()
        found.append(time.perf_counter() - started)
    return statistics.median(found[1:])
