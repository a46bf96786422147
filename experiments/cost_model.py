"""Cost of large jobs, projected from the measured throughput of the benchmark: core-hours, disk and operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acrnn.models.chen2018.config import Config
from acrnn.recipes import CHEN2018
from experiments import reference_networks

HEADER = ("job", "steps or utterances", "core-hours here", "operations (PFLOP)", "disk (GB)")
DEPTHS = range(1, 8)
# IEMOCAP, improvised speech of four emotions (2280 utterances): segments of 3 s by the rule of the front end chen2018.
SEGMENTS, FOLDS, CLASSES = 4419, 10, 4
_UTTERANCES = 1_000_000
_VALIDATION = 1 / 3  # a forward pass, in training steps
_SEGMENT_BYTES = 300 * 40 * 3 * 4


@dataclass(frozen=True)
class Throughput:
    """Throughput that the benchmark measured.

    Attributes:
        step_seconds: seconds of a training step of the full network per segment, by the depths 1, 3 and 5.
        prepared: utterances of 2.8 s prepared per second by one core.
        recognized: utterances of 2.8 s recognized per second by all cores.
        cores: number of cores of the training and the recognition.
    """

    step_seconds: Mapping[int, float]
    prepared: float
    recognized: float
    cores: int

    def segment_seconds(self, depth: int) -> float:
        """Seconds of training per segment: layers from the third on cost the same, the second has half their input maps."""
        one, three, five = (self.step_seconds[each] for each in (1, 3, 5))
        layer = (five - three) / 2
        if depth == 1:
            return one
        return one + (three - one) / 3 if depth == 2 else three + (depth - 3) * layer


def rows(throughput: Throughput) -> list[list[str]]:
    """Returns the table: Table I with one seed and with five, and preparing and recognizing a million utterances."""
    trained = SEGMENTS * (FOLDS - 2) / FOLDS + SEGMENTS / FOLDS * _VALIDATION
    per_depth = trained * FOLDS * CHEN2018.epochs  # segments trained in a depth, with those of the validation
    seconds = per_depth * sum(throughput.segment_seconds(depth) for depth in DEPTHS)
    operations = per_depth * sum(reference_networks.step_operations(_config(depth), 1) for depth in DEPTHS)
    table_1 = f"Table I of Chen et al. (2018) on IEMOCAP: {len(DEPTHS)} depths, {FOLDS} folds, {CHEN2018.epochs} epochs"
    steps = SEGMENTS * (FOLDS - 2) * CHEN2018.epochs * len(DEPTHS) / CHEN2018.batch_size
    disk = SEGMENTS * _SEGMENT_BYTES / 1e9
    prepared, recognized = _UTTERANCES / throughput.prepared, _UTTERANCES / throughput.recognized * throughput.cores
    return [
        *(
            [
                f"{table_1}, {seeds}",
                *_cells(count * steps, count * seconds * throughput.cores, count * operations, disk),
            ]
            for count, seeds in ((1, "one seed"), (5, "five seeds"))
        ),
        [
            "computing the features of a million utterances of 2.8 s",
            *_cells(_UTTERANCES, prepared, None, _UTTERANCES * _SEGMENT_BYTES / 1e9),
        ],
        ["recognizing them with ACRNN-1, ONNX", *_cells(_UTTERANCES, recognized, None, None)],
    ]


def _cells(count: float, core_seconds: float, operations: float | None, disk: float | None) -> list[str]:
    shown = "–" if operations is None else f"{operations / 1e15:,.1f}"
    return [f"{count:,.0f}", f"{core_seconds / 3600:,.1f}", shown, "–" if disk is None else f"{disk:,.1f}"]


def _config(depth: int) -> Config:
    return Config(num_classes=CLASSES, conv_layers=depth)
