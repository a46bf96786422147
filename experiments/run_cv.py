"""Cross-validates a system on a corpus: records if they are missing, one run a fold and seed, results and a report.

    python experiments/run_cv.py --dataset toy
    python experiments/run_cv.py --dataset emodb --data-dir emodb --conv-layers 1 --seeds 0-4

The same command goes on where a killed one stopped; more --folds or --seeds are added to what is there.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from acrnn import records, reports
from acrnn.console import UsageError, numbers, positive, run_job
from acrnn.crossval import Experiment, cross_validate
from acrnn.folds import PROTOCOLS
from acrnn.frontends import FRONTENDS
from acrnn.models import MODELS
from acrnn.recipes import Recipe
from acrnn.segments import POOLINGS, RULES
from data_prep.arguments import add_corpus_arguments, prepare_corpus
from data_prep.corpora import CORPORA
from data_prep.prepare import Settings

# The embedded corpus is small and to be learnt in two minutes on two cores; the published recipes are for hours.
TOY = {
    "learning_rate": 1e-3,
    "batch_size": 20,
    "epochs": 7,
    "protocol": "grouped-5-fold",
    "jobs": min(5, os.cpu_count() or 1),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.dataset == "toy":
        for name, value in TOY.items():
            setattr(options, name, getattr(options, name) or value)
    options.jobs = options.jobs or 1
    return run_job(lambda: run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", choices=CORPORA, required=True, help="corpus")
    parser.add_argument("--model", choices=MODELS, default="chen2018-3d", help="system (default: %(default)s)")
    parser.add_argument("--conv-layers", type=positive, help="convolution layers, 1 to 7 in Chen et al. (default: 1)")
    parser.add_argument("--dropout", type=float, help="dropout in the network (default: 0)")
    parser.add_argument("--protocol", choices=PROTOCOLS, help="how to split (default: leave-one-speaker-out)")
    parser.add_argument("--folds", type=numbers, help="only these folds, from 0: 0,2,5-7 (default: all)")
    parser.add_argument("--seeds", type=numbers, default=(0,), help="seeds: 0-4 (default: 0)")
    parser.add_argument("--jobs", type=positive, help="processes that train folds (default: 1; for toy one a core)")
    parser.add_argument("--records", type=Path, help="record set (default: records/CORPUS_FRONTEND, made if missing)")
    parser.add_argument("--output-dir", type=Path, help="results (default: runs/CORPUS_MODEL)")
    parser.add_argument("--no-models", action="store_true", help="do not keep the networks of the runs")
    add_recipe_arguments(parser)
    add_corpus_arguments(parser)
    return parser


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that change a recipe; each defaults to what the system's recipe says."""
    group = parser.add_argument_group("training (defaults: the system's published recipe)")
    group.add_argument("--epochs", type=positive, help="at most")
    group.add_argument("--patience", type=positive, help="stop after so many epochs without a better validation UAR")
    group.add_argument("--batch-size", type=positive, help="segments a step")
    group.add_argument("--learning-rate", type=float)
    group.add_argument("--optimizer", choices=("nadam", "adam"))
    group.add_argument("--pooling", choices=POOLINGS, help="how segments make an utterance")
    group.add_argument("--class-weights", action="store_true", default=None, help="weigh classes by inverse frequency")
    group.add_argument("--gradient-clip-norm", type=float, help="clip the global norm of the gradients")
    group.add_argument("--precision", choices=("float32", "mixed_bfloat16"), help="of the arithmetic")


def run(options: argparse.Namespace) -> int:
    """Prepares, trains, scores, reports."""
    network = _given(options, ("conv_layers", "dropout"))
    recipe = _recipe(options)
    MODELS[options.model].check_options(**network)  # before the corpus is prepared for nothing
    experiment = Experiment(
        records=_records(options),
        model=options.model,
        recipe=recipe,
        protocol=options.protocol or "leave-one-speaker-out",
        options=network,
        save_models=not options.no_models,
    )
    output_dir = options.output_dir or Path("runs", f"{_selection_name(options)}_{options.model}")
    found = cross_validate(experiment, output_dir, options.folds, options.seeds, options.jobs)
    report = reports.write_report(output_dir, experiment.records)
    print(reports.summary(found))
    print(f"results {output_dir / 'results.json'}, report {report}")
    return 0


def _records(options: argparse.Namespace) -> Path:
    """The record set to use: prepared if it is not there, compared with the recordings if any are named."""
    system = MODELS[options.model]
    out = options.records or Path("records", f"{_selection_name(options)}_{system.frontend}")
    named = _given(options, ("data_dir", "subset", "labels", "speaker_pattern")) or options.download
    if named or not (out / records.MANIFEST).exists():
        settings = Settings(FRONTENDS[system.frontend], RULES[system.segments])
        prepare_corpus(
            CORPORA[options.dataset], options, out, settings, options.jobs if options.jobs > 1 else os.cpu_count()
        )
    elif records.RecordSet(out).manifest.corpus["name"] != options.dataset:
        raise UsageError(
            f"--records {out}: holds {records.RecordSet(out).manifest.corpus['name']!r}, not {options.dataset!r}"
        )
    return out


def _selection_name(options: argparse.Namespace) -> str:
    return f"{options.dataset}-{options.subset}" if options.subset else options.dataset


def _recipe(options: argparse.Namespace) -> Recipe:
    return replace(MODELS[options.model].recipe, **_given(options, [item.name for item in fields(Recipe)]))


def _given(options: argparse.Namespace, names: Sequence[str]) -> dict:
    """The options among these that were given."""
    return {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}


if __name__ == "__main__":
    sys.exit(main())
