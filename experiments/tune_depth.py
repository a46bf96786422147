"""Searches the number of convolution layers (Table I of Chen et al. 2018), and more, by UAR on the validation speakers.

    acrnn tune --dataset toy --depths 1-2
    acrnn tune --dataset emodb --data-dir emodb --jobs 2
    acrnn tune --dataset emodb --search hyperband --also learning_rate,dropout

Expect on three folds of Emo-DB with the reduced network, recipe centered, ten epochs: validation UAR between 65.5 and 67.6 for one
to seven layers, far nearer than the intervals over three speakers (experiments/results/tuning_emodb_chen2018-3d). On one core: 40
seconds to three minutes a trial; at full size an hour for ten folds of twenty epochs (experiments/results/emodb_chen2018).

The same command resumes after an interruption. Several machines with a shared folder search together: give each the same
command with KerasTuner's variables, KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT (the address of the chief) and
KERASTUNER_TUNER_ID (chief on one machine, tuner0, tuner1 … on the others); --jobs has no effect then. A grid search also runs
on a Ray cluster, by --engine ray: every fit is a task. To train and test the best
configuration: acrnn train --dataset emodb --model best
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn.console import comma_separated, numbers, positive
from acrnn.distribution import choice
from acrnn.engines.arguments import engine_from
from acrnn.errors import FieldError
from acrnn.models import MODELS
from acrnn.tuning import fit_tasks, report, runner
from acrnn.tuning.results import TUNING
from acrnn.tuning.search import CHOICES, SEARCHES, Search
from experiments import arguments, from_options


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job or trial, 2 for wrong usage."""
    return arguments.run_script(_parser(), run, argv, _check)


def _parser() -> argparse.ArgumentParser:
    parser = arguments.experiment_parser(__doc__)
    parser.add_argument(
        "--model", choices=MODELS, default="chen2018-3d", metavar="SYSTEM", help="system (default: %(default)s)"
    )
    parser.add_argument(
        "--depths",
        type=numbers,
        metavar="N-M",
        default=tuple(range(1, 8)),
        help="numbers of convolution layers (default: 1-7)",
    )
    parser.add_argument(
        "--also",
        type=comma_separated,
        metavar="NAME,…",
        default=(),
        help=f"search these as well: {', '.join(CHOICES)}",
    )
    parser.add_argument("--search", choices=SEARCHES, default="grid", help="kind of search (default: %(default)s)")
    parser.add_argument(
        "--trials", type=positive, metavar="N", default=10, help="trials of a random or Bayesian search (default: 10)"
    )
    arguments.add_experiment_arguments(parser)
    return parser


def _check(options: argparse.Namespace) -> None:
    """Refuses options that a search does not have."""
    if options.distribute == choice.MULTI_WORKER:
        problem = "a search trains every network on one host; choose mirrored, or leave it out"
        raise FieldError(choice.FIELD, options.distribute, problem)
    if options.engine == "ray":
        fit_tasks.check(options.search)
    for name in ("tensorboard", "mlflow"):
        if (value := getattr(options, name)) is not None:
            raise FieldError(name, value, "a search keeps its curves in its folder; leave it out")
    if options.init_from:
        problem = "a search varies the network, and a trained model has one; leave it out"
        raise FieldError("init_from", options.init_from, problem)
    for name in ("learning_rate", "pooling"):
        if name in options.also and (value := getattr(options, name)) not in (None, arguments.TOY.get(name)):
            raise FieldError(name, value, "it is searched; leave it out")


def run(options: argparse.Namespace) -> int:
    """Searches, and prints the results."""
    search = Search(
        from_options.experiment(options),
        options.depths,
        options.also,
        options.search,
        options.folds,
        options.seeds,
        options.trials,
    )
    output_dir = options.output_dir or from_options.tuning_folder(options)
    jobs = 1 if "KERASTUNER_ORACLE_IP" in os.environ else options.jobs
    results = runner.tune(search, output_dir, jobs, engine=engine_from(options, options.jobs))
    if results is None:  # this machine is not the chief
        return 0
    print(report.summary(results))
    print(f"results {output_dir / TUNING}, figure {output_dir / report.FIGURE}")
    return int(any(trial.status == "failed" for trial in results.trials))


if __name__ == "__main__":
    sys.exit(main())
