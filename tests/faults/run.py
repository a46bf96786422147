"""Runs all harnesses for faults and writes their figures: two hours on two cores.

    python tests/faults/run.py --work /tmp/faults --out experiments/results/faults.md

The logs are in the folder of --work; the same command resumes after an interruption. --page writes the page from logs that are there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER.parent), str(FOLDER.parent.parent)]

from faults import fuzz_harness, kill_harness  # noqa: E402

from acrnn import files  # noqa: E402
from acrnn.crossval.environment import versions  # noqa: E402

KILLS, CONDITIONS, FUZZ = "kills", "conditions", "fuzz"


def page(trials: Sequence[kill_harness.Trial], outcomes: Sequence[fuzz_harness.Outcome]) -> str:
    """Returns the figures as Markdown.

    Args:
        trials: outcomes of interrupted and hindered commands.
        outcomes: outcomes of changed files.
    """
    environment = ", ".join(f"{name} {value}" for name, value in versions().items() if name != "threads")
    lost = [trial for trial in trials if trial.loss]
    faults = [f"{outcome.target}: {fault}" for outcome in outcomes for fault in outcome.faults]
    hours = sum(trial.seconds for trial in trials) / 3600
    lines = [
        "# Faults",
        "",
        f"{sum(trial.kills for trial in trials)} kills, {len(trials)} trials, {len(lost)} lost, {hours:.1f} hours; "
        f"{sum(outcome.tried for outcome in outcomes)} changed files, {len(faults)} faults. {environment}.",
        "",
        "## Interrupted and hindered commands",
        "",
        "A series of kills at renames is complete where it has one trial more than kills: the command that came to its end.",
        "",
        "| harness | command | kills | tried | survived | lost |",
        "| --- | --- | --- | --- | --- | --- |",
        *_trial_rows(trials),
        "",
        "## Changed files",
        "",
        "| reader | tried | survived | lost | refused by name | slowest (s) | memory (MiB) |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *_outcome_rows(outcomes),
    ]
    losses = [f"{trial.harness}, {trial.job}: {' '.join(trial.loss.split())}" for trial in lost if trial.loss]
    return (
        "\n".join([*lines, *([""] if losses or faults else []), *(f"- {loss}" for loss in [*losses, *faults])]) + "\n"
    )


def _trial_rows(trials: Sequence[kill_harness.Trial]) -> list[str]:
    rows = []
    for harness, job in sorted({(trial.harness, trial.job) for trial in trials}):
        own = [trial for trial in trials if (trial.harness, trial.job) == (harness, job)]
        lost = sum(bool(trial.loss) for trial in own)
        kills = sum(trial.kills for trial in own)
        rows.append(f"| {harness} | {job} | {kills or '–'} | {len(own)} | {len(own) - lost} | {lost} |")
    return rows


def _outcome_rows(outcomes: Sequence[fuzz_harness.Outcome]) -> list[str]:
    return [
        f"| {each.target} | {each.tried} | {each.tried - len(each.faults)} | {len(each.faults)} | {each.refused} | "
        f"{each.slowest_seconds:.3f} | {each.peak_mib} |"
        for each in outcomes
    ]


def main() -> int:
    """Runs the command line; returns 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for files and logs")
    parser.add_argument("--out", type=Path, required=True, help="Markdown file to write")
    parser.add_argument("--kills", type=int, default=40, help="kills of each command at random (default: %(default)s)")
    parser.add_argument("--inputs", type=int, default=15_000, help="changed files (default: %(default)s)")
    parser.add_argument("--page", action="store_true", help="write the page alone, from the logs that are there")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    logs = {name: options.work / f"{name}.jsonl" for name in (KILLS, CONDITIONS, FUZZ)}
    extra = {KILLS: ["--kills", str(options.kills)], CONDITIONS: [], FUZZ: ["--inputs", str(options.inputs)]}
    scripts = {KILLS: "kill_harness.py", CONDITIONS: "conditions.py", FUZZ: "fuzz_harness.py"}
    for name, log in logs.items() if not options.page else ():
        command = [sys.executable, FOLDER / scripts[name], "--work", options.work / name, "--log", log, *extra[name]]
        subprocess.run(command, check=False)  # its exit status is that of its trials, which the log has, too
    trials = [trial for name in (KILLS, CONDITIONS) for trial in kill_harness.read_log(logs[name])]
    outcomes = fuzz_harness.read_log(logs[FUZZ])
    files.write_text(options.out, page(trials, outcomes))
    return int(any(trial.loss for trial in trials) or any(outcome.faults for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
