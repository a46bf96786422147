"""Preparation and recognition in the benchmark: features against a plain loop, and batches of recordings against real time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import python_speech_features

from acrnn.export import version_folder
from acrnn.frontends import FRONTENDS
from acrnn.inference.recognizer import Recognizer
from experiments import latency, processor, reference_networks
from experiments.measured import median_seconds

PREPARING_HEADER = ("utterances", "plain loop (s)", "this front end (s)", "ratio")
RECOGNITION_HEADER = ("network", "format", "recordings at once", "times real time", "share of the matrix-product rate")
UTTERANCES = (25, 100, 400)  # ×1, ×4, ×16
_SECONDS = latency.SECONDS
_RATE_HZ = 16000


def preparing_rows(repeats: int, counts: Sequence[int] = UTTERANCES) -> Iterator[list[str]]:
    """Yields a table row for each number of utterances of 2.8 s: log-Mels with both deltas by the loop and by the project."""
    frontend = FRONTENDS["chen2018"]
    waveforms = _waveforms(max(counts))
    for count in counts:
        chosen = waveforms[:count]
        plain, own = median_seconds(
            [lambda c=chosen: [plain_features(w) for w in c], lambda c=chosen: [frontend.extract(w) for w in c]],
            repeats,
        )
        yield [str(count), f"{plain:.3g}", f"{own:.3g}", f"{plain / own:.2f}"]


def plain_features(waveform: np.ndarray) -> np.ndarray:
    """Log-Mels with their deltas as in the documentation of python_speech_features, float [frames, 40, 3]."""
    energies, _ = python_speech_features.fbank(waveform, _RATE_HZ, nfilt=40, nfft=512, preemph=0.0, winfunc=np.hamming)
    static = np.log(energies)
    delta = python_speech_features.delta(static, 2)
    return np.stack([static, delta, python_speech_features.delta(delta, 2)], axis=-1)


def recognition_rows(
    records: Path, depths: Sequence[int], formats: Sequence[str], repeats: int, batch: int = 16
) -> Iterator[list[str]]:
    """Yields a table row for each depth and format: seconds of sound recognized in a second, from the waveform on.

    A recording of 2.8 s is a segment, so the operations of the network are those of a batch of segments.
    """
    waveforms = _waveforms(batch)
    with tempfile.TemporaryDirectory() as temporary:
        for depth in depths:
            trained = latency.untrained(records, depth)
            for name in formats:
                out = Path(temporary, f"acrnn{depth}-{name}", "1")
                version_folder.export(trained, out, (name,))
                recognizer = Recognizer.load(out, name, check_speech=False)
                jobs = [lambda r=recognizer: list(r.predict_batch(waveforms, _RATE_HZ)), processor.matrix_product()]
                seconds, product = median_seconds(jobs, repeats)
                operations = reference_networks.forward_operations(trained.settings.config, batch)
                share = operations / seconds / (processor.OPERATIONS / product)
                yield [f"ACRNN-{depth}", name, str(batch), f"{batch * _SECONDS / seconds:.0f}", f"{share:.2f}"]


def throughput(records: Path, repeats: int, batch: int = 16, depth: int = 1) -> tuple[float, float]:
    """Returns the utterances per second that are prepared by one core, and recognized by all from a batch with ONNX."""
    waveforms, frontend = _waveforms(batch), FRONTENDS["chen2018"]
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary, "model", "1")
        version_folder.export(latency.untrained(records, depth), out, ("onnx",))
        recognizer = Recognizer.load(out, "onnx", check_speech=False)
        seconds = median_seconds(
            [
                lambda: [frontend.extract(waveform) for waveform in waveforms],
                lambda: list(recognizer.predict_batch(waveforms, _RATE_HZ)),
            ],
            repeats,
        )
    return batch / seconds[0], batch / seconds[1]


def _waveforms(count: int) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.normal(0, 0.1, round(_SECONDS * _RATE_HZ)).astype(np.float32) for _ in range(count)]
