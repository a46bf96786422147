"""Builds experiments from the options of the command line; prepares the records that they need."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from acrnn.batches.speaker_statistics import CORPUS, Choice
from acrnn.crossval.experiment import Experiment
from acrnn.errors import FieldError, UsageError
from acrnn.folds import make_folds
from acrnn.frontends import FRONTENDS
from acrnn.models import MODELS
from acrnn.recipes import OPTIONAL_COUNTS, RECIPES, Recipe, SecondStage, initial_weights
from acrnn.records.manifest import MANIFEST, Manifest
from acrnn.records.record_set import RecordSet
from acrnn.records.utterance_table import UtteranceRow
from acrnn.segments import RULES
from acrnn.tuning import report
from acrnn.tuning.search import configured, title
from data_prep.arguments import RECORDING_OPTIONS, corpus_name, prepare_corpus
from data_prep.auxiliary_inputs import OPTIONS as AUXILIARY_OPTIONS
from data_prep.corpora import CORPORA, Selection
from data_prep.prepare import Settings
from experiments import fine_tuning
from experiments.arguments import options_set
from experiments.recipe_options import SECOND_STAGE, option_names

_NETWORK = ("conv_layers", "dropout", "audio_kernels", "text_kernels")  # options that are fields of a system's `Config`
_TUNING = Path("runs", "tuning")
DEFAULT_PROTOCOL = "leave-one-speaker-out"


def experiment(
    options: argparse.Namespace, model: str | None = None, is_baseline: bool = False, **network
) -> Experiment:
    """Returns the experiment that the options describe; its records are prepared if they are missing.

    Args:
        options: options of `arguments.add_experiment_arguments`.
        model: key in MODELS; None for the one in the options.
        is_baseline: use the system's own recipe, records and network, because the options are about another system.
        network: fields of the system's `Config`; they override those in the options.

    Raises:
        UsageError: an option does not fit the system.
    """
    model = model or options.model
    system = MODELS[model]
    initial_model = None if is_baseline else fine_tuning.initial_model_of(options, model)
    parts = {} if is_baseline else {**fine_tuning.network_of(initial_model), **network_of(options, model), **network}
    recipe = system.recipe if is_baseline else recipe_of(options, model)
    system.check_options(**{**recipe.network, **parts})  # before the corpus is prepared
    if is_baseline:
        records, weights = records_of(options, model, None, None), initial_weights.RANDOM
    else:
        options = fine_tuning.with_front_end(options, initial_model)
        records = records_of(options, model, options.records, options.frontend)
        weights = initial_weights.from_options(
            options.imagenet_weights, options.pretrain, initial_model, options.freeze
        )
    return Experiment(
        records=records,
        model=model,
        recipe=recipe,
        protocol=options.protocol or DEFAULT_PROTOCOL,
        options=parts,
        save_models=not options.no_models,
        speeds=None if is_baseline else options.speeds,
        initial_weights=weights,
        train_on_validation=getattr(options, "train_on_validation", False),
        joint=getattr(options, "joint", None),
        speaker_statistics=Choice() if is_baseline else Choice.parse(options.speaker_statistics or CORPUS),
    )


def network_of(options: argparse.Namespace, model: str) -> dict:
    """Returns the fields of a system's `Config` that the options set.

    Raises:
        UsageError: the system has no reduced network.
    """
    reduced = MODELS[model].reduced if options.reduced else {}
    if options.reduced and not reduced:
        raise UsageError(f"--reduced: there is no smaller network of {MODELS[model].summary}; leave it out")
    return {**reduced, **options_set(options, _NETWORK), **dict(options.network_fields)}


def recipe_of(options: argparse.Namespace, model: str) -> Recipe:
    """Returns the named recipe, or the system's own, with the fields that the options change.

    Raises:
        UsageError: a value is out of range.
    """
    recipe = RECIPES[options.recipe] if options.recipe else MODELS[model].recipe
    if best := getattr(options, "best", None):
        recipe = configured(recipe, best.hyperparameters) if options.recipe else best.recipe
    recipe = replace(recipe, **recipe_changes(options))
    second = {name: getattr(options, SECOND_STAGE + name) for name in option_names(SecondStage)}
    return recipe.with_second_stage({name: value for name, value in second.items() if value is not None})


def recipe_changes(options: argparse.Namespace) -> dict:
    """Returns the fields of a recipe that the options change; 0 switches an optional count off."""
    changes = options_set(options, option_names(Recipe))
    return {name: None if name in OPTIONAL_COUNTS and value == 0 else value for name, value in changes.items()}


def records_of(options: argparse.Namespace, model: str, folder: Path | None, frontend: str | None) -> Path:
    """Returns the folder of the record set.

    The records are prepared if they are missing. If the options name recordings, finished records are compared with them.

    Args:
        options: options of `arguments.add_experiment_arguments`.
        model: key in MODELS.
        folder: folder of the record set; None for the default.
        frontend: key in FRONTENDS; None for the system's own.

    Raises:
        UsageError: the records are of another corpus.
        ValueError: the protocol cannot split the corpus; the records are then not made.
    """
    system = MODELS[model]
    frontend = system.frontend_name(frontend)
    copies = f"_x{len(options.speeds)}" if options.speeds and len(options.speeds) > 1 else ""
    copies += "" if options.trim_db is None else f"_trim{options.trim_db:g}"
    out = folder or Path("records", f"{selection_name(options)}_{system.records_name(frontend)}{copies}")
    manifest = RecordSet(out).manifest if (out / MANIFEST).exists() else None
    if manifest and manifest.is_packed and _names_subset_alone(options):
        check_packed(out, manifest, options)
    elif options_set(options, (*RECORDING_OPTIONS, *AUXILIARY_OPTIONS)) or options.download or not manifest:
        speeds = manifest.speeds if manifest else options.speeds or (1.0,)
        trim_db = manifest.frontend.trim_db if manifest else options.trim_db
        settings = Settings(replace(FRONTENDS[frontend], trim_db=trim_db), RULES[system.segments], speeds=speeds)
        jobs = options.jobs if options.jobs > 1 else os.cpu_count()
        check = partial(_check_protocol, options.protocol or DEFAULT_PROTOCOL)
        prepare_corpus(CORPORA[options.dataset], options, out, settings, jobs, check)
    elif manifest.reader != options.dataset:
        raise FieldError("records", out, f"holds {manifest.reader!r}, not {options.dataset!r}")
    return out


def _names_subset_alone(options: argparse.Namespace) -> bool:
    """True if the options name no recordings but a subset: packed records are used where there are no recordings."""
    return set(options_set(options, (*RECORDING_OPTIONS, *AUXILIARY_OPTIONS))) <= {"subset"} and not options.download


def check_packed(folder: Path, manifest: Manifest, options: argparse.Namespace) -> None:
    """Refuses packed records of another corpus or subset."""
    if manifest.reader != options.dataset:
        raise FieldError("records", folder, f"holds {manifest.reader!r}, not {options.dataset!r}")
    if options.subset and options.subset != manifest.corpus["subset"]:
        raise FieldError("subset", options.subset, f"{folder} holds the subset {manifest.corpus['subset']!r}")


def _check_protocol(protocol: str, selection: Selection) -> None:
    """Refuses utterances that a protocol cannot split; what only their sound shows is checked again with the records."""
    rows = [
        UtteranceRow(
            id=each.id,
            speaker=each.speaker,
            session=each.session,
            emotion=each.emotion,
            label=selection.labels.index(each.emotion),
            num_frames=0,
            num_segments=0,
            duration_seconds=0.0,
            sample_rate_hz=0,
            path="",
            sha256="",
            text=each.text or "",
            split=each.split or "",
        )
        for each in selection.utterances
    ]
    make_folds(protocol, rows, selection.labels)


def selection_name(options: argparse.Namespace) -> str:
    """Returns the corpus, with the subset or the name of own data if there is one, for the name of a folder."""
    part = options.subset or corpus_name(CORPORA[options.dataset], options)
    return f"{options.dataset}-{part}" if part else options.dataset


def tuning_folder(options: argparse.Namespace) -> Path:
    """Returns the default folder of a search over a system and, if one is named, a recipe."""
    return _TUNING / "_".join([selection_name(options), options.model, *([options.recipe] if options.recipe else [])])


def adopt_best(options: argparse.Namespace) -> None:
    """Puts the best configuration of a search in the place of --model best; options with a value override it.

    Raises:
        FileNotFoundError, ValueError: there is no search on this corpus, or it is unfinished.
        UsageError: the search is on another corpus.
    """
    folders = [options.tuning] if options.tuning else sorted(_TUNING.glob(f"{selection_name(options)}_*"))
    if not folders:
        raise FileNotFoundError(
            f"{_TUNING}: no search of {selection_name(options)} there; run one first: "
            f"acrnn tune --dataset {options.dataset}, or name one with --tuning"
        )
    best = report.best(folders)
    if best.corpus != options.dataset:
        raise FieldError("tuning", best.folder, f"a search on {best.corpus!r}, not {options.dataset!r}")
    print(f"{best.folder}: {best.model} with {title(best.hyperparameters)}")
    options.model, options.protocol, options.best = best.model, options.protocol or best.protocol, best
