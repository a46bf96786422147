"""Measures how many points each common mistake adds: one system without a mistake and with every known kind of leakage.

    python experiments/audit_leakage.py --dataset emodb --data-dir emodb --model han2014-dnn-elm --seeds 0-2

Expect on Emo-DB with one seed: UAR 59.7 without a mistake; +21.4 points for oversampling before a random split, +13.4 for a
random split alone, +3.7 for the best test epoch, +0.1 for normalization on everything
(experiments/results/leakage_emodb_han2014-dnn-elm/leakage.md). On two cores: an hour of runs a seed.

Writes leakage.md and leakage.png into the output folder, where each experiment has its own folder. The same command resumes
after an interruption.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn import studies
from acrnn.console import comma_separated
from acrnn.crossval.leakage import MISTAKES, mistake
from acrnn.models import MODELS
from acrnn.reports import study_tables
from acrnn.reports.comparison import caption
from acrnn.reports.study_tables import COVERAGE, UAR_BY_FOLD, UAR_POOLED
from acrnn.reports.tables import CAPTION
from acrnn.studies import Variant
from experiments import arguments, from_options, study

HONEST = "honest"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    return arguments.run_script(_parser(), run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = study.study_parser(__doc__)
    parser.add_argument(
        "--model",
        choices=MODELS,
        default="han2014-dnn-elm",
        metavar="SYSTEM",
        help="system (default: %(default)s)",
    )
    parser.add_argument(
        "--mistakes",
        type=comma_separated,
        metavar="NAME,…",
        help="only these mistakes (default: all that the corpus allows)",
    )
    arguments.add_experiment_arguments(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Runs the experiment without a mistake and those with one, and writes the differences."""
    titles(options)  # refuses unknown mistakes before anything is trained
    name = f"leakage_{from_options.selection_name(options)}_{options.model}"
    return study.run_study(options, name, variants, page, "leakage.md")


def titles(options: argparse.Namespace) -> dict[str, str]:
    """Returns the titles of the experiments by name, the one without a mistake first."""
    possible = [name for name, each in MISTAKES.items() if each.corpus in (None, options.dataset)]
    summaries = {name: mistake(name, options.dataset).summary for name in options.mistakes or possible}
    return {HONEST: "speaker-independent, validation speakers choose the epoch", **summaries}


def variants(options: argparse.Namespace, output_dir: Path) -> Iterator[Variant]:
    """Yields the experiment without a mistake, then one for each mistake."""
    honest = from_options.experiment(options)
    for name, title in titles(options).items():
        yield Variant(name, title, replace(honest, mistake=None if name == HONEST else name))


def page(options: argparse.Namespace, output_dir: Path) -> str:
    """Draws the differences of the finished experiments and returns their page."""
    rows = {name: f"**{name}**: {title}" for name, title in titles(options).items()}
    results = studies.finished(list(rows), output_dir)
    gains = study_tables.gains(results, {name: HONEST for name in rows if name != HONEST})
    study_tables.write_differences(gains, "UAR points over the honest protocol", output_dir / "leakage.png")
    added = study_tables.difference_column("points added, by test speaker (95 % interval)", gains)
    parts = [
        f"# Points added by leakage: {options.model} on {options.dataset}",
        "Every utterance is tested once in each row. Only the first row estimates the UAR on a new speaker.\n"
        f"{CAPTION} {caption(gains.values())}",
        study_tables.results_table(results, (UAR_BY_FOLD, UAR_POOLED, added, COVERAGE), rows, "experiment"),
        *(["![points added](leakage.png)"] if gains else []),
    ]
    return study_tables.page(parts)


if __name__ == "__main__":
    sys.exit(main())
