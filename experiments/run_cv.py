"""Cross-validates a system on a corpus: records if they are missing, one run a fold and seed, results and a report.

    python experiments/run_cv.py --dataset toy
    python experiments/run_cv.py --dataset emodb --data-dir emodb --conv-layers 1 --seeds 0-4

The same command goes on where a killed one stopped; more --folds or --seeds are added to what is there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from acrnn import reports
from acrnn.console import run_job
from acrnn.crossval import cross_validate
from acrnn.errors import UsageError
from acrnn.models import MODELS
from experiments import arguments


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage."""
    options = arguments.parsed(_parser(), given)
    return run_job(lambda: run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model",
        choices=[*MODELS, arguments.BEST],
        default="chen2018-3d",
        help="system (default: %(default)s); best: what tune_depth.py found best by UAR on the validation speakers",
    )
    parser.add_argument(
        "--tuning", type=Path, help="folder of the search for --model best (default: under runs/tuning)"
    )
    arguments.add_experiment_arguments(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Prepares, trains, scores, reports."""
    names = [arguments.selection_name(options), options.model, *([options.recipe] if options.recipe else [])]
    if options.model == arguments.BEST:
        arguments.adopt_best(options)
    elif options.tuning:
        raise UsageError(f"--tuning {options.tuning}: it goes with --model best only; leave it out")
    experiment = arguments.experiment(options)
    output_dir = options.output_dir or Path("runs", "_".join(names))
    found = cross_validate(experiment, output_dir, options.folds, options.seeds, options.jobs)
    report = reports.write_report(output_dir, experiment.records)
    print(reports.summary(found))
    print(f"results {output_dir / 'results.json'}, report {report}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
