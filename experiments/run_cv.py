"""Cross-validates a system on a corpus: prepares missing records, trains each fold and seed, writes results and a report.

    python experiments/run_cv.py --dataset toy
    python experiments/run_cv.py --dataset emodb --data-dir emodb --conv-layers 1 --seeds 0-4
    python experiments/run_cv.py --dataset emodb --nested literal,chen2018,centered,tuned

The same command resumes after an interruption; more --folds or --seeds are added to the finished runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn import studies
from acrnn.console import comma_separated
from acrnn.crossval.follower import check_hosts, follow
from acrnn.crossval.runner import cross_validate
from acrnn.crossval.tracked import publish
from acrnn.distribution import hosts
from acrnn.engines.arguments import engine_from
from acrnn.errors import FieldError
from acrnn.models import MODELS
from acrnn.recipes import RECIPES
from acrnn.reports.html import write_report
from acrnn.reports.tables import summary
from acrnn.studies import Variant
from acrnn.tracking.arguments import tracking_from
from experiments import arguments, from_options, nested_selection, study


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    return arguments.run_script(_parser(), run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = arguments.experiment_parser(__doc__)
    parser.add_argument(
        "--model",
        choices=[*MODELS, arguments.BEST],
        default="chen2018-3d",
        metavar="SYSTEM",
        help="system (default: %(default)s), or best",
    )
    arguments.add_experiment_arguments(parser)
    parser.add_argument(
        "--nested",
        type=comma_separated,
        metavar="RECIPE,…",
        help="train these recipes, select one inside every fold",
    )
    training = parser.add_argument_group("training part")
    training.add_argument(
        "--also",
        dest="joint",
        type=Path,
        metavar="RECORDS",
        help="add the utterances of another record set to every training part, those of the same emotions",
    )
    training.add_argument(
        "--train-on-validation",
        action="store_true",
        help="add the validation speakers to the training part, with a recipe of the last epoch",
    )
    parser.add_argument_group("search").add_argument(
        "--tuning", type=Path, metavar="DIR", help="search whose best to train with --model best (default: under runs)"
    )
    return parser


def run(options: argparse.Namespace) -> int:
    """Prepares, trains, tests and reports."""
    if options.nested:
        return _run_nested(options)
    names = [from_options.selection_name(options), options.model, *([options.recipe] if options.recipe else [])]
    if options.model == arguments.BEST:
        from_options.adopt_best(options)
    elif options.tuning:
        raise FieldError("tuning", options.tuning, "it goes with --model best only; leave it out")
    tracking = tracking_from(options)
    experiment = from_options.experiment(options)
    if experiment.initial_weights.model:
        names.append(f"from_{experiment.initial_weights.model.name}")
    check_hosts(experiment)
    if hosts.is_follower():
        return 0 if follow(experiment) else 1
    output_dir = options.output_dir or Path("runs", "_".join(names))
    engine = engine_from(options, options.jobs)
    results = cross_validate(
        experiment, output_dir, options.folds, options.seeds, options.jobs, engine=engine, tracking=tracking
    )
    report = write_report(output_dir, experiment.records)
    publish(tracking, output_dir, results, report)
    print(summary(results))
    print(f"results {output_dir / 'results.json'}, report {report}")
    return 0


def _run_nested(options: argparse.Namespace) -> int:
    """Trains every candidate in a subfolder, then selects one inside each fold."""
    if options.train_on_validation:
        raise FieldError("train_on_validation", "", "the validation speakers select the recipe; leave it out")
    if options.recipe or options.model == arguments.BEST:
        raise FieldError(
            "nested", ",".join(options.nested), "it names the recipes; leave out --recipe and --model best"
        )
    names = study.chosen("nested", options.nested, list(RECIPES))
    tracking = tracking_from(options)
    output_dir = options.output_dir or Path("runs", f"{from_options.selection_name(options)}_{options.model}_nested")
    variants = [
        Variant(
            name, f"recipe {name}", from_options.experiment(argparse.Namespace(**{**vars(options), "recipe": name}))
        )
        for name in names
    ]
    engine = engine_from(options, options.jobs)
    studies.run(variants, output_dir, options.folds, options.seeds, options.jobs, engine=engine, tracking=tracking)
    return nested_selection.run([output_dir / name for name in names], output_dir / nested_selection.FILE)


if __name__ == "__main__":
    sys.exit(main())
