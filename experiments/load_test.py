"""Requests per second, response times and memory of the HTTP service, which must be running (`acrnn serve`).

    python experiments/load_test.py speech.wav --requests 10000 --rate 10 --output experiments/results/load_test.md

The requests are evenly spaced in time with --rate, and as fast as the service answers without. Expect experiments/results/load_test.md:
no failure, and memory that does not grow after the first thousand requests.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn.console import Parser, positive, run_job
from acrnn.errors import missing_extra
from experiments.measured import add_output, show

EARLY = 1000  # requests after which the memory is read for the second time
COLUMNS = (
    "requests",
    "threads",
    "asked for per second",
    "answered per second",
    "failures",
    "median (ms)",
    "99th percentile (ms)",
    "memory before (MB)",
    "after {early} (MB)",
    "at the end (MB)",
)


class Load(NamedTuple):
    """Measurements of a load.

    Attributes:
        failures: requests without a prediction.
        seconds: duration of each request.
        total_seconds: duration of all requests together.
        memory_mb: resident memory of the server before the requests, after the first `EARLY` and after the last, in MB (10⁶ bytes).
    """

    failures: int
    seconds: list[float]
    total_seconds: float
    memory_mb: tuple[float, float, float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 1 if a request failed."""
    parser = _parser()
    options = parser.parse_args(arguments)
    return run_job(lambda: _run(options), parser)


def measure(address: str, sound: Path, requests: int, threads: int, rate: int | None = None) -> Load:
    """Sends one sound file many times and returns the measurements. One request more comes before, which counts nowhere.

    Args:
        address: address of the service, such as "http://127.0.0.1:8000".
        sound: sound file.
        requests: number of requests.
        threads: number of threads; each waits for the answer before it sends its next request.
        rate: requests per second; a request is late if no thread is free. None sends each request as soon as a thread is free.

    Raises:
        ConnectionError: the service does not answer.
    """
    httpx = _httpx()
    content = sound.read_bytes()
    try:
        with httpx.Client(base_url=address, timeout=60) as client:

            def send(due: float) -> tuple[bool, float]:
                time.sleep(max(0.0, due - time.perf_counter()))
                started = time.perf_counter()
                answer = client.post("/v1/predict", files={"files": (sound.name, content)})
                is_good = answer.status_code == 200 and "error" not in answer.json()["results"][0]
                return is_good, time.perf_counter() - started

            send(0.0)
            memory, answers, started = [_memory_mb(client)], [], time.perf_counter()
            due = [started + number / rate if rate else 0.0 for number in range(requests)]
            with ThreadPoolExecutor(threads) as pool:
                for part in (due[:EARLY], due[EARLY:]):
                    answers += pool.map(send, part)
                    memory.append(_memory_mb(client))
            total = time.perf_counter() - started
    except httpx.TransportError as error:
        raise ConnectionError(f"{address}: no answer ({error}); start the service with: acrnn serve") from error
    seconds = [duration for _, duration in answers]
    return Load(sum(not good for good, _ in answers), seconds, total, (memory[0], memory[1], memory[2]))


def _memory_mb(client) -> float:
    text = client.get("/metrics").text
    found = re.search(r"^process_resident_memory_bytes (\S+)$", text, re.MULTILINE)
    return float(found[1]) / 1e6 if found else float("nan")  # the metric exists on Linux alone


def _run(options: argparse.Namespace) -> int:
    import numpy as np

    from acrnn.audio import duration_seconds
    from acrnn.reports.tables import markdown

    seconds = duration_seconds(options.sound)
    load = measure(options.address, options.sound, options.requests, options.threads, options.rate)
    median, late = 1000 * np.percentile(load.seconds, [50, 99])
    asked = "as many as possible" if options.rate is None else options.rate
    row = [options.requests, options.threads, asked, f"{options.requests / load.total_seconds:.1f}", load.failures]
    row += [f"{median:.0f}", f"{late:.0f}", *(f"{memory:.0f}" for memory in load.memory_mb)]
    header = [name.format(early=min(EARLY, options.requests)) for name in COLUMNS]
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lead = f"{options.sound.name}, {seconds:.1f} s, one file in a request; {machine}; {time.strftime('%Y-%m-%d')}."
    note = f" {options.note}" if options.note else ""
    show(f"{lead}{note}\n\n{markdown(header, [list(map(str, row))])}", options)
    return 1 if load.failures else 0


def _httpx():
    try:
        import httpx
    except ImportError as error:
        raise missing_extra("test", "experiments/load_test.py", error) from error
    return httpx


def _parser() -> argparse.ArgumentParser:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sound", type=Path, help="sound file to send")
    parser.add_argument("--address", default="http://127.0.0.1:8000", help="of the service (default: %(default)s)")
    parser.add_argument("--requests", type=positive, default=2000, help="number of requests (default: %(default)s)")
    parser.add_argument("--threads", type=positive, default=4, help="that send requests (default: %(default)s)")
    parser.add_argument("--rate", type=positive, help="requests per second (default: as many as possible)")
    parser.add_argument("--note", help="sentence for the table, such as what else ran on the machine")
    add_output(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
