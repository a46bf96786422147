"""Measures how fast training, preparation and recognition are, as ratios in one run: all ways of a row take turns.

    python experiments/benchmark.py --records records/emodb_chen2018 --output benchmark.md
    python experiments/benchmark.py --records records/emodb_chen2018 --parts choices --repeats 3
    python experiments/benchmark.py --records records/emodb_chen2018 --latency 1,5

Parts: `steps`, training steps of the project's loop against the rate of matrix products, plain Keras and, where it is installed,
PyTorch; `profile`, the parts of a step; `loop`, epochs against bare steps; `preparing`, features against a plain loop;
`recognition`, batches of recordings against real time; `cost`, large jobs, projected from that; `choices`, pairs of ways of this
project. Expect ten minutes on two cores (experiments/results/benchmark.md). A ratio of one run also holds on a busy machine; seconds
do not.

`--latency` measures the seconds from a sound file to its emotion instead, for exports in each format. Expect for one convolution
layer: 5.3 s in a new process with TensorFlow, 0.3 s with ONNX Runtime and 0.2 s with LiteRT (experiments/results/latency.md).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from unittest import mock

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn.batches.sources import MEMORY_BYTES, Batch, Feeder, MemorySource, Source
from acrnn.console import comma_separated, import_quietly, numbers, positive, run_job
from acrnn.crossval.environment import num_threads
from acrnn.errors import FieldError
from acrnn.models import MODELS, System
from acrnn.recipes import CHEN2018
from acrnn.records.manifest import Manifest
from acrnn.records.record_set import RecordSet
from acrnn.reports.tables import markdown
from experiments.measured import add_output, median_seconds, show

SYSTEM = "chen2018-3d"
PARTS = ("steps", "profile", "loop", "preparing", "recognition", "cost", "choices")
_TITLES = {
    "steps": "Training steps",
    "profile": "Parts of a training step",
    "loop": "Training loop",
    "preparing": "Preparation",
    "recognition": "Recognition",
    "cost": "Cost of large jobs, projected",
    "choices": "Choices of this project",
}
_LOOP_UTTERANCES, _VALIDATION_UTTERANCES = 200, 25  # as in leave-one-speaker-out of ten speakers


class Pair(NamedTuple):
    """Two ways to the same end: their title, the slower way and the faster way."""

    title: str
    slow: Callable[[], object]
    fast: Callable[[], object]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(argv)
    return run_job(lambda: run(options), parser)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=Path, required=True, metavar="DIR", help="record set of chen2018-3d")
    parser.add_argument(
        "--conv-layers", type=positive, default=1, metavar="N", help="convolution layers (default: %(default)s)"
    )
    parser.add_argument("--repeats", type=positive, default=5, metavar="N", help="timings (default: %(default)s)")
    parser.add_argument(
        "--parts",
        type=comma_separated,
        default=PARTS,
        metavar="NAME,…",
        help=f"parts of the benchmark, of {', '.join(PARTS)} (default: all)",
    )
    parser.add_argument(
        "--latency", type=numbers, metavar="N,N", help="time exports of networks with these numbers of layers instead"
    )
    add_output(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Times every part, or every format, and prints the tables."""
    for name in options.parts:
        if name not in PARTS:
            raise FieldError("parts", name, f"it is unknown; choose from {', '.join(PARTS)}")
    import_quietly("keras")
    show(_latencies(options) if options.latency else page(options), options)
    return 0


def page(options: argparse.Namespace) -> str:
    """Times the parts of the options and returns their tables, with the machine."""
    from experiments import processor

    tables = {
        "steps": _steps,
        "profile": _profile,
        "loop": _loop,
        "preparing": _preparing,
        "recognition": _recognition,
        "cost": _cost,
        "choices": _ratios,
    }
    chosen = [name for name in PARTS if name in options.parts]
    parts = []
    for number, name in enumerate(chosen, 1):
        print(f"benchmark, part {number} of {len(chosen)}: {_TITLES[name]}", file=sys.stderr, flush=True)
        parts.append(f"## {_TITLES[name]}\n\n{tables[name](options)}")
    lead = f"{processor.description()}; medians of {options.repeats} or more; {time.strftime('%Y-%m-%d')}."
    return "\n\n".join(["# Benchmark", lead, *parts])


def _source(options: argparse.Namespace, first: int = 0, count: int | None = None) -> tuple[Source, Manifest]:
    """Segments of some utterances of the records, in memory, and the manifest."""
    record_set = RecordSet(options.records)
    ids = [row.id for row in record_set.utterances][first:][:count]
    return Feeder(record_set, MEMORY_BYTES).source(ids), record_set.manifest


def _steps(options: argparse.Namespace) -> str:
    from experiments import benchmark_training

    source, manifest = _source(options)
    return markdown(
        benchmark_training.STEP_HEADER, list(benchmark_training.step_rows(source, manifest, options.repeats))
    )


def _profile(options: argparse.Namespace) -> str:
    from experiments import step_profile

    source, manifest = _source(options)
    return "float32.\n\n" + markdown(step_profile.HEADER, list(step_profile.rows(source, manifest, options.repeats)))


def _loop(options: argparse.Namespace) -> str:
    from experiments import benchmark_training

    validation, _ = _source(options, count=_VALIDATION_UTTERANCES)
    train, manifest = _source(options, _VALIDATION_UTTERANCES, _LOOP_UTTERANCES)
    rows = benchmark_training.loop_rows(train, validation, manifest)
    return f"{len(train)} segments train and {len(validation)} validate.\n\n" + markdown(
        benchmark_training.LOOP_HEADER, list(rows)
    )


def _preparing(options: argparse.Namespace) -> str:
    from experiments import benchmark_work

    return markdown(benchmark_work.PREPARING_HEADER, list(benchmark_work.preparing_rows(options.repeats)))


def _recognition(options: argparse.Namespace) -> str:
    from experiments import benchmark_work

    rows = benchmark_work.recognition_rows(options.records, (1, 5), ("saved-model", "onnx"), options.repeats)
    return markdown(benchmark_work.RECOGNITION_HEADER, list(rows))


def _latencies(options: argparse.Namespace) -> str:
    from experiments import latency

    rows = list(latency.rows(options.records, options.latency, options.repeats))
    return f"{latency.machine()}; medians of {options.repeats}.\n\n{markdown(latency.HEADER, rows)}"


def _ratios(options: argparse.Namespace) -> str:
    cells = []
    for pair in pairs(options):
        slow, fast = median_seconds((pair.slow, pair.fast), options.repeats)
        cells.append([pair.title, f"{slow:.4g}", f"{fast:.4g}", f"{slow / fast:.3g}"])
    return markdown(["slower way / faster way", "seconds", "seconds", "ratio"], cells)


def _cost(options: argparse.Namespace) -> str:
    from acrnn.training.precision import faster
    from experiments import benchmark_training, benchmark_work, cost_model

    source, manifest = _source(options)
    seconds = benchmark_training.segment_seconds(source, manifest, options.repeats)
    prepared, recognized = benchmark_work.throughput(options.records, options.repeats)
    measured = cost_model.Throughput(seconds, prepared, recognized, num_threads())
    return f"Training in {faster()}.\n\n" + markdown(cost_model.HEADER, cost_model.rows(measured))


def pairs(options: argparse.Namespace) -> list[Pair]:
    """Returns the comparisons, on the first batch or on one pass over the records."""
    system, record_set = MODELS[SYSTEM], RecordSet(options.records)
    system.check_records(record_set)
    config = system.configure(record_set.manifest, **{**CHEN2018.network, "conv_layers": options.conv_layers})
    ids = [row.id for row in record_set.utterances]
    memory, stream = (Feeder(record_set, size).source(ids) for size in (MEMORY_BYTES, 0))
    batch = next(memory.ordered(CHEN2018.batch_size))
    return [*_training_pairs(system, config, batch), _reading_pair(memory, stream)]


def _training_pairs(system: System, config, batch: Batch) -> list[Pair]:
    """A training step by both precisions, and the start of a fold with one network or another."""
    import numpy as np

    from acrnn import recurrent

    targets = np.eye(config.num_classes, dtype=np.float32)[batch.labels]

    def estimator(precision: str):
        return system.estimator(config, replace(CHEN2018, precision=precision))

    def step(network) -> None:
        network.model.train_on_batch(batch.inputs, targets)

    def with_keras_blstm(precision: str):
        network = estimator(precision)
        with mock.patch.object(recurrent, "is_faster", return_value=False):
            step(network)  # compiled here for this batch
        return network

    full, half = estimator("float32"), estimator("mixed_bfloat16")
    plain = {precision: with_keras_blstm(precision) for precision in ("float32", "mixed_bfloat16")}
    size = f"batch {len(batch.labels)}, {config.conv_layers} conv"
    return [
        Pair(f"training step ({size}): float32 / mixed_bfloat16", lambda: step(full), lambda: step(half)),
        *(
            Pair(
                f"training step ({size}), {precision}: BLSTM of Keras / of this project",
                lambda slow=plain[precision]: step(slow),
                lambda fast=fast: step(fast),
            )
            for precision, fast in (("float32", full), ("mixed_bfloat16", half))
        ),
        Pair(
            "start of a fold: network built and compiled again / reset",
            lambda: step(estimator("float32")),
            lambda: (full.reset(0), step(full)),
        ),
    ]


def _reading_pair(memory: MemorySource, stream) -> Pair:
    return Pair(
        f"one pass over {len(memory)} segments: TFRecords / memory",
        lambda: list(stream.ordered(CHEN2018.batch_size)),
        lambda: list(memory.ordered(CHEN2018.batch_size)),
    )


if __name__ == "__main__":
    sys.exit(main())
