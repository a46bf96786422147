"""Kills commands, repeats them, and compares what they leave with the files of an uninterrupted run.

    python tests/faults/kill_harness.py --kills 60 --log kills.jsonl --work /tmp/kills

Each trial starts in an empty folder. At random: a command gets SIGKILL one to four times, at times spread over its usual duration,
alone, with its workers, or one of its workers gets it, as from the kernel where memory is short; before every third repetition, all
files are dated a day ahead, as if the clock was set back. At renames: a command, or a worker of it, gets SIGKILL before or after its
N-th rename, for N from 1 until the command ends by itself. The command is then repeated until its end. A trial survives if this
last command succeeds and leaves the files of an uninterrupted run, equal in all that does not tell time, and if no interrupted command
ended with a traceback. Trials in the log are not repeated. Expect ten to twenty seconds for each kill.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent)]

from faults.comparison import differences  # noqa: E402
from faults.hooks.sitecustomize import VARIABLE  # noqa: E402
from faults.jobs import CROSS_VALIDATION, PREPARATION, WORKERS, Job, Process, prepare_forks, toy_jobs  # noqa: E402

MOST_KILLS = 4  # of a trial
VICTIMS = ("command", "command and workers", "worker")
AT_RANDOM, AT_RENAMES = "kills at random times", "kills at renames"
_DAY = 86400.0


@dataclass(frozen=True)
class Kill:
    """A kill at a time.

    Attributes:
        seconds: time after the start of the command.
        victim: one of VICTIMS.
        is_clock_set_back: date all files a day ahead before the repetition.
    """

    seconds: float
    victim: str
    is_clock_set_back: bool = False


@dataclass(frozen=True)
class Trial:
    """The outcome of a trial.

    Attributes:
        harness: AT_RANDOM or AT_RENAMES.
        job: name of the command.
        number: number of the trial, from 0; for renames, the number of the rename.
        kills: number of kills.
        loss: what was lost; None if the trial survived.
        seconds: duration of the trial.
    """

    harness: str
    job: str
    number: int
    kills: int
    loss: str | None
    seconds: float


def finished(job: Job, folder: Path) -> float:
    """Runs a job to its end and returns its duration in seconds.

    Raises:
        RuntimeError: the job failed; the message has the end of its output.
        TimeoutError: the job does not end.
    """
    started = time.monotonic()
    process = job.start(folder)
    if process.wait():
        raise RuntimeError(process.output())
    return time.monotonic() - started


def kill(process: Process, planned: Kill) -> bool:
    """Kills a job, or one of its workers, at a time; returns False if it had ended before.

    Raises:
        RuntimeError: the job ended with a traceback after the kill of a worker.
        TimeoutError: it does not end.
    """
    end = time.monotonic() + planned.seconds
    while process.poll() is None:
        if time.monotonic() < end:
            time.sleep(0.002)
        elif planned.victim != "worker":
            process.kill(is_group=planned.victim == "command and workers")
            return True
        elif workers := process.workers():
            random.Random(planned.seconds).choice(workers).kill()
            _check_end(process)
            return True
        else:
            time.sleep(0.01)
    return False


def _check_end(process: Process) -> None:
    if process.wait() and "Traceback" in process.output():
        raise RuntimeError(f"a traceback: {process.output()}")


def outcome(job: Job, expected: Path, folder: Path, kills: Sequence[Kill]) -> tuple[int, str | None]:
    """Kills a job, repeats it until its end, and compares the folder with that of an uninterrupted run.

    Returns:
        The number of kills, and a description of the loss; None if there is none.
    """
    done = 0
    try:
        for each in kills:
            done += kill(job.start(folder), each)
            if each.is_clock_set_back:
                date_ahead(folder)
        finished(job, folder)
    except (RuntimeError, TimeoutError) as error:
        return done, f"the command failed: {error}"
    different = differences(expected, folder)
    return done, f"other than an uninterrupted run: {', '.join(different)}" if different else None


def date_ahead(folder: Path) -> None:
    """Dates all files of a folder a day ahead of the clock."""
    ahead = time.time() + _DAY
    for path in folder.rglob("*"):
        os.utime(path, (ahead, ahead))


def random_trials(
    job: Job, expected: Path, usual: float, kills: int, seed: int, work: Path, done: Sequence[Trial]
) -> Iterator[Trial]:
    """Runs trials with kills at random times until there are enough kills; yields those that are not done yet."""
    generator = random.Random(f"{seed} {job.name}")
    known = {trial.number: trial for trial in done}
    number = count = 0
    while count < kills:
        planned = [_random_kill(generator, job, usual) for _ in range(generator.randint(1, MOST_KILLS))]
        trial = known.get(number)
        if trial is None:
            started = time.monotonic()
            with tempfile.TemporaryDirectory(dir=work, ignore_cleanup_errors=True) as folder:
                killed, loss = outcome(job, expected, Path(folder, "out"), planned)
            loss = loss and f"after {planned}: {loss}"
            trial = Trial(AT_RANDOM, job.name, number, killed, loss, round(time.monotonic() - started, 1))
            yield trial
        count, number = count + trial.kills, number + 1


def _random_kill(generator: random.Random, job: Job, usual: float) -> Kill:
    victims = VICTIMS if set(WORKERS) <= set(job.arguments) else VICTIMS[:1]
    return Kill(generator.uniform(0, usual), generator.choice(victims), generator.random() < 1 / 3)


def rename_trials(job: Job, expected: Path, work: Path, done: Sequence[Trial]) -> Iterator[Trial]:
    """Runs a trial for each rename, with a kill before and one after it; yields those that are not done yet."""
    known = {trial.number for trial in done if trial.kills}
    if any(not trial.kills for trial in done):
        return
    for number in range(1, 1000):
        if number in known:
            continue
        started = time.monotonic()
        with tempfile.TemporaryDirectory(dir=work, ignore_cleanup_errors=True) as temporary:
            folder, counted = Path(temporary, "out"), Path(temporary, "renames")
            process = replace(job, environment={VARIABLE: f"{counted} {number}"}).start(folder)
            loss = None
            try:
                _check_end(process)
            except (RuntimeError, TimeoutError) as error:
                loss = str(error)
            is_killed = counted.exists() and counted.stat().st_size >= number
            loss = loss or outcome(job, expected, folder, ())[1]
        yield Trial(AT_RENAMES, job.name, number, int(is_killed), loss, round(time.monotonic() - started, 1))
        if not is_killed:
            return


def run(kills: int, seed: int, work: Path, log: Path, names: Sequence[str]) -> list[Trial]:
    """Runs the trials of all jobs that the log lacks; returns all."""
    from support.tiny_corpus import write_tiny_corpus

    corpus, expected = work / "corpus", work / "expected"
    jobs = toy_jobs(corpus, expected / PREPARATION, expected / CROSS_VALIDATION)
    prepare_forks(jobs)
    shutil.rmtree(expected, ignore_errors=True)
    expected.mkdir(parents=True)
    if not corpus.exists():
        write_tiny_corpus(corpus, speakers=3)
    names = names or [job.name for job in jobs]
    needed = {*names, PREPARATION, *([CROSS_VALIDATION] if "export" in names else [])}  # of which others need the files
    usual = {job.name: finished(job, expected / job.name) for job in jobs if job.name in needed}
    trials = read_log(log)
    for harness in (AT_RANDOM, AT_RENAMES):
        for job in (job for job in jobs if job.name in names):
            done = [trial for trial in trials if trial.job == job.name and trial.harness == harness]
            folder = expected / job.name
            if harness == AT_RENAMES:
                new = rename_trials(job, folder, work, done)
            else:
                new = random_trials(job, folder, usual[job.name], kills, seed, work, done)
            for trial in new:
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(trial)) + "\n")
                print(trial, flush=True)
                trials.append(trial)
    return trials


def read_log(path: Path) -> list[Trial]:
    """Returns the trials of a log; none where there is no log."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Trial(**json.loads(line)) for line in lines]


def main() -> int:
    """Runs the command line; returns 1 if a trial was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="kills of each command at random (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the times (default: %(default)s)")
    parser.add_argument("--work", type=Path, required=True, help="folder for the files of the trials")
    parser.add_argument("--log", type=Path, required=True, help="file to which trials are appended")
    parser.add_argument("--job", action="append", help="job to kill; may be repeated (default: all)")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    trials = run(options.kills, options.seed, options.work.resolve(), options.log.resolve(), options.job or ())
    lost = [trial for trial in trials if trial.loss]
    print(f"{sum(trial.kills for trial in trials)} kills in {len(trials)} trials, {len(lost)} lost")
    return int(bool(lost))


if __name__ == "__main__":
    sys.exit(main())
