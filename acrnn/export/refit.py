"""A network for use: fitted on every speaker, by the recipe that cross-validation has measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from acrnn import crossval, recipes
from acrnn.console import import_quietly
from acrnn.export.trained import Trained, config_of
from acrnn.feeding import Feeder
from acrnn.models import MODELS
from acrnn.records import RecordSet


def refit(folder: Path, records: Path, seed: int = 0, on_epoch: Callable = lambda epoch, total: None) -> Trained:
    """The network of an experiment, fitted on all speakers.

    Nobody is left to choose an epoch by: a recipe that ends of itself is followed to its end, one that chooses stops at
    the median of the epochs that its runs chose.

    Args:
        folder: of an experiment with finished runs.
        records: its record set.
        seed: of weights and order.
        on_epoch: takes every epoch and the number of all; its validation figures are of the training speakers.

    Raises:
        FileNotFoundError, ValueError: the experiment or the records are missing or damaged, or they do not belong
            together.
    """
    found = crossval.collect(folder)
    settings = found["settings"]
    record_set = RecordSet(records)
    if record_set.manifest.content_sha256 != settings["records_sha256"]:
        raise ValueError(f"{records}: other records than those of {folder}; name the ones it was run on")
    import_quietly("keras")
    system = MODELS[settings["model"]]
    recipe = recipes.from_dict(settings["recipe"]).settled(found["runs"])
    estimator = system.estimator(config_of(settings), recipe)
    everyone = Feeder(record_set).source([row.id for row in record_set.utterances])
    estimator.fit(everyone, everyone, seed, lambda epoch: on_epoch(epoch, recipe.total_epochs))
    speakers = sorted({row.speaker for row in record_set.utterances})
    return Trained.of_network(
        estimator.model, settings, {"speakers": speakers, "epochs": recipe.total_epochs, "seed": seed}
    )
