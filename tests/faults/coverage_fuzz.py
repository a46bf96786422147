"""Changes files so that new lines of their readers run, with atheris, until a fault or a number of inputs.

    python tests/faults/coverage_fuzz.py --runs 10000 --work /tmp/coverage --out experiments/results/coverage_fuzz.md

It complements `fuzz_harness.py`, whose changes do not look at the readers. Every reader has a process of its own; a fault ends it,
and its input stays as crash-… in the folder. Needs the extra [fuzz].
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import atheris

with atheris.instrument_imports(include=["acrnn", "data_prep"]):
    from faults import fuzz_harness
    from faults.targets import Target, light_targets

    from acrnn.reports.tables import markdown


def main() -> int:
    """Runs the command line; returns the exit status: 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000, help="inputs of each reader (default: %(default)s)")
    parser.add_argument("--work", type=Path, required=True, help="folder for the inputs; it must not exist yet")
    parser.add_argument("--out", type=Path, help="Markdown file to write")
    parser.add_argument("--only", help="name of one reader, which this process fuzzes")
    options = parser.parse_args()
    folder = options.work / re.sub(r"\W+", "-", options.only or "all")
    folder.mkdir(parents=True)
    if options.only:
        fuzz(next(each for each in light_targets(folder) if each.name == options.only), folder, options.runs)
    rows = []
    for target in light_targets(folder):
        command = [sys.executable, __file__, "--only", target.name, "--runs", str(options.runs), "--work"]
        done = subprocess.run([*command, str(options.work)], capture_output=True, text=True, check=False)
        lines = re.findall(r"Done (\d+) runs in (\d+) second", done.stderr)
        fault = "" if done.returncode == 0 and lines else (done.stderr.strip().splitlines() or ["crash"])[-1]
        fault = (re.findall(r"^RuntimeError: (.*)", done.stderr, re.MULTILINE) or [fault])[0]
        rows.append([target.name, *(lines[0] if lines else ("–", "–")), fault or "none"])
        print(*rows[-1], sep="  ", flush=True)
        if options.out:
            options.out.write_text(page(rows), encoding="utf-8")
    return int(any(row[3] != "none" for row in rows))


def page(rows: Sequence[Sequence[str]]) -> str:
    """Returns the page with the rows of the readers that are done."""
    inputs, faults = sum(int(row[1]) for row in rows if row[1] != "–"), sum(row[3] != "none" for row in rows)
    table = markdown(("reader", "inputs", "seconds", "fault"), rows)
    return (
        f"# Changes guided by coverage\n\n{inputs} inputs, {faults} faults; {time.strftime('%Y-%m-%d')}.\n\n{table}\n"
    )


def fuzz(target: Target, folder: Path, runs: int) -> NoReturn:
    """Fuzzes one reader, whose file is in a folder; ends the process with libFuzzer's exit status."""
    inputs = folder / "inputs"
    inputs.mkdir()
    (inputs / "sound").write_bytes(target.path.read_bytes())

    def read(content: bytes) -> None:
        target.path.write_bytes(content)
        found, _ = fuzz_harness.fault(target, folder)
        if found:
            raise RuntimeError(found)

    limits = [f"-timeout={round(fuzz_harness.MOST_SECONDS)}", f"-rss_limit_mb={4 * fuzz_harness.MOST_BYTES // 10**6}"]
    places = [f"-artifact_prefix={folder}/", str(inputs)]
    atheris.Setup([sys.argv[0], f"-runs={runs}", *limits, *places], read)
    atheris.Fuzz()
    sys.exit()


if __name__ == "__main__":
    sys.exit(main())
