"""Options of an experiment that starts from a trained model: it takes over the model's network and front end."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acrnn.crossval.fine_tuning import check_system, network_options
from acrnn.frontends import FRONTENDS
from acrnn.models import MODELS
from acrnn.records.manifest import MANIFEST
from acrnn.segments import RULES
from acrnn.transfer.sources import initial_model
from data_prep.arguments import corpus_name
from data_prep.corpora import CORPORA

if TYPE_CHECKING:
    from acrnn.recipes.initial_model import InitialModel


def initial_model_of(options: argparse.Namespace, system: str) -> InitialModel | None:
    """Returns the model that an experiment starts from; None without one.

    Args:
        options: options of `arguments.add_experiment_arguments`.
        system: key in MODELS of the experiment's system.

    Raises:
        FieldError: the model is of another system, cannot be used, or was trained on the corpus of the options.
        FileNotFoundError, ValueError: there is no such model, or it is damaged.
    """
    if not options.init_from:
        return None
    model = initial_model(options.init_from)
    check_system(model, system, options.init_from)
    corpus = CORPORA[options.dataset]
    model.check_corpus({"name": corpus_name(corpus, options) or corpus.name, "title": corpus.title})
    return model


def network_of(model: InitialModel | None) -> dict[str, Any]:
    """Returns the fields of `Config` that a model gives an experiment; none without a model."""
    return network_options(model) if model else {}


def with_front_end(options: argparse.Namespace, model: InitialModel | None) -> argparse.Namespace:
    """Returns options with the front end of the model, for records that are made; given values are compared with it.

    Raises:
        FieldError: the options name another front end; the records are then not made.
    """
    if model is None or (options.records and (options.records / MANIFEST).exists()):
        return options  # finished records are compared with the model by the experiment
    name = MODELS[model.system].frontend_name(options.frontend or model.frontend_name)
    trim_db = model.frontend.trim_db if options.trim_db is None else options.trim_db
    spec, rule = replace(FRONTENDS[name], trim_db=trim_db), RULES[MODELS[model.system].segments]
    model.check_features(spec, rule, "the experiment")
    return argparse.Namespace(**{**vars(options), "frontend": name, "trim_db": trim_db})
