"""Runs commands on a full disk, on a disk that cannot be written, and with too little memory, then again without the hindrance.

    python tests/faults/conditions.py --log conditions.jsonl --work /tmp/conditions

Needs the right to mount a tmpfs (root), since permission bits do not bind root. A trial survives if the command fails with exit status 1
and without a traceback, names the folder and the remedy (not where it has too little memory, which may end it at any place), and if
the same command then leaves the files of an uninterrupted run. The results of a finished experiment are also read on a disk that
cannot be written.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent)]

from faults.jobs import CROSS_VALIDATION, PREPARATION, Job, prepare_forks, toy_jobs  # noqa: E402
from faults.kill_harness import Trial, finished, outcome, read_log  # noqa: E402

FULL, READ_ONLY, MEMORY, READING = "full disk", "read-only disk", "too little memory", "reading on a read-only disk"
# Sizes of the disk, as shares of the files of an uninterrupted run.
SHARES = (0.02, 0.3, 0.7, 0.97)
_MIB = 2**20
_MEMORY_MIB = (50, 150, 400)  # beyond what the imports took


@contextmanager
def disk(folder: Path, size: int) -> Iterator[None]:
    """Mounts a disk of a size in bytes, in memory, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount(folder: Path, option: str) -> None:
    """Changes an option of a disk, such as "ro" or "size=1g"."""
    subprocess.run(["mount", "-o", f"remount,{option}", folder], check=True)


def refusal(job: Job, folder: Path, is_named: bool = True) -> str | None:
    """Runs a job that must fail; returns a description of what is wrong with its refusal, None if nothing is."""
    process = job.start(folder)
    status, output = process.wait(), process.output()
    if "Traceback" in output:
        return f"a traceback: {output}"
    if is_named and status == 0:
        return "it succeeded"
    if is_named and (status != 1 or str(folder.parent) not in output.rsplit("error:", 1)[-1]):
        return f"exit status {status}: {output}"
    return None


def _repeated(job: Job, expected: Path, folder: Path, wrong: str | None) -> str | None:
    return f"refused in other words: {wrong}" if wrong else outcome(job, expected, folder, ())[1]


def full_disk(job: Job, expected: Path, work: Path, share: float) -> str | None:
    """Runs a job on a disk that is too small; returns the loss."""
    size = sum(path.stat().st_size for path in expected.rglob("*") if path.is_file())
    mount = work / "disk"
    with disk(mount, max(16384, int(size * share) // 4096 * 4096)):
        folder = mount / "out"
        wrong = refusal(replace(job, logs=work), folder)
        remount(mount, "size=1g")
        return _repeated(replace(job, logs=work), expected, folder, wrong)


def read_only(job: Job, expected: Path, work: Path) -> str | None:
    """Runs a job on a disk that cannot be written; returns the loss."""
    mount = work / "disk"
    with disk(mount, 2**30):
        remount(mount, "ro")
        wrong = refusal(replace(job, logs=work), mount / "out")
        remount(mount, "rw")
        return _repeated(replace(job, logs=work), expected, mount / "out", wrong)


def little_memory(job: Job, expected: Path, work: Path, mib: int) -> str | None:
    """Runs a job with a limit of its memory, and then without; returns the loss."""
    folder = work / "out"
    used = int(re.search(r"VmSize:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024  # type: ignore[index]
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + mib * _MIB, most))  # a fork inherits it
    try:
        process = job.start(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, most))
    process.wait()
    return outcome(job, expected, folder, ())[1]


def reading(expected: Path, work: Path) -> str | None:
    """Runs the commands that read a finished experiment on a disk that cannot be written; returns the loss."""
    mount = work / "disk"
    with disk(mount, 2**30):
        folder = Path(shutil.copytree(expected, mount / "out"))
        remount(mount, "ro")
        for arguments in (["summary"], ["check"], ["report", "--out", str(work / "report")]):
            job = Job("reading", "acrnn.__main__", arguments, is_forked=True)
            process = replace(job, logs=work).start(folder)
            if process.wait() or "Traceback" in process.output():
                return f"acrnn {arguments[0]}: {process.output()}"
    return None


def run(work: Path, log: Path, names: Sequence[str]) -> list[Trial]:
    """Runs the trials that the log lacks; returns all."""
    from support.tiny_corpus import write_tiny_corpus

    corpus, expected = work / "corpus", work / "expected"
    jobs = {job.name: job for job in toy_jobs(corpus, expected / PREPARATION, expected / CROSS_VALIDATION)}
    prepare_forks(list(jobs.values()))
    shutil.rmtree(work, ignore_errors=True)
    expected.mkdir(parents=True)
    write_tiny_corpus(corpus, speakers=3)
    trials = read_log(log)
    for name in {PREPARATION: None, CROSS_VALIDATION: None, **dict.fromkeys(names)}:
        finished(jobs[name], expected / name)
    for harness, name, number, trial in _planned(jobs, names, expected, work):
        if not any((each.harness, each.job, each.number) == (harness, name, number) for each in trials):
            started = time.monotonic()
            shutil.rmtree(work / "out", ignore_errors=True)
            loss = trial()
            trials.append(Trial(harness, name, number, 0, loss, round(time.monotonic() - started, 1)))
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(trials[-1])) + "\n")
            print(trials[-1], flush=True)
    return trials


def _planned(
    jobs: dict[str, Job], names: Sequence[str], expected: Path, work: Path
) -> Iterator[tuple[str, str, int, Callable[[], str | None]]]:
    yield READING, CROSS_VALIDATION, 0, lambda: reading(expected / CROSS_VALIDATION, work)
    for name in names:
        job, files = jobs[name], expected / name
        yield READ_ONLY, name, 0, lambda job=job, files=files: read_only(job, files, work)
        for number, share in enumerate(SHARES):
            yield FULL, name, number, lambda job=job, files=files, share=share: full_disk(job, files, work, share)
        for number, mib in enumerate(_MEMORY_MIB):
            yield MEMORY, name, number, lambda job=job, files=files, mib=mib: little_memory(job, files, work, mib)


def main() -> int:
    """Runs the command line; returns 1 if a trial was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the files of the trials, emptied first")
    parser.add_argument("--log", type=Path, required=True, help="file to which trials are appended")
    parser.add_argument(
        "--job", action="append", help="command to hinder; may be repeated (default: all without workers)"
    )
    options = parser.parse_args()
    names = options.job or [PREPARATION, CROSS_VALIDATION, "depth search", "export"]
    trials = run(options.work.resolve(), options.log.resolve(), names)
    return int(any(trial.loss for trial in trials))


if __name__ == "__main__":
    sys.exit(main())
