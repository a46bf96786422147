"""Searches the number of convolution layers (Table I of Chen et al. 2018), and more, by UAR on the validation speakers.

    python experiments/tune_depth.py --dataset toy --depths 1-2
    python experiments/tune_depth.py --dataset emodb --data-dir emodb --jobs 2
    python experiments/tune_depth.py --dataset emodb --search hyperband --also learning_rate,dropout

The same command goes on where a killed one stopped. On several machines with a shared folder, give it in each with
KerasTuner's variables: KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT, the address of the chief, and
KERASTUNER_TUNER_ID, which is chief in one and tuner0, tuner1 … in the others; --jobs counts for nothing then. What the
search finds is trained and tested with: python experiments/run_cv.py --dataset emodb --model best
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from acrnn.console import comma_separated, numbers, positive
from acrnn.errors import UsageError
from acrnn.models import MODELS
from acrnn.tuning import report as searched
from acrnn.tuning import runner
from acrnn.tuning.results import TUNING
from acrnn.tuning.search import CHOICES, SEARCHES, Search
from experiments import arguments, from_options


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job or trial, 2 for wrong usage."""
    return arguments.run_script(_parser(), run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = arguments.experiment_parser(__doc__)
    parser.add_argument("--model", choices=MODELS, default="chen2018-3d", help="system (default: %(default)s)")
    parser.add_argument("--depths", type=numbers, default=tuple(range(1, 8)), help="convolution layers (default: 1-7)")
    parser.add_argument("--also", type=comma_separated, default=(), help=f"search these too: {','.join(CHOICES)}")
    parser.add_argument("--search", choices=SEARCHES, default="grid", help="how (default: %(default)s)")
    parser.add_argument("--trials", type=positive, default=10, help="of a random or Bayesian search (default: 10)")
    arguments.add_experiment_arguments(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Searches, and shows what was found."""
    for name in ("learning_rate", "pooling"):
        if name in options.also and getattr(options, name) not in (None, arguments.TOY.get(name)):
            raise UsageError(f"--{name.replace('_', '-')}: it is searched; leave it out")
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
    found = runner.tune(search, output_dir, 1 if "KERASTUNER_ORACLE_IP" in os.environ else options.jobs)
    if found is None:
        return 0
    print(searched.summary(found))
    print(f"results {output_dir / TUNING}, figure {output_dir / searched.FIGURE}")
    return int(any(trial.status == "failed" for trial in found.trials))


if __name__ == "__main__":
    sys.exit(main())
