"""Refitting: a network for use, trained on all speakers by the recipe that was evaluated in cross-validation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from acrnn.batches.sources import Feeder
from acrnn.console import import_quietly
from acrnn.crossval import determinism
from acrnn.crossval.fine_tuning import FineTuning
from acrnn.crossval.pretraining import Pretraining
from acrnn.crossval.results import collect_results
from acrnn.crossval.settings import Settings
from acrnn.export import training_sounds
from acrnn.export.trained_model import TrainedModel, check_statistics, prior_of
from acrnn.recipes.initial_weights import RANDOM, TITLES, InitialWeights
from acrnn.records.record_set import RecordSet
from acrnn.training.estimator import Estimator


def refit(
    folder: Path,
    records: Path,
    seed: int = 0,
    on_epoch: Callable = lambda epoch, total: None,
    initial_weights: InitialWeights = RANDOM,
) -> TrainedModel:
    """Trains the network of an experiment on all speakers, with the speeds and the initial weights of its runs.

    No speakers are left for validation. A recipe that keeps the last epoch is followed to its end; one with checkpoint
    selection stops at the median of the best epochs of the runs.

    Args:
        folder: output folder of an experiment with finished runs.
        records: record set of the experiment.
        seed: random seed of initial weights and order.
        on_epoch: called with every epoch and the total number of epochs; its validation figures are those of the
            training speakers.
        initial_weights: those of the experiment; needed if they come from a file, a model or another corpus, since the results
            do not contain these.

    Raises:
        FileNotFoundError: the experiment or the records are missing.
        ValueError: they are damaged or do not belong together, or the initial weights are not those of the experiment; or
            the network was trained with statistics that an export does not compute.
    """
    results = collect_results(folder)
    settings = results.settings
    check_statistics(folder, settings, records)
    record_set = RecordSet(records)
    if record_set.manifest.content_sha256 != settings.records_sha256:
        raise ValueError(f"{records}: not the records of {folder}; name the record set that it was run on")
    if settings.joint:
        raise ValueError(f"{folder}: its runs trained on a second corpus too; export the network of a fold instead")
    import_quietly("keras")
    determinism.apply()
    recipe = settings.recipe.settled([run.to_dict() for run in results.runs])
    weights = _checked_weights(folder, settings, initial_weights)
    estimator = settings.system.estimator(settings.config, recipe, weights)
    if weights.kind == "corpus":
        _pretraining(estimator, settings, weights).start(seed)
    elif weights.kind == "model":
        FineTuning(estimator, settings.system, settings.config, weights, settings.labels).start(seed)
    speeds = settings.speeds or record_set.manifest.speeds
    feeder = Feeder(record_set, speaker_statistics=settings.normalized_by)
    source = feeder.source([row.id for row in record_set.utterances if row.speed in speeds])
    fit = estimator.fit(source, source, seed, lambda epoch: on_epoch(epoch, recipe.total_epochs))
    speakers = sorted({row.speaker for row in record_set.utterances})
    origin = {"speakers": speakers, "epochs": len(fit.curve), "seed": seed}
    prior, sounds = prior_of(settings, records, speakers), training_sounds.of_refit(record_set, speakers, weights)
    return TrainedModel.of_network(estimator.model, settings, origin, prior, sounds)


def _pretraining(estimator: Estimator, settings: Settings, weights: InitialWeights) -> Pretraining:
    """Returns the pre-training of the runs, which is repeated by their recipe, not by that of the refit."""
    system, config, recipe, labels = settings.system, settings.config, settings.recipe, settings.labels
    return Pretraining(estimator, system, config, recipe, weights, labels, speaker_statistics=settings.normalized_by)


def _checked_weights(folder: Path, settings: Settings, initial_weights: InitialWeights) -> InitialWeights:
    """Returns the initial weights of an experiment.

    Raises:
        ValueError: they differ from those that the caller passed.
    """
    description = settings.initial_weights or RANDOM.describe()
    if initial_weights == RANDOM and description == InitialWeights("time-arrow").describe():
        return InitialWeights("time-arrow")  # it needs only the records
    if initial_weights.describe() != description:
        kind = description["kind"]
        remedy = "pass no initial weights" if kind in ("random", "time-arrow") else "pass the same initial weights"
        raise ValueError(f"{folder}: its runs had other initial weights ({TITLES[kind]}); {remedy}")
    return initial_weights
