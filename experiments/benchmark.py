"""How much faster is the fast way? Each pair is timed alternately in one run, and told as a ratio of medians.

    python experiments/benchmark.py --records records/toy_chen2018 --conv-layers 1 --repeats 5
    python experiments/benchmark.py --records records/toy_chen2018 --latency 1,5

A ratio of one run holds on a busy machine as well; seconds do not. The pairs are the choices this project makes: bfloat16
against float32, one compiled network for all folds against one each, segments in memory against TFRecords read anew.
`--latency` tells how long from a sound file to its emotion instead, in seconds, for the formats of an export side by side.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from acrnn import files, reports
from acrnn.batches.sources import MEMORY_BYTES, Feeder
from acrnn.console import import_quietly, numbers, positive, run_job
from acrnn.models import MODELS
from acrnn.recipes import RECIPES
from acrnn.records import RecordSet

Pair = tuple[str, Callable[[], object], Callable[[], object]]  # what is compared, the slower way, the faster way


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage."""
    options = _parser().parse_args(given)
    return run_job(lambda: run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=Path, required=True, help="record set of an ACRNN")
    parser.add_argument("--conv-layers", type=positive, default=1, help="(default: %(default)s)")
    parser.add_argument("--repeats", type=positive, default=5, help="timings of each way (default: %(default)s)")
    parser.add_argument(
        "--latency", type=numbers, metavar="DEPTHS", help="time exported networks of these depths instead: 1,5"
    )
    parser.add_argument("--output", type=Path, help="Markdown file to write the table to, beside printing it")
    return parser


def run(options: argparse.Namespace) -> int:
    """Times every pair, or every format, and prints a table."""
    import_quietly("keras")
    text = _latencies(options) if options.latency else _ratios(options)
    print(text)
    if options.output:
        files.write_text(options.output, text + "\n")
    return 0


def _latencies(options: argparse.Namespace) -> str:
    from experiments import latency

    rows = list(latency.rows(options.records, options.latency, options.repeats))
    return f"{latency.machine()}; medians of {options.repeats}.\n\n{reports.markdown(latency.HEADER, rows)}"


def _ratios(options: argparse.Namespace) -> str:
    rows = [(name, *timed(slow, fast, options.repeats)) for name, slow, fast in pairs(options)]
    cells = [[name, f"{slow:.4g}", f"{fast:.4g}", f"{slow / fast:.3g}"] for name, slow, fast in rows]
    return reports.markdown(["slower way / faster way", "seconds", "seconds", "ratio"], cells)


def timed(slow: Callable[[], object], fast: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median seconds of both, taken in turns; the first turn, which compiles, does not count."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 1):
        for way, found in zip((slow, fast), seconds, strict=True):
            started = time.perf_counter()
            way()
            found.append(time.perf_counter() - started)
    return statistics.median(seconds[0][1:]), statistics.median(seconds[1][1:])


def pairs(options: argparse.Namespace) -> list[Pair]:
    """The comparisons, on the first batch or on one pass over the records."""
    system, record_set = MODELS["chen2018-3d"], RecordSet(options.records)
    system.check_records(record_set)
    recipe = RECIPES["chen2018"]
    config = system.configure(record_set.manifest, **{**recipe.network, "conv_layers": options.conv_layers})
    ids = [row.id for row in record_set.utterances]
    memory, stream = (Feeder(record_set, size).source(ids) for size in (MEMORY_BYTES, 0))
    networks = {
        precision: system.estimator(config, replace(recipe, precision=precision))
        for precision in ("float32", "mixed_bfloat16")
    }
    batch = next(memory.ordered(recipe.batch_size))
    size = f"batch {len(batch.labels)}, {options.conv_layers} conv"

    def step(precision: str) -> None:
        model = networks[precision].model
        model.train_on_batch(batch.inputs, _one_hot(batch.labels, config.num_classes))

    return [
        (f"training step ({size}): float32 / mixed_bfloat16", lambda: step("float32"), lambda: step("mixed_bfloat16")),
        (
            "fresh start of a fold: network built and compiled anew / set back",
            lambda: system.estimator(config, recipe).model.train_on_batch(
                batch.inputs, _one_hot(batch.labels, config.num_classes)
            ),
            lambda: (networks["float32"].reset(0), step("float32")),
        ),
        (
            f"one pass over {len(memory)} segments: TFRecords / memory",
            lambda: list(stream.ordered(recipe.batch_size)),
            lambda: list(memory.ordered(recipe.batch_size)),
        ),
    ]


def _one_hot(labels, num_classes: int):
    import numpy as np

    return np.eye(num_classes, dtype=np.float32)[labels]


if __name__ == "__main__":
    sys.exit(main())
