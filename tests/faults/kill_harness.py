"""Kills commands at random times, repeats them, and compares what they leave with the files of an uninterrupted run.

    python tests/faults/kill_harness.py --kills 100 --out faults.md

Every trial starts in an empty folder: a command gets SIGKILL once to three times, at times spread over its usual duration, with
its workers or without them, and is then repeated until its end. A trial survives if this last command succeeds and leaves the
files of an uninterrupted run, equal in all that does not tell time. Expect about half a minute for each kill on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

import h5py
import numpy as np

ROOT = Path(__file__).parent.parent.parent
MOST_KILLS = 3  # of a trial
TIMES = {"seconds", "peak_memory_mib", "sha256"}  # keys of results that differ between two runs


@dataclass(frozen=True)
class Job:
    """A command that writes a folder.

    Attributes:
        name: name in the table.
        arguments: arguments of Python; the folder follows them.
    """

    name: str
    arguments: Sequence[str]

    def start(self, folder: Path) -> subprocess.Popen:
        """Starts the command in a process group of its own; its output goes to a file beside the folder."""
        with folder.with_suffix(".log").open("w") as log:
            return subprocess.Popen(
                [sys.executable, *self.arguments, str(folder)],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


@dataclass
class Outcome:
    """Counts of a job's trials.

    Attributes:
        kills: number of kills.
        trials: number of trials.
        losses: a description of each trial that did not survive.
    """

    kills: int = 0
    trials: int = 0
    losses: list[str] = field(default_factory=list)


def finished(job: Job, folder: Path) -> float:
    """Runs a job to its end and returns its duration in seconds.

    Raises:
        RuntimeError: the job failed; the message has the end of its output.
    """
    started = time.monotonic()
    if job.start(folder).wait():
        raise RuntimeError(folder.with_suffix(".log").read_text()[-500:])
    return time.monotonic() - started


def kill(job: Job, folder: Path, is_due: Callable[[], bool], with_workers: bool) -> bool:
    """Starts a job and kills it when it is due; returns False if it had ended before."""
    process = job.start(folder)
    while process.poll() is None:
        if is_due():
            os.killpg(process.pid, signal.SIGKILL) if with_workers else process.kill()
            process.wait()
            return True
        time.sleep(0.002)
    return False


class After:
    """Is true some seconds after its first call."""

    def __init__(self, seconds: float):
        self.seconds, self.started = seconds, None

    def __call__(self) -> bool:
        now = time.monotonic()
        self.started = self.started or now
        return now - self.started >= self.seconds


def trial(
    job: Job, expected: Path, folder: Path, kills: Sequence[tuple[Callable[[], bool], bool]]
) -> tuple[int, str | None]:
    """Kills a job, repeats it until its end, and compares the folder with the expected one.

    Args:
        job: the job.
        expected: folder of an uninterrupted run.
        folder: folder of the trial.
        kills: when a kill is due, and whether the workers are killed too.

    Returns:
        The number of kills, and a description of the loss; None if there is none.
    """
    done = sum([kill(job, folder, *each) for each in kills])
    try:
        finished(job, folder)
    except RuntimeError as error:
        return done, f"the command failed: {error}"
    different = differences(expected, folder)
    return done, f"other than an uninterrupted run: {', '.join(different)}" if different else None


def differences(expected: Path, folder: Path) -> list[str]:
    """Returns the names of files that one folder lacks, or whose contents differ in more than times."""
    names = sorted({str(path.relative_to(base)) for base in (expected, folder) for path in base.rglob("*")})
    return [name for name in names if not _equal(expected / name, folder / name)]


def _equal(first: Path, second: Path) -> bool:
    if not (first.exists() and second.exists()):
        return False
    if first.is_dir() or first.suffix in (".html", ".png"):  # drawn from the results, with times
        return True
    if first.suffix == ".json":
        return _without_times(json.loads(first.read_text())) == _without_times(json.loads(second.read_text()))
    if first.suffix == ".keras":
        return all(
            one[0] == other[0] and np.array_equal(one[1], other[1])
            for one, other in zip(_weights(first), _weights(second), strict=True)
        )
    return first.read_bytes() == second.read_bytes()


def _without_times(value):
    if isinstance(value, dict):
        return {name: _without_times(each) for name, each in value.items() if name not in TIMES}
    return [_without_times(each) for each in value] if isinstance(value, list) else value


def _weights(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the name and the values of each weight of a saved network."""
    with ZipFile(path) as archive, archive.open("model.weights.h5") as member, h5py.File(member) as file:
        values: list[tuple[str, np.ndarray]] = []
        file.visititems(lambda name, node: values.append((name, node[()])) if isinstance(node, h5py.Dataset) else None)
        yield from values


def toy_jobs(records: Path) -> list[Job]:
    """Jobs on the toy corpus: its preparation, and a cross-validation of small networks in two processes."""
    run = ["experiments/run_cv.py", "--dataset", "toy", "--records", str(records), "--reduced", "--epochs", "1"]
    return [
        Job("preparation", ["-m", "data_prep", "toy", "--jobs", "2", "--out"]),
        Job("cross-validation", [*run, "--folds", "0-2", "--jobs", "2", "--output-dir"]),
    ]


def run(kills: int, seed: int, work: Path) -> dict[str, Outcome]:
    """Runs trials of every job until each was killed `kills` times; returns the outcomes by the name of the job."""
    generator = random.Random(seed)
    outcomes = {}
    records = work / "records"
    for job in toy_jobs(records):
        expected = records if job.name == "preparation" else work / job.name
        usual = finished(job, expected)
        outcomes[job.name] = outcome = Outcome()
        while outcome.kills < kills:
            count = min(generator.randint(1, MOST_KILLS), kills - outcome.kills)
            times = [(generator.uniform(0, usual), generator.random() < 0.5) for _ in range(count)]
            with tempfile.TemporaryDirectory(dir=work) as folder:
                done, loss = trial(job, expected, Path(folder, "out"), [(After(each), group) for each, group in times])
            outcome.kills += done
            outcome.trials += 1
            when = ", ".join(f"{each:.2f} s{' with workers' if group else ''}" for each, group in times)
            outcome.losses += [f"{job.name}, killed after {when}: {loss}"] if loss else []
            print(f"{job.name}: {outcome.kills} kills, {outcome.trials} trials, {len(outcome.losses)} lost", flush=True)
    return outcomes


def page(outcomes: dict[str, Outcome]) -> str:
    """Returns the table of outcomes as Markdown."""
    lines = ["# Kills at random times", "", "| command | kills | trials | survived | lost |", "|---|---|---|---|---|"]
    for name, each in outcomes.items():
        lost = len(each.losses)
        lines.append(f"| {name} | {each.kills} | {each.trials} | {each.trials - lost} | {lost} |")
    losses = [loss for each in outcomes.values() for loss in each.losses]
    return "\n".join([*lines, "", *(f"- {loss}" for loss in losses)]).rstrip() + "\n"


def main() -> int:
    """Runs the command line; returns 1 if a trial was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="kills of each command (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the times (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="Markdown file to write")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="acrnn-kills-") as work:
        outcomes = run(options.kills, options.seed, Path(work))
    options.out.write_text(page(outcomes), encoding="utf-8")
    print(page(outcomes))
    return int(any(each.losses for each in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
