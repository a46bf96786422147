"""Refitting: networks for use, trained on all speakers by the recipe that was evaluated in cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from acrnn.batches.sources import Feeder
from acrnn.console import import_quietly
from acrnn.crossval import determinism
from acrnn.crossval.fine_tuning import FineTuning
from acrnn.crossval.joint import JointCorpus
from acrnn.crossval.pretraining import Pretraining
from acrnn.crossval.results import collect_results, records_of
from acrnn.crossval.settings import Settings
from acrnn.errors import FieldError
from acrnn.export import training_sounds
from acrnn.export.ensembles.members import joined
from acrnn.export.trained_model import TrainedModel, check_statistics, prior_of
from acrnn.recipes.initial_weights import RANDOM, TITLES, InitialWeights
from acrnn.training.estimator import Epoch, Estimator


def refit(
    folder: Path,
    records: Path,
    seeds: Sequence[int] = (0,),
    on_epoch: Callable = lambda epoch, total: None,
    initial_weights: InitialWeights = RANDOM,
    also: Path | None = None,
) -> TrainedModel:
    """Trains the network of an experiment on all speakers, with the speeds and the initial weights of its runs, once for each seed.

    No speakers are left for validation. A recipe that keeps the last epoch is followed to its end; one with checkpoint
    selection stops at the median of the best epochs of the runs.

    Args:
        folder: output folder of an experiment with finished runs.
        records: record set of the experiment.
        seeds: random seeds of initial weights and order; several make an ensemble.
        on_epoch: called with every epoch, counted over all seeds, and the total number of epochs; its validation figures are those of
            the training speakers.
        initial_weights: those of the experiment; needed if they come from a file, a model or another corpus, since the results
            do not contain these.
        also: the other record set of an experiment of joint training, which trains here as it did in every fold.

    Raises:
        FileNotFoundError: the experiment or the records are missing.
        ValueError: they are damaged or do not belong together, or the initial weights are not those of the experiment; or
            the network was trained with statistics that an export does not compute.
    """
    results = collect_results(folder)
    settings = results.settings
    check_statistics(folder, settings, records)
    record_set = records_of(settings, records)
    joint = _joint_corpus(folder, settings, also)
    import_quietly("keras")
    determinism.apply()
    recipe = settings.recipe.settled([run.to_dict() for run in results.runs])
    weights = _checked_weights(folder, settings, initial_weights)
    estimator = settings.system.estimator(settings.config, recipe, weights)
    start = _start(estimator, settings, weights)
    speeds = settings.speeds or record_set.manifest.speeds
    feeder = Feeder(record_set, speaker_statistics=settings.normalized_by)
    source = feeder.source([row.id for row in record_set.utterances if row.speed in speeds])
    train = joint.joined(source, settings.normalized_by) if joint else source
    speakers = sorted({row.speaker for row in record_set.utterances})
    prior = prior_of(settings, records, speakers)
    sounds = training_sounds.of_refit(record_set, weights, joint)
    models: list[TrainedModel] = []
    total = recipe.total_epochs * len(seeds)
    for seed in seeds:
        earlier = recipe.total_epochs * len(models)
        start(seed)
        fit = estimator.fit(train, source, seed, partial(_report, on_epoch, earlier, total))
        origin = {"speakers": speakers, "epochs": len(fit.curve), "seed": seed}
        models.append(TrainedModel.of_network(estimator.model, settings, origin, prior, sounds))
    return joined(models)


def _report(on_epoch: Callable, earlier: int, total: int, epoch: Epoch) -> None:
    """Reports an epoch of a seed, after the epochs of the earlier seeds."""
    on_epoch(replace(epoch, epoch=earlier + epoch.epoch), total)


def _start(estimator: Estimator, settings: Settings, weights: InitialWeights) -> Callable[[int], None]:
    """Returns a function that gives the estimator the initial weights of a seed."""
    if weights.kind == "corpus":
        return _pretraining(estimator, settings, weights).start
    if weights.kind == "model":
        return FineTuning(estimator, settings.system, settings.config, weights, settings.labels).start
    return lambda seed: None


def _joint_corpus(folder: Path, settings: Settings, also: Path | None) -> JointCorpus | None:
    """Returns the other record set of an experiment of joint training; None for an experiment without one.

    Raises:
        ValueError: it is missing, superfluous, or not the one of the experiment.
    """
    if settings.joint is None:
        if also:
            raise FieldError("also", also, f"{folder} was trained on one record set; leave it out")
        return None
    if also is None:
        corpus = settings.joint["corpus"]
        raise FieldError("also", "", f"{folder} was trained on {corpus} too, so it needs that record set as well")
    joint = JointCorpus(also, settings.labels)
    if joint.describe()["records_sha256"] != settings.joint["records_sha256"]:
        raise FieldError("also", also, f"not the other record set of {folder}; name the one that it was run with")
    return joint


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
