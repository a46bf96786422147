"""`acrnn`, the console command. It parses first and imports TensorFlow after, so `--help` answers at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from acrnn import __version__
from acrnn.console import run_job


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage."""
    options = _parser().parse_args(arguments)
    return run_job(lambda: options.run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="acrnn", description="Speech emotion recognition without leakage.")
    parser.add_argument("--version", action="version", version=f"acrnn {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    systems = commands.add_parser("systems", help="list the systems, front ends and protocols")
    systems.set_defaults(run=run_systems)
    summary = commands.add_parser("summary", help="show the results of an experiment in a few lines")
    summary.add_argument("folder", type=Path, help="output folder of an experiment")
    summary.set_defaults(run=run_summary)
    report = commands.add_parser("report", help="write the report of an experiment again")
    report.add_argument("folder", type=Path, help="output folder of an experiment")
    report.add_argument("--records", type=Path, help="its record set, for the spectrograms under the attention")
    report.set_defaults(run=run_report)
    return parser


def run_systems(options: argparse.Namespace) -> int:
    """Prints what can be chosen."""
    from acrnn.folds import PROTOCOLS
    from acrnn.frontends import FRONTENDS
    from acrnn.models import MODELS

    for title, entries in (
        ("systems", {name: f"{system.summary}, front end {system.frontend}" for name, system in MODELS.items()}),
        ("front ends", {name: str(spec) for name, spec in FRONTENDS.items()}),
        ("protocols", {name: protocol.summary for name, protocol in PROTOCOLS.items()}),
    ):
        print(title)
        for name, text in entries.items():
            print(f"  {name:34} {text}")
    return 0


def run_summary(options: argparse.Namespace) -> int:
    """Prints the summary of an experiment's results."""
    from acrnn import reports

    print(reports.summary(reports.read_results(options.folder)))
    return 0


def run_report(options: argparse.Namespace) -> int:
    """Writes the report of an experiment's results."""
    from acrnn import reports

    print(reports.write_report(options.folder, options.records))
    return 0


if __name__ == "__main__":
    sys.exit(main())
