"""A small job for the engines, in a module that the workers of a cluster import."""

from __future__ import annotations

import os
import time
from pathlib import Path


def write_results(tasks, report, claim, folder: Path, seconds: float) -> None:
    """Job that notes each start in starts.txt, waits, and writes the result of each task; task 1 fails if it takes no time."""
    for (number,) in tasks:
        with claim(result_of(folder, number)):
            with (folder / "starts.txt").open("a") as file:
                file.write(f"{number} {os.getppid()} {os.environ.get('OMP_NUM_THREADS')}\n")
            time.sleep(seconds)
            if number == 1 and not seconds:
                raise ValueError("result 1 cannot be computed")
            result_of(folder, number).write_text("done")
        report("done", number, "value")


def result_of(folder: Path, number: int) -> Path:
    """File that a task writes."""
    return folder / f"result{number}.txt"
