"""Trains the same fold several times in separate processes, and tells which numbers are equal and what determinism costs.

    python experiments/determinism.py --output experiments/results/determinism.md -- --dataset emodb --folds 0 --epochs 3

What follows `--` are options of experiments/run_cv.py. Each row trains as often as --repeats says; the turns alternate, so that other
load on the machine meets all rows alike. Differences are those of the probabilities of the test part, which results files hold to
six decimals.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn.console import Parser, positive, run_job
from acrnn.crossval.results import read_results
from acrnn.reports.tables import markdown
from experiments.measured import add_output, show

HEADER = ("training", "seconds of a run", "ratio", "largest difference between its runs", "to the first row")


@dataclass(frozen=True)
class Way:
    """A way to train.

    Attributes:
        title: for the table.
        options: further options of run_cv.
        environment: further variables.
    """

    title: str
    options: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=dict)


WAYS = (
    Way("default"),
    Way("--deterministic", ["--deterministic"]),
    Way("--deterministic, one thread", ["--deterministic"], {"TF_NUM_INTRAOP_THREADS": "1"}),
    Way("--deterministic, without oneDNN", ["--deterministic"], {"TF_ENABLE_ONEDNN_OPTS": "0"}),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(argv)
    return run_job(lambda: run(options), parser)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=positive, default=2, help="runs of each row (default: %(default)s)")
    parser.add_argument("options", nargs="+", metavar="-- OPTIONS", help="options of run_cv.py")
    add_output(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Trains in every way in turns, and shows the table."""
    runs: dict[str, list[tuple[float, np.ndarray]]] = {way.title: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(options.repeats):
            for number, way in enumerate(WAYS):
                runs[way.title].append(train(way, options.options, Path(folder, f"{turn}-{number}")))
    first_seconds, first = statistics.median(seconds for seconds, _ in runs[WAYS[0].title]), runs[WAYS[0].title][0][1]
    rows = []
    for title, own in runs.items():
        seconds = statistics.median(each for each, _ in own)
        spread = max(_difference(own[0][1], each) for _, each in own)
        rows.append([title, f"{seconds:.0f}", f"{seconds / first_seconds:.2f}", _shown(spread)])
        rows[-1].append(_shown(_difference(first, own[0][1])))
    caption = f"`run_cv {' '.join(options.options)}`, {options.repeats} runs of each row; {time.strftime('%Y-%m-%d')}."
    show(f"{caption}\n\n{markdown(HEADER, rows)}", options)
    return 0


def train(way: Way, options: Sequence[str], folder: Path) -> tuple[float, np.ndarray]:
    """Trains in a process of its own; returns the seconds of a run and the probabilities of all test parts.

    Raises:
        RuntimeError: run_cv failed; the message ends with its own.
    """
    command = [sys.executable, str(Path(__file__).with_name("run_cv.py")), *options, *way.options]
    command += ["--no-models", "--output-dir", str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != "TF_DETERMINISTIC_OPS"}
    done = subprocess.run(command, env={**environment, **way.environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{way.title}: run_cv failed: {done.stderr.strip()[-2000:]}")
    found = read_results(folder).runs
    return statistics.mean(run.seconds for run in found), np.concatenate([run.probabilities for run in found])


def _difference(first: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(first - other).max())


def _shown(difference: float) -> str:
    return f"{difference:.1e}" if difference else "0"


if __name__ == "__main__":
    sys.exit(main())
