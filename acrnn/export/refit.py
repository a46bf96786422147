"""A network for use: fitted on every speaker, by the recipe that cross-validation has measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from acrnn.batches.sources import Feeder
from acrnn.console import import_quietly
from acrnn.crossval.results import collect_results
from acrnn.crossval.settings import Settings
from acrnn.export.trained_model import Trained
from acrnn.recipes.initial_weights import RANDOM, TIME_ARROW, TITLES, InitialWeights
from acrnn.records import RecordSet


def refit(
    folder: Path,
    records: Path,
    seed: int = 0,
    on_epoch: Callable = lambda epoch, total: None,
    initial_weights: InitialWeights = RANDOM,
) -> Trained:
    """The network of an experiment, fitted on all speakers, by the speeds and from the start of its runs.

    Nobody is left to choose an epoch by: a recipe that ends of itself is followed to its end, one that chooses stops at
    the median of the epochs that its runs chose.

    Args:
        folder: of an experiment with finished runs.
        records: its record set.
        seed: of weights and order.
        on_epoch: takes every epoch and the number of all; its validation figures are of the training speakers.
        initial_weights: the experiment's, where that was weights of a file or another corpus, which its results do not hold.

    Raises:
        FileNotFoundError, ValueError: the experiment or the records are missing or damaged, or they do not belong
            together, or the start is another than theirs.
    """
    results = collect_results(folder)
    settings = results.settings
    record_set = RecordSet(records)
    if record_set.manifest.content_sha256 != settings.records_sha256:
        raise ValueError(f"{records}: other records than those of {folder}; name the ones it was run on")
    import_quietly("keras")
    recipe = settings.recipe.settled([run.to_dict() for run in results.runs])
    estimator = settings.system.estimator(settings.config, recipe, _initial_weights(folder, settings, initial_weights))
    speeds = settings.speeds or record_set.manifest.speeds
    everyone = Feeder(record_set).source([row.id for row in record_set.utterances if row.speed in speeds])
    estimator.fit(everyone, everyone, seed, lambda epoch: on_epoch(epoch, recipe.total_epochs))
    speakers = sorted({row.speaker for row in record_set.utterances})
    return Trained.of_network(
        estimator.model, settings, {"speakers": speakers, "epochs": recipe.total_epochs, "seed": seed}
    )


def _initial_weights(folder: Path, settings: Settings, given: InitialWeights) -> InitialWeights:
    """The start of an experiment.

    Raises:
        ValueError: it is not the one that is given.
    """
    wanted = settings.initial_weights or RANDOM.describe()
    if given == RANDOM and wanted == InitialWeights(TIME_ARROW).describe():
        return InitialWeights(TIME_ARROW)  # it needs nothing but the records
    if given.describe() != wanted:
        option = {"imagenet": "--imagenet-weights FILE", "corpus": "--pretrain RECORDS"}.get(wanted["kind"])
        remedy = f"name the same with {option}" if option else "leave --imagenet-weights and --pretrain out"
        raise ValueError(f"{folder}: its runs had another start ({TITLES[wanted['kind']]}); {remedy}")
    return given
