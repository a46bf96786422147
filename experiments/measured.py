"""Measurements that print a Markdown table: timing in turns, and the file that the table goes into."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from acrnn import files


def median_seconds(jobs: Sequence[Callable[[], object]], repeats: int, least_seconds: float = 0.0) -> list[float]:
    """Returns the median seconds of each job. The jobs take turns, so that other load on the machine meets all of them alike.

    Args:
        jobs: functions to time.
        repeats: number of turns that count, at least; one more comes before them, which compiles and fills caches.
        least_seconds: more turns follow until those that count have taken this long, for jobs of a fraction of a second.
    """
    seconds: list[list[float]] = [[] for _ in jobs]
    while len(seconds[0]) <= repeats or sum(sum(measured[1:]) for measured in seconds) < least_seconds:
        for job, measured in zip(jobs, seconds, strict=True):
            started = time.perf_counter()
            job()
            measured.append(time.perf_counter() - started)
    return [statistics.median(measured[1:]) for measured in seconds]


def add_output(parser: argparse.ArgumentParser) -> None:
    """Adds the option that names a file for the table."""
    parser.add_argument("--output", type=Path, metavar="FILE", help="Markdown file to write (default: print only)")


def show(table: str, options: argparse.Namespace) -> None:
    """Prints a table, and writes it into the file of the options if they name one."""
    print(table)
    if options.output:
        files.write_text(options.output, table + "\n")
