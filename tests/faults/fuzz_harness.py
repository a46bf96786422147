"""Changes files at random and reads them: a reader returns a value, or raises an error of the project that names the file.

    python tests/faults/fuzz_harness.py --inputs 10000 --log fuzz.jsonl --work /tmp/fuzz

Each reader is tried in a process of its own, with inputs that depend on the seed alone. Faults are: an error of another library, an
error without the name of a file, more than five seconds of processor time, an allocation over a gigabyte, a crash. Inputs that fail
are kept in `tests/faults/corpus`, from which a test reads them again. Readers in the log are not tried again. Expect five minutes for
10 000 inputs.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent)]

from faults import mutations  # noqa: E402
from faults.targets import OGG, ROOT, SEALED, TEXT, ZIPPED, Target, targets  # noqa: E402

from acrnn.errors import FileError, UsageError  # noqa: E402

CORPUS = Path(__file__).parent / "corpus"
MOST_SECONDS, MOST_BYTES = 5.0, 10**9
_LONGEST_SECONDS = 60.0  # by the clock: the process waits for something
UNSOUND = 3  # exit status
_MOST_KEPT = 5  # inputs of a target
_LARGEST_KEPT = 50_000  # bytes


@dataclass(frozen=True)
class Outcome:
    """What happened to the inputs of a target.

    Attributes:
        target: name of the target.
        tried: number of inputs.
        refused: number of inputs that the reader refused with an error of the project; it read the others.
        faults: descriptions of faults.
        slowest_seconds: largest processor time of an input.
        peak_mib: largest growth of the memory in use for an input.
    """

    target: str
    tried: int
    refused: int
    faults: list[str]
    slowest_seconds: float
    peak_mib: int


class SlowError(BaseException):
    """A reader took too much time; no reader catches it."""


def inputs(target: Target, content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yields changed contents of a target's file, the same for each call."""
    for number in range(count):
        generator = random.Random(f"{seed} {target.name} {number}")
        kind = target.kinds[number % len(target.kinds)]
        with_sums = {SEALED: mutations.sealed, ZIPPED: mutations.rezipped, OGG: mutations.ogg}
        if kind in with_sums:
            yield with_sums[kind](content, generator)
        else:
            yield mutations.changed(content, generator, kind == TEXT)


def fault(target: Target, folder: Path) -> tuple[str | None, bool]:
    """Reads the target's file.

    Args:
        target: the reader.
        folder: folder of all targets; an error must name a path in it.

    Returns:
        A description of the fault, None if there is none; and True if the file was refused.
    """
    try:
        target.read(target.path)
    except (FileError, UsageError, ValueError, OSError) as error:
        return _described(error, folder), True
    except (Exception, SlowError) as error:
        return f"{type(error).__name__}: {str(error)[:200]}", True
    return None, False


def _described(error: Exception, folder: Path) -> str | None:
    chain: list[BaseException] = [error]
    while following := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(following)
    if any(isinstance(each, MemoryError) for each in chain):
        return f"an allocation over {MOST_BYTES // 10**6} MB: {error}"[:300]
    step = error.__traceback__
    while step and step.tb_next:
        step = step.tb_next
    place = Path(step.tb_frame.f_code.co_filename) if step else Path()
    if not place.is_relative_to(ROOT / "acrnn") and not place.is_relative_to(ROOT / "data_prep"):
        return f"{type(error).__name__} of {place.name}: {str(error)[:200]}"
    return None if str(folder) in str(error) else f"{type(error).__name__} without a file: {str(error)[:200]}"


def tried(target: Target, folder: Path, count: int, seed: int) -> Outcome:
    """Tries the inputs of a target in processes of its own, a new one after each crash."""
    content = target.path.read_bytes()
    results, faults, start = folder / "results.jsonl", [], 0
    results.unlink(missing_ok=True)
    try:
        while start < count:
            if not (pid := os.fork()):
                _try_all(target, folder, content, count, seed, start, results)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            lines = _lines(results)
            if status == UNSOUND:
                raise RuntimeError(f"{target.name}: its sound file is not read, see {results.with_suffix('.log')}")
            if status:
                faults.append(f"crash: exit status {status}; kept as {_keep(target, target.path.read_bytes())}")
            start = max(start - 1, *(line["number"] for line in lines), -1) + 1 + bool(status)
    finally:
        target.path.write_bytes(content)
    lines = _lines(results)
    return Outcome(
        target.name,
        count,
        sum(line["is_refused"] for line in lines),
        faults + [line["fault"] for line in lines if line["fault"]],
        max((line["seconds"] for line in lines), default=0.0),
        max((line["mib"] for line in lines), default=0),
    )


def _lines(results: Path) -> list[dict]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def _try_all(
    target: Target, folder: Path, content: bytes, count: int, seed: int, start: int, results: Path
) -> None:  # never returns
    status = UNSOUND
    try:
        with results.with_suffix(".log").open("a") as output:  # decoders write to the console
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        target.path.write_bytes(content)
        target.read(target.path)  # imports, and starts threads
        status = 1
        with limited(), results.open("a", buffering=1) as log:
            kept = 0
            for number, changed in enumerate(inputs(target, content, count, seed)):
                if number < start:
                    continue
                target.path.write_bytes(changed)
                found, is_refused, seconds, mib = _measured(target, folder)
                if found and kept < _MOST_KEPT:
                    kept, found = kept + 1, f"{found}; kept as {_keep(target, changed)}"
                line = {"number": number, "fault": found, "is_refused": is_refused, "seconds": seconds, "mib": mib}
                log.write(json.dumps(line) + "\n")
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


@contextmanager
def limited() -> Iterator[None]:
    """Limits the memory of this process to a gigabyte more than it has; a reader that takes too long gets `SlowError`."""

    def stop(number, frame):
        raise SlowError(f"more than {MOST_SECONDS:g} s")

    old = signal.signal(signal.SIGPROF, stop)
    size = int(re.search(r"VmSize:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + MOST_BYTES, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, most))
        signal.signal(signal.SIGPROF, old)


def _measured(target: Target, folder: Path) -> tuple[str | None, bool, float, int]:
    """Reads the target's file; returns `fault`, the processor time in seconds and the growth of the memory in MiB."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak of the memory in use begins anew
    before, started = _memory("VmRSS"), time.process_time()
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    faulthandler.dump_traceback_later(_LONGEST_SECONDS, exit=True)
    found, is_refused = fault(target, folder)
    faulthandler.cancel_dump_traceback_later()
    signal.setitimer(signal.ITIMER_PROF, 0)
    seconds, mib = time.process_time() - started, (_memory("VmHWM") - before) >> 10
    if not found and mib << 20 > MOST_BYTES:
        found = f"{mib} MiB of memory"
    return found, is_refused, round(seconds, 3), mib


def _memory(field: str) -> int:
    """Memory of this process in KiB."""
    return int(re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def name_of(target: Target) -> str:
    """Returns the name of a target as it begins names in the corpus."""
    return re.sub("[^a-z0-9]+", "-", target.name.lower())


def _keep(target: Target, content: bytes) -> str:
    """Keeps an input in the corpus, if it is small; returns its name."""
    name = f"{name_of(target)}_{hashlib.sha256(content).hexdigest()[:8]}"
    if len(content) > _LARGEST_KEPT:
        return "nothing, it is large"
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / name).write_bytes(content)
    return name


def run(count: int, seed: int, work: Path, log: Path, names: list[str]) -> list[Outcome]:
    """Tries all targets that the log lacks; returns all outcomes."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    chosen = targets(work)
    total = sum(target.share for target in chosen)
    outcomes = read_log(log)
    for target in chosen:
        if target.name in {outcome.target for outcome in outcomes} or (names and target.name not in names):
            continue
        outcomes.append(outcome := tried(target, work, round(count * target.share / total) + 1, seed))
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")
        print(outcome, flush=True)
    return outcomes


def read_log(path: Path) -> list[Outcome]:
    """Returns the outcomes of a log; none where there is no log."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Outcome(**json.loads(line)) for line in lines]


def main() -> int:
    """Runs the command line; returns 1 if there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000, help="inputs of all readers (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the changes (default: %(default)s)")
    parser.add_argument("--work", type=Path, required=True, help="folder for files, emptied first")
    parser.add_argument("--log", type=Path, required=True, help="file to which outcomes are appended")
    parser.add_argument("--target", action="append", help="reader to try; may be repeated (default: all)")
    options = parser.parse_args()
    outcomes = run(options.inputs, options.seed, options.work.resolve(), options.log.resolve(), options.target or [])
    faults = sum(len(outcome.faults) for outcome in outcomes)
    print(f"{sum(outcome.tried for outcome in outcomes)} inputs, {faults} faults")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
