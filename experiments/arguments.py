"""The command-line options of the experiments: which recordings, which system, which recipe, which runs."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from acrnn import records
from acrnn.console import numbers, positive
from acrnn.crossval import Experiment
from acrnn.errors import UsageError
from acrnn.folds import PROTOCOLS
from acrnn.frontends import FRONTENDS
from acrnn.models import MODELS
from acrnn.recipes import RECIPES, Recipe, SecondStage, initial_weights
from acrnn.segments import POOLINGS, RULES
from acrnn.tuning import report
from acrnn.tuning.search import configured, title
from data_prep.arguments import add_corpus_arguments, prepare_corpus
from data_prep.auxiliary_inputs import OPTIONS as COMPANIONS
from data_prep.corpora import CORPORA
from data_prep.prepare import Settings
from data_prep.speed import speeds

# The embedded corpora are small and to be learnt in two minutes on two cores; the published recipes are for hours.
TOY = {
    "learning_rate": 1e-3,
    "batch_size": 20,
    "epochs": 7,
    "protocol": "grouped-5-fold",
    "jobs": min(5, os.cpu_count() or 1),
}
EMBEDDED = {"toy": TOY, "toy-bimodal": {**TOY, "epochs": 15}}


BEST = "best"
_NETWORK = ("conv_layers", "dropout", "audio_kernels", "text_kernels")  # options that are fields of a system's `Config`
_TUNING = Path("runs", "tuning")


def add_experiment_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what every experiment takes: corpus, split, runs, network and training."""
    parser.add_argument("--dataset", choices=CORPORA, required=True, help="corpus")
    parser.add_argument("--conv-layers", type=positive, help="convolution layers, 1 to 7 in Chen et al. (default: 1)")
    parser.add_argument(
        "--reduced", action="store_true", help="the network with a fraction of its maps and units, to try things"
    )
    parser.add_argument(
        "--network",
        dest="network_fields",
        type=assignment,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a field of the system's Config, such as image_size=99; may be repeated",
    )
    parser.add_argument("--dropout", type=float, help="dropout in the network (default: what the recipe says)")
    parser.add_argument(
        "--frontend", choices=FRONTENDS, help="of the records that are made (default: the system's own)"
    )
    parser.add_argument(
        "--imagenet-weights",
        metavar="FILE",
        help="start from AlexNet's weights: bvlc_alexnet.npy, torchvision's .pth or .safetensors; download: fetch these",
    )
    parser.add_argument(
        "--pretrain",
        metavar="RECORDS",
        help="start from training on another labeled record set; time-arrow: on the direction of time, without labels",
    )
    parser.add_argument("--audio-kernels", type=numbers, help="of Peng et al.: frames the convolutions see: 5,11,21")
    parser.add_argument("--text-kernels", type=numbers, help="of Peng et al.: words they see: 3,4,5")
    parser.add_argument("--protocol", choices=PROTOCOLS, help="how to split (default: leave-one-speaker-out)")
    parser.add_argument("--folds", type=numbers, help="only these folds, from 0: 0,2,5-7 (default: all)")
    parser.add_argument("--seeds", type=numbers, default=(0,), help="seeds: 0-4 (default: 0)")
    parser.add_argument("--jobs", type=positive, help="processes that train folds (default: 1; for toys one a core)")
    parser.add_argument("--records", type=Path, help="record set (default: records/CORPUS_FRONTEND, made if missing)")
    parser.add_argument(
        "--speeds",
        type=speeds,
        help="training utterances train at these speeds, 0.9,1.0,1.1 (default: at all that are in the records)",
    )
    parser.add_argument("--output-dir", type=Path, help="results (default: a folder under runs)")
    parser.add_argument("--no-models", action="store_true", help="do not keep the networks of the runs")
    add_recipe_arguments(parser)
    add_corpus_arguments(parser)


def add_study_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what a study of several experiments takes: what each of them takes, and to leave it at what is finished."""
    add_experiment_arguments(parser)
    parser.add_argument(
        "--tables-only", action="store_true", help="train nothing, write the tables of what is finished"
    )


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that change a recipe; each defaults to what the system's recipe says."""
    group = parser.add_argument_group("training (defaults: what the recipe says)")
    group.add_argument("--recipe", choices=RECIPES, help="whole recipe (default: the system's published one)")
    group.add_argument("--epochs", type=positive, help="at most")
    group.add_argument("--patience", type=positive, help="stop after so many epochs without a better validation UAR")
    group.add_argument("--batch-size", type=positive, help="segments a step")
    group.add_argument("--learning-rate", type=float)
    for name, kind in (("epochs", positive), ("batch-size", positive), ("learning-rate", float)):
        group.add_argument(f"--stage2-{name}", type=kind, help="the same of a second stage, where a recipe has one")
    group.add_argument("--optimizer", choices=("nadam", "adam", "sgd"))
    group.add_argument("--schedule", choices=("constant", "cosine"), help="of the learning rate")
    group.add_argument("--weight-decay", type=float)
    group.add_argument("--label-smoothing", type=float)
    group.add_argument("--averaging", type=float, help="decay by step of a moving average of the weights")
    group.add_argument("--epoch-choice", choices=("validation-uar", "last"), help="whose weights are kept")
    group.add_argument("--pooling", choices=POOLINGS, help="how segments make an utterance")
    group.add_argument("--class-weights", action="store_true", default=None, help="weigh classes by inverse frequency")
    group.add_argument(
        "--oversampling", action="store_true", default=None, help="fill rarer classes up by drawing from them again"
    )
    group.add_argument("--gradient-clip-norm", type=float, help="clip the global norm of the gradients")
    group.add_argument("--precision", choices=("float32", "mixed_bfloat16"), help="of the arithmetic")


def parsed(parser: argparse.ArgumentParser, given: Sequence[str] | None) -> argparse.Namespace:
    """The options, with the defaults of an embedded corpus where one is chosen."""
    options = parser.parse_args(given)
    if defaults := EMBEDDED.get(options.dataset):
        tuned = getattr(options, "model", None) == BEST  # and brings all but this
        for name, value in {"jobs": defaults["jobs"]}.items() if tuned else defaults.items():
            setattr(options, name, getattr(options, name) or value)
    options.jobs = options.jobs or 1
    return options


def experiment(
    options: argparse.Namespace, model: str | None = None, own_recipe: bool = False, **network
) -> Experiment:
    """The experiment that the options describe; its records are prepared if they are not there.

    Args:
        options: of `add_experiment_arguments`.
        model: a key of MODELS; None for the one in the options.
        own_recipe: leave the options' recipe and records aside: they are another system's, this is a baseline beside it.
        network: fields of its `Config`; those in the options are overruled.

    Raises:
        UsageError: an option does not fit the system.
    """
    model = model or options.model
    parts = {} if own_recipe else {**network_of(options, model), **network}
    recipe = MODELS[model].recipe if own_recipe else recipe_of(options, model)
    MODELS[model].check_options(**{**recipe.network, **parts})  # before the corpus is prepared for nothing
    return Experiment(
        records=records_of(options, model, *((None, None) if own_recipe else (options.records, options.frontend))),
        model=model,
        recipe=recipe,
        protocol=options.protocol or "leave-one-speaker-out",
        options=parts,
        save_models=not options.no_models,
        speeds=None if own_recipe else options.speeds,
        initial_weights=initial_weights.RANDOM
        if own_recipe
        else initial_weights.from_options(options.imagenet_weights, options.pretrain),
    )


def network_of(options: argparse.Namespace, model: str) -> dict:
    """The fields of a system's `Config` that the options change.

    Raises:
        UsageError: there is no smaller network of this system.
    """
    reduced = MODELS[model].reduced if options.reduced else {}
    if options.reduced and not reduced:
        raise UsageError(f"--reduced: there is no smaller network of {MODELS[model].summary}; leave it out")
    return {**reduced, **given(options, _NETWORK), **dict(options.network_fields)}


def assignment(text: str) -> tuple[str, object]:
    """An argument that gives a field a value: "width=0.5", "layout=caffe", "dense_units=[512, 256]"."""
    name, equals, value = text.partition("=")
    if not (equals and name.isidentifier()):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def records_of(options: argparse.Namespace, model: str, folder: Path | None, frontend: str | None) -> Path:
    """The record set to use: prepared if it is not there, compared with the recordings if any are named."""
    system = MODELS[model]
    frontend = system.frontend_name(frontend)
    copies = f"_x{len(options.speeds)}" if options.speeds and len(options.speeds) > 1 else ""
    out = folder or Path("records", f"{selection_name(options)}_{system.records_name(frontend)}{copies}")
    there = records.RecordSet(out).manifest if (out / records.MANIFEST).exists() else None
    named = given(options, ("data_dir", "subset", "labels", "speaker_pattern", *COMPANIONS)) or options.download
    if named or not there:
        wanted = there.speeds if there else options.speeds or (1.0,)
        settings = Settings(FRONTENDS[frontend], RULES[system.segments], speeds=wanted)
        prepare_corpus(
            CORPORA[options.dataset], options, out, settings, options.jobs if options.jobs > 1 else os.cpu_count()
        )
    elif there.corpus["name"] != options.dataset:
        raise UsageError(f"--records {out}: holds {there.corpus['name']!r}, not {options.dataset!r}")
    return out


def selection_name(options: argparse.Namespace) -> str:
    """The corpus, and the subset if one is named."""
    return f"{options.dataset}-{options.subset}" if options.subset else options.dataset


def recipe_of(options: argparse.Namespace, model: str) -> Recipe:
    """The recipe that is named, or the system's own, with what the options change."""
    recipe = RECIPES[options.recipe] if options.recipe else MODELS[model].recipe
    if found := getattr(options, "found", None):
        recipe = configured(recipe, found.hyperparameters) if options.recipe else found.recipe
    recipe = replace(recipe, **recipe_changes(options))
    second = given(options, [f"stage2_{item.name}" for item in fields(SecondStage)])
    return recipe.with_second_stage({name.removeprefix("stage2_"): value for name, value in second.items()})


def recipe_changes(options: argparse.Namespace) -> dict:
    """The fields of a recipe that the options change."""
    return given(options, [item.name for item in fields(Recipe)])


def tuning_folder(options: argparse.Namespace) -> Path:
    """Where a search of a system, with a named recipe if any, lies by default."""
    return _TUNING / "_".join([selection_name(options), options.model, *([options.recipe] if options.recipe else [])])


def adopt_best(options: argparse.Namespace) -> None:
    """Puts what `tune_depth.py` found best in the place of --model best; options that were given still win.

    Raises:
        FileNotFoundError, ValueError: there is no search of this corpus, or an unfinished one.
        UsageError: it is of another corpus.
    """
    folders = [options.tuning] if options.tuning else sorted(_TUNING.glob(f"{selection_name(options)}_*"))
    if not folders:
        raise FileNotFoundError(
            f"{_TUNING}: no search of {selection_name(options)} there; run one first: "
            f"python experiments/tune_depth.py --dataset {options.dataset}, or name one with --tuning"
        )
    found = report.best(folders)
    if found.corpus != options.dataset:
        raise UsageError(f"--tuning {found.folder}: a search on {found.corpus!r}, not {options.dataset!r}")
    print(f"{found.folder}: {found.model} with {title(found.hyperparameters)}")
    options.model, options.protocol, options.found = found.model, options.protocol or found.protocol, found


def given(options: argparse.Namespace, names: Sequence[str]) -> dict:
    """The options among these that were given."""
    return {name: getattr(options, name) for name in names if getattr(options, name, None) is not None}
