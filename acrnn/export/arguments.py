"""Arguments of `acrnn export`; imports no TensorFlow."""

from __future__ import annotations

import argparse
from pathlib import Path

from acrnn.console import comma_separated, numbers
from acrnn.errors import UsageError
from acrnn.frozen import FROZEN
from acrnn.model_card import FORMATS


def add_export_arguments(export: argparse.ArgumentParser) -> None:
    """Adds the arguments to the parser of the command."""
    source = export.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path, dest="folder", help="output folder of the experiment")
    source.add_argument(
        "--model", help="exported model with a SavedModel, to export it again: in other formats, or by this version"
    )
    export.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder of the new version: saved_models/NAME/1"
    )
    export.add_argument("--replace", action="store_true", dest="replaced", help="replace an existing version")
    _add_network_choice(export)
    _add_refit(export)
    formats = export.add_argument_group("formats")
    formats.add_argument(
        "--format",
        type=comma_separated,
        default=("saved-model",),
        dest="formats",
        metavar="FORMATS",
        help=f"one or several of {', '.join(FORMATS)} (default: saved-model)",
    )
    formats.add_argument(
        "--serving",
        action="store_true",
        dest="served",
        help="add warm-up requests and configuration for TensorFlow Serving; needs the extra [serving]",
    )


def _add_network_choice(export: argparse.ArgumentParser) -> None:
    network = export.add_argument_group("network")
    choice = network.add_mutually_exclusive_group()
    choice.add_argument("--fold", type=int, help="the network of this fold (default: 0)")
    choice.add_argument("--refit", action="store_true", help="train a network on all speakers; needs --records")
    seed = network.add_mutually_exclusive_group()
    seed.add_argument("--seed", type=int, help="random seed of the run or the refit (default: 0)")
    seed.add_argument(
        "--seeds",
        type=numbers,
        metavar="N-M",
        help="random seeds of an ensemble, several networks in one model, whose probabilities are averaged",
    )


def _add_refit(export: argparse.ArgumentParser) -> None:
    refit = export.add_argument_group("data of the training", "all but --records go with --refit")
    refit.add_argument(
        "--records",
        type=Path,
        help="record set of the training: for --refit, for networks of speaker statistics, and for checksums of the training sounds on "
        "the card",
    )
    refit.add_argument("--also", type=Path, metavar="RECORDS", help="the other record set, if the experiment used one")
    refit.add_argument("--imagenet-weights", metavar="FILE", help="initial weights, if the experiment used them")
    refit.add_argument("--pretrain", metavar="RECORDS", help="record set for pre-training, if the experiment used one")
    refit.add_argument("--init-from", metavar="MODEL", help="trained model that the experiment started from, if it did")
    refit.add_argument("--freeze", choices=FROZEN, help="layers that the experiment did not train, if it froze any")


def check_export_arguments(options: argparse.Namespace) -> None:
    """Refuses arguments that do not go together.

    Raises:
        UsageError: records or initial weights are missing or superfluous.
    """
    for name in ("fold", "seed", "seeds", "refit"):
        value = getattr(options, name)
        if options.model and value is not None and value is not False:
            raise UsageError(f"--{name}: it goes with --run only; leave it out, or name the experiment with --run")
    if options.refit and not options.records:
        raise UsageError("--refit: it trains on all speakers, so it needs --records, the experiment's record set")
    for name in ("also", "imagenet_weights", "pretrain", "init_from", "freeze"):
        if (value := getattr(options, name)) and not options.refit:
            raise UsageError(f"--{name.replace('_', '-')} {value}: it goes with --refit only; leave it out")
