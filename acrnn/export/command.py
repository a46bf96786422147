"""`acrnn export`: the job behind the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from acrnn.console import import_quietly
from acrnn.errors import UsageError
from acrnn.export import serving, version_folder
from acrnn.inference import locate
from acrnn.progress import ProgressLine

if TYPE_CHECKING:
    from acrnn.export.trained_model import TrainedModel
    from acrnn.model_card import Card


def export(options: argparse.Namespace) -> int:
    """Exports the network of a run, of a refit, or of an exported model, or an ensemble; returns the exit status."""
    version_folder.check(options.out, options.formats, options.replaced, options.served)
    if options.served:
        serving.require()
    import_quietly("tensorflow")
    _check_backend()
    network, estimate, earlier = _of_model(options) if options.model else _of_experiment(options)
    card = version_folder.export(
        network, options.out, options.formats, estimate, options.replaced, options.served, print, earlier
    )
    ensemble = f"{card.ensemble}, " if card.ensemble else ""
    print(f"{options.out}: {card.name}, {card.summary}, {ensemble}emotions {', '.join(card.labels)}")
    return 0


def _check_backend() -> None:
    """Refuses another backend of Keras than TensorFlow, of whose operations an exported model consists."""
    import keras

    if (backend := keras.backend.backend()) != "tensorflow":
        raise UsageError(
            f"the Keras backend is {backend}, and an export needs tensorflow: unset the environment variable KERAS_BACKEND; "
            "networks that another backend trained are exported too"
        )


def _of_model(options: argparse.Namespace) -> tuple[TrainedModel, None, Card]:
    from acrnn.export import earlier_export, training_sounds

    network, card = earlier_export.read(locate.version_folder(options.model))
    if options.records:
        card = replace(card, sounds=training_sounds.of_earlier(card, options.records).to_dict())
    return network, None, card


def _of_experiment(options: argparse.Namespace) -> tuple[TrainedModel, dict, None]:
    seeds = options.seeds or (options.seed or 0,)
    estimate = version_folder.estimate_of(options.folder, seeds)
    return _refitted(options, seeds) if options.refit else _of_runs(options, seeds), estimate, None


def _of_runs(options: argparse.Namespace, seeds: Sequence[int]) -> TrainedModel:
    from acrnn.export.ensembles import members

    return members.of_runs(options.folder, options.fold or 0, seeds, options.records)


def _refitted(options: argparse.Namespace, seeds: Sequence[int]) -> TrainedModel:
    from acrnn.export.refit import refit
    from acrnn.recipes import initial_weights
    from acrnn.transfer.sources import initial_model

    model = initial_model(options.init_from) if options.init_from else None
    with ProgressLine("training on all speakers", "epochs") as progress:
        return refit(
            options.folder,
            options.records,
            seeds,
            lambda epoch, total: progress.update(epoch.epoch, total, f"(loss {epoch.loss:.3f})"),
            initial_weights.from_options(options.imagenet_weights, options.pretrain, model, options.freeze),
            options.also,
        )
