"""Command-line options of the experiments: corpus, system, recipe, runs and output. See `from_options` for what they mean."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from acrnn.console import numbers, positive, run_job
from acrnn.crossval import determinism
from acrnn.distribution.arguments import add_distribution_option, begin_distribution, is_distributed
from acrnn.engines.arguments import add_engine_options
from acrnn.folds import PROTOCOLS
from acrnn.frontends import FRONTENDS
from acrnn.frozen import FROZEN
from acrnn.models import MODELS
from acrnn.recipes import RECIPES
from acrnn.tracking.arguments import add_tracking_options
from data_prep.arguments import add_corpus_arguments, add_trim_option
from data_prep.corpora import CORPORA
from data_prep.speed import speeds
from experiments.parser import ExperimentParser
from experiments.recipe_options import add_recipe_options

# Defaults for the embedded synthetic corpora: they are learned in a minute on two cores, where the published recipes take
# hours. A system's reduced network goes with them, if it has one.
TOY = {
    "learning_rate": 1e-3,
    "batch_size": 20,
    "epochs": 10,
    "balanced_draw": 0,  # hundreds of segments of each class would be copies of a few
    "protocol": "grouped-5-fold",
    "jobs": min(5, os.cpu_count() or 1),
}
EMBEDDED = {"toy": TOY, "toy-bimodal": {**TOY, "epochs": 15}}
BEST = "best"  # value of --model: the best configuration of a search
# Options in the short help.
COMMON = (
    *("--dataset", "--recipe", "--protocol", "--folds", "--seeds", "--jobs", "--records", "--output-dir"),
    *("--data-dir", "--download", "--subset", "--conv-layers", "--reduced"),
    *("--speaker-statistics", "--init-from", "--epochs", "--batch-size", "--learning-rate"),
)


def run_script(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], int],
    argv: Sequence[str] | None,
    check: Callable[[argparse.Namespace], None] = lambda options: None,
) -> int:
    """Runs a script of this folder; returns the exit status: 0, 1 for a failed job, 2 for wrong usage.

    Args:
        parser: parser of the script's options.
        run: the job; takes the options and returns an exit status.
        argv: arguments of the command line; None for those of the process.
        check: refuses options by a FieldError, before devices are found and other hosts connected.
    """
    options = parsed(parser, argv)
    if getattr(options, determinism.FIELD, False):
        determinism.demand()

    def job() -> int:
        check(options)
        begin_distribution(options)
        return run(options)

    return run_job(job, parser, resumes=True)


def parsed(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Returns the options, completed with the defaults of the embedded corpus where one is chosen."""
    options = parser.parse_args(argv)
    if is_distributed(options):
        options.jobs = options.jobs or 1  # every run takes all devices
    if defaults := EMBEDDED.get(options.dataset):
        is_tuned = getattr(options, "model", None) == BEST  # the search brings its own values of all but the jobs
        for name, value in {"jobs": defaults["jobs"]}.items() if is_tuned else defaults.items():
            setattr(options, name, getattr(options, name, None) or value)
        if getattr(options, "reduced", False) is None and (system := MODELS.get(getattr(options, "model", ""))):
            options.reduced = bool(system.reduced)
    options.jobs = options.jobs or 1
    return options


def experiment_parser(description: str | None) -> ExperimentParser:
    """Returns a parser to which a script adds its own options first, then `add_experiment_arguments`."""
    return ExperimentParser(description, COMMON, "--dataset CORPUS")


def add_experiment_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of every experiment: runs, output, corpus, network, training, and the papers' own."""
    _add_runs(parser.add_argument_group("experiment"))
    add_engine_options(parser)
    add_tracking_options(parser)
    add_corpus_arguments(parser)
    _add_network(parser.add_argument_group("network"))
    add_recipe_options(parser)
    _add_zhang2021(parser.add_argument_group("speeds and initial weights"))
    group = parser.add_argument_group("kernels (Peng et al. 2021)")
    group.add_argument("--audio-kernels", type=numbers, metavar="N,N,…", help="frames in a convolution: 5,11,21")
    group.add_argument("--text-kernels", type=numbers, metavar="N,N,…", help="words in a convolution: 3,4,5")


def _add_runs(group) -> None:
    group.add_argument(
        "--dataset", choices=CORPORA, required=True, metavar="CORPUS", help="corpus, such as emodb, manifest or folder"
    )
    group.add_argument(
        "--recipe",
        choices=RECIPES,
        metavar="RECIPE",
        help="training recipe (default: the published one)",
    )
    group.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        metavar="SPLIT",
        help="split into folds (default: leave-one-speaker-out)",
    )
    group.add_argument("--folds", type=numbers, metavar="N,N-M", help="only these folds, from 0 (default: all)")
    group.add_argument("--seeds", type=numbers, metavar="N-M", default=(0,), help="random seeds (default: 0)")
    group.add_argument(
        "--jobs",
        type=positive,
        metavar="N",
        help="folds trained in parallel (default: 1)",
    )
    group.add_argument(
        "--records", type=Path, metavar="DIR", help="record set, made if missing (default: under records)"
    )
    group.add_argument("--output-dir", type=Path, metavar="DIR", help="folder of the results (default: under runs)")
    group.add_argument("--no-models", action="store_true", help="do not save the trained networks")
    add_deterministic(group)
    add_distribution_option(group)


def add_deterministic(group) -> None:
    """Adds --deterministic to a parser or group; `run_script` obeys it."""
    group.add_argument(
        "--deterministic",
        action="store_true",
        help="operations that give the same numbers for the same seed on the same machine (results state it)",
    )


def _add_network(group) -> None:
    group.add_argument(
        "--conv-layers", type=positive, metavar="N", help="convolution layers of chen2018, 1 to 7 (default: 1)"
    )
    group.add_argument(
        "--reduced",
        action=argparse.BooleanOptionalAction,
        help="a smaller network (default: for synthetic corpora)",
    )
    group.add_argument(
        "--speaker-statistics",
        metavar="WHOSE",
        help="corpus (default), utterance, speaker, enrolment:N",
    )
    group.add_argument("--dropout", type=float, metavar="SHARE", help="dropout (default: the value of the recipe)")
    add_network_fields(group)
    _add_fine_tuning(group)
    group.add_argument(
        "--frontend", choices=FRONTENDS, help="front end of records that are made (default: the system's)"
    )
    add_trim_option(group)


def add_network_fields(group) -> None:
    """Adds --network, whose values are `network_fields`, to a parser or group."""
    group.add_argument(
        "--network",
        dest="network_fields",
        type=assignment,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another field of the system's Config, such as image_size=99; may be repeated",
    )


def _add_zhang2021(group) -> None:
    group.add_argument(
        "--speeds",
        type=speeds,
        metavar="X,X,…",
        help="speeds of the training utterances: 0.9,1.0,1.1 (default: all in the records)",
    )
    group.add_argument(
        "--imagenet-weights",
        metavar="FILE",
        help="initial weights from AlexNet on ImageNet: bvlc_alexnet.npy, torchvision's .pth or .safetensors, or "
        "`download` to fetch the latter",
    )
    group.add_argument(
        "--pretrain",
        metavar="RECORDS",
        help="initial weights from training on another labeled record set, or, with `time-arrow`, on the direction of "
        "time, without labels",
    )


def _add_fine_tuning(group) -> None:
    group.add_argument(
        "--init-from",
        metavar="MODEL",
        help="start from a trained model, such as acrnn_emodb",
    )
    group.add_argument(
        "--freeze", choices=FROZEN, help="layers that keep their initial weights, with --init-from or --pretrain"
    )


def assignment(text: str) -> tuple[str, object]:
    """Reads an argument that sets a field: "width=0.5", "layout=caffe", "dense_units=[512, 256]"."""
    name, equals, value = text.partition("=")
    if not (equals and name.isidentifier()):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def options_set(options: argparse.Namespace, names: Sequence[str]) -> dict:
    """Returns the options among these that have a value, by name."""
    return {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}
