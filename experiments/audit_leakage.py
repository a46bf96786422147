"""How many points does each common mistake buy? The same system, honestly and under every way to leak that is known.

    python experiments/audit_leakage.py --dataset emodb --data-dir emodb --model han2014-dnn-elm --seeds 0-2

Writes leakage.md and leakage.png into the output folder, where each experiment has a folder of its own. The same command
goes on where a killed one stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from acrnn import files, reports, studies
from acrnn.console import comma_separated
from acrnn.crossval.leakage import MISTAKES, mistake
from acrnn.crossval.results import Results
from acrnn.models import MODELS
from acrnn.reports import comparison
from acrnn.reports.comparison import Comparison
from acrnn.studies import Variant
from experiments import arguments, from_options

HONEST = "honest"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    return arguments.run_script(_parser(), run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = arguments.study_parser(__doc__)
    parser.add_argument("--model", choices=MODELS, default="han2014-dnn-elm", help="system (default: %(default)s)")
    parser.add_argument("--mistakes", type=comma_separated, help="only these (default: all that the corpus allows)")
    arguments.add_experiment_arguments(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Runs the honest experiment and the mistaken ones, and writes how they differ."""
    names = options.mistakes or [n for n, made in MISTAKES.items() if made.corpus in (None, options.dataset)]
    titles = {HONEST: "speaker-independent, validation speakers choose the epoch"}
    titles |= {name: mistake(name, options.dataset).summary for name in names}
    output_dir = options.output_dir or Path("runs", f"leakage_{from_options.selection_name(options)}_{options.model}")
    if not options.tables_only:
        train(titles, output_dir, options)
    write(titles, output_dir, options)
    print((output_dir / "leakage.md").read_text(encoding="utf-8"))
    return 0


def train(titles: Mapping[str, str], output_dir: Path, options: argparse.Namespace) -> None:
    """Runs what is missing; the table is written anew after each experiment."""
    honest = from_options.experiment(options)
    variants = [
        Variant(name, title, replace(honest, mistake=None if name == HONEST else name))
        for name, title in titles.items()
    ]
    studies.run(
        variants, output_dir, options.folds, options.seeds, options.jobs, lambda: write(titles, output_dir, options)
    )


def write(titles: Mapping[str, str], output_dir: Path, options: argparse.Namespace) -> None:
    """Writes leakage.md and leakage.png from what is finished."""
    found = studies.finished(list(titles), output_dir)
    gains = {name: studies.compared(found, name, HONEST, comparison.tested_uar) for name in found if name != HONEST}
    header = [
        "what is done",
        "UAR, mean over folds",
        "UAR, pooled",
        "points bought, by test speaker (95 % interval)",
        "coverage",
    ]
    rows = [_row(f"**{name}**: {titles[name]}", found[name], gains.get(name)) for name in found]
    text = (
        f"# What leakage buys: {options.model} on {options.dataset}\n\n"
        "Every utterance is tested once in each row, and rows are compared speaker by speaker; p by exact sign flips.\n"
        "Only the first row tells how the system does on a new speaker.\n\n"
        f"{reports.markdown(header, rows)}\n\n![points bought](leakage.png)\n"
    )
    files.write_text(output_dir / "leakage.md", text)
    _draw(gains, output_dir / "leakage.png")


def _row(title: str, result: Results, gain: Comparison | None) -> list[str]:
    return [
        title,
        *reports.uar_cells(result),
        studies.difference(gain),
        reports.coverage(result),
    ]


def _draw(gains: dict, path: Path) -> None:
    from acrnn import figures

    measured = {name: gain for name, gain in gains.items() if gain is not None}
    if measured:
        figures.write_png(figures.differences(measured, "UAR points over the honest protocol"), path)


if __name__ == "__main__":
    sys.exit(main())
