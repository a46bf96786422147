"""The declaration of an experiment, and everything that follows from it: records, network configuration, folds, settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from acrnn import frontends, recipes, segments
from acrnn.batches.speaker_statistics import ENROLMENT, SPEAKER, Choice, check_enrolment
from acrnn.crossval import leakage
from acrnn.crossval.fine_tuning import check_model
from acrnn.crossval.joint import JointCorpus
from acrnn.crossval.leakage import Mistake
from acrnn.crossval.pretraining import check_config
from acrnn.crossval.settings import CorpusInfo, Settings, network_fields_of
from acrnn.errors import FieldError
from acrnn.folds import Fold, make_folds, split_sha256
from acrnn.models import MODELS
from acrnn.recipes import Recipe
from acrnn.recipes.augmentation import check_features
from acrnn.recipes.initial_weights import RANDOM, InitialWeights
from acrnn.records import RecordSet, UtteranceRow


@dataclass(frozen=True)
class Experiment:
    """A system trained on a record set by a recipe and tested by a protocol.

    Attributes:
        records: folder of the record set.
        model: key of the system in MODELS.
        recipe: the training recipe.
        protocol: key in PROTOCOLS of the rule that splits the utterances into folds.
        options: fields of the system's `Config` that differ from its defaults and from the recipe's.
        save_models: whether to write the network of every run beside its result.
        mistake: key in `leakage.MISTAKES` of a deliberate leak, to measure its effect; None for none.
        speeds: playing speeds of the training utterances and their copies, 1 for the recordings themselves; None for all
            speeds in the records.
        initial_weights: initial weights, see `System.pretrained`.
        train_on_validation: add the validation speakers of each fold to its training part, for a recipe without checkpoint
            selection and early stopping.
        joint: folder of another record set whose utterances are added to the training part of every fold; None for none.
        speaker_statistics: recordings whose mean and deviation normalize the features of an utterance.
    """

    records: Path
    model: str
    recipe: Recipe
    protocol: str = "leave-one-speaker-out"
    options: dict = field(default_factory=dict)
    save_models: bool = True
    mistake: str | None = None
    speeds: tuple[float, ...] | None = None
    initial_weights: InitialWeights = RANDOM
    train_on_validation: bool = False
    joint: Path | None = None
    speaker_statistics: Choice = Choice()

    @property
    def network(self) -> dict:
        """Fields of the system's `Config` that differ from its defaults; the options override the recipe."""
        return {**self.recipe.network, **self.options}


@dataclass(frozen=True)
class Prepared:
    """An experiment with its records, its network configuration and its folds.

    Attributes:
        experiment: the declaration.
        records: the record set.
        config: `Config` of the network.
        folds: the folds of the protocol.
    """

    experiment: Experiment
    records: RecordSet
    config: Any
    folds: tuple[Fold, ...]

    def __post_init__(self) -> None:
        if self.experiment.speaker_statistics.kind == ENROLMENT:
            check_enrolment(self.experiment.speaker_statistics, self.folds, self.records.utterances)

    @classmethod
    def of(cls, experiment: Experiment) -> Prepared:
        """Reads the manifest, configures the network and makes the folds.

        Raises:
            FileNotFoundError: the records are missing.
            ValueError: the system is unknown; the records are damaged, made by another front end than the system's, or
                cannot be split, or do not permit the enrolment.
        """
        if experiment.model not in MODELS:
            raise FieldError("model", experiment.model, f"this system is unknown; choose from {', '.join(MODELS)}")
        record_set = RecordSet(experiment.records)
        system = MODELS[experiment.model]
        system.check_recipe(experiment.recipe, experiment.initial_weights)
        _check_validation(experiment)
        _check_random_enrolment(experiment)
        _check_joint(experiment, record_set)
        system.check_records(record_set)
        experiment.initial_weights.check(record_set)
        config = system.configure(record_set.manifest, **experiment.network)
        check_batch_norm(experiment.model, experiment.speaker_statistics, config)
        check_speakers(experiment.speaker_statistics, record_set)
        check_features(experiment.recipe.augmentation, record_set.manifest.frontend, str(experiment.speaker_statistics))
        if experiment.initial_weights.kind == "corpus":
            check_config(system, config, experiment.initial_weights, experiment.network)
        if model := experiment.initial_weights.model:
            check_model(model, experiment.model, config, experiment.speaker_statistics)
        return cls(experiment, record_set, config, _folds(experiment, record_set))

    @property
    def mistake(self) -> Mistake | None:
        """The deliberate leak; None for none."""
        return _mistake(self.experiment, self.records)

    @property
    def max_epochs(self) -> int:
        """Maximum number of epochs of a run, that of the smallest training part."""
        num_segments = {row.id: row.num_segments for row in self.records.utterances}
        smallest = min(sum(num_segments[name] for name in fold.train) for fold in self.folds)
        return self.experiment.recipe.epochs_with(smallest, len(self.records.manifest.labels))

    def settings(self) -> dict:
        """The settings as a JSON object, see `Settings`: everything that a run's result depends on besides fold and seed."""
        experiment, manifest = self.experiment, self.records.manifest
        speeds = experiment.speeds or manifest.speeds
        return Settings(
            corpus=CorpusInfo(**manifest.corpus),
            records_sha256=manifest.content_sha256,
            labels=manifest.labels,
            frontend_fields=frontends.to_dict(manifest.frontend),
            segment_fields=segments.to_dict(manifest.rule),
            model=experiment.model,
            network_fields=network_fields_of(self.config),
            recipe_fields=recipes.to_dict(experiment.recipe),
            protocol=experiment.protocol,
            split_sha256=split_sha256(self.folds),
            mistake=experiment.mistake,
            speeds=speeds if experiment.speeds or len(speeds) > 1 else None,
            initial_weights=self._initial_weights(),
            auxiliary_inputs=manifest.auxiliary_inputs,
            train_on_validation=experiment.train_on_validation,
            joint=joint.describe() if (joint := self.joint_corpus()) else None,
            speaker_statistics=str(experiment.speaker_statistics),
        ).to_dict()

    def _initial_weights(self) -> dict | None:
        weights = self.experiment.initial_weights
        is_described = weights != RANDOM or MODELS[self.experiment.model].pretrained
        return weights.describe() if is_described else None

    def joint_corpus(self) -> JointCorpus | None:
        """The other record set of a joint training; None for none."""
        folder = self.experiment.joint
        return JointCorpus(folder, self.records.manifest.labels) if folder else None

    def used_utterances(self) -> set[str] | None:
        """Ids of the utterances in any part of any fold; None for all utterances of the records."""
        if not self.experiment.speeds:
            return None
        return {
            utterance for fold in self.folds for part in (fold.train, fold.validation, fold.test) for utterance in part
        }


def chosen_folds(numbers: Sequence[int] | None, folds: Sequence[Fold]) -> list[int]:
    """Numbers of the chosen folds; all folds for None.

    Raises:
        FieldError: there is no such fold.
    """
    if numbers is None:
        return list(range(len(folds)))
    for number in numbers:
        if not 0 <= number < len(folds):
            raise FieldError("folds", number, f"there is no such fold; choose from 0 to {len(folds) - 1}")
    return list(numbers)


def _mistake(experiment: Experiment, record_set: RecordSet) -> Mistake | None:
    return leakage.mistake(experiment.mistake, record_set.manifest.corpus["name"]) if experiment.mistake else None


def _folds(experiment: Experiment, record_set: RecordSet) -> tuple[Fold, ...]:
    rows, labels, mistake = record_set.utterances, record_set.manifest.labels, _mistake(experiment, record_set)
    if mistake is None:
        _check_speeds(experiment, record_set)
        folds = make_folds(experiment.protocol, rows, labels, experiment.speeds)
        if experiment.train_on_validation:
            folds = tuple(_trained_on_validation(fold, rows, experiment.speeds) for fold in folds)
        return folds
    rows = tuple(row for row in rows if not row.copy_of)  # the effect of a mistake is measured without augmentation
    folds = make_folds(mistake.protocol or experiment.protocol, leakage.mistaken_speakers(mistake, rows), labels)
    return tuple(leakage.leaking_fold(mistake, fold, rows) for fold in folds)


def _trained_on_validation(fold: Fold, rows: Sequence[UtteranceRow], speeds: Sequence[float] | None) -> Fold:
    """Returns a checked fold with its validation part, and the copies of it at other speeds, in its training part."""
    train, validation = set(fold.train), set(fold.validation)
    train |= {
        row.id
        for row in rows
        if (row.copy_of or row.id) in validation and (not row.copy_of or speeds is None or row.speed in speeds)
    }
    return replace(fold, train=tuple(row.id for row in rows if row.id in train), validation=())


def _check_joint(experiment: Experiment, record_set: RecordSet) -> None:
    """Refuses a joint training that is not possible, or that would train on the records of the experiment."""
    if experiment.joint is None:
        return
    system = MODELS[experiment.model]
    if system.auxiliary_inputs:
        problem = f"joint training has sound only, but {system.summary} takes more; leave it out"
        raise FieldError("joint", experiment.joint, problem)
    if experiment.mistake:
        raise FieldError("joint", experiment.joint, "a deliberate leak is measured on one corpus; leave it out")
    if any(stage.segment_weights != "equal" for stage in experiment.recipe.stages):
        raise FieldError("joint", experiment.joint, "its segments have equal weights; set segment_weights to equal")
    other = JointCorpus(experiment.joint, record_set.manifest.labels)
    other.check(record_set)
    check_speakers(experiment.speaker_statistics, other.records)


def _check_validation(experiment: Experiment) -> None:
    """Refuses training on the validation speakers where they are needed, or where a leak is measured."""
    if not experiment.train_on_validation:
        return
    if experiment.mistake:
        raise FieldError(
            "train_on_validation", "", "a deliberate leak is measured with a validation part; leave it out"
        )
    for recipe in experiment.recipe.stages:
        if recipe.epoch_choice != "last" or recipe.patience is not None:
            problem = (
                "the recipe selects its epochs by the validation speakers; leave it out, or choose a recipe of the last epoch, "
                "such as centered, or set epoch_choice to last"
            )
            raise FieldError("train_on_validation", "", problem)


def _check_random_enrolment(experiment: Experiment) -> None:
    """Refuses random enrolments where the features are not normalized by the recordings of their speaker."""
    if not any(stage.random_enrolment for stage in experiment.recipe.stages):
        return
    if experiment.speaker_statistics.kind not in (SPEAKER, ENROLMENT):
        problem = f"features are normalized by {experiment.speaker_statistics.title}; choose speaker_statistics speaker"
        raise FieldError("random_enrolment", True, problem)
    if experiment.joint:
        raise FieldError("random_enrolment", True, "a joint training has no enrolments; leave one of them out")


def check_speakers(choice: Choice, record_set: RecordSet) -> None:
    """Refuses statistics of speakers where the records do not name them.

    Args:
        choice: recordings whose statistics are used.
        record_set: the records.

    Raises:
        FieldError: the choice is of speakers, and they are not known.
    """
    if choice.kind in (SPEAKER, ENROLMENT) and "speakers" in record_set.manifest.corpus:
        problem = f"{record_set.folder} does not name its speakers; choose corpus or utterance"
        raise FieldError("speaker_statistics", str(choice), problem)


def check_batch_norm(model: str, choice: Choice, config: Any) -> None:
    """Checks that a network has the batch normalization that a choice adapts.

    Args:
        model: key of the system in MODELS.
        choice: recordings whose statistics are used.
        config: `Config` of the network.

    Raises:
        FieldError: it has none before its output layer.
    """
    if choice.batch_norm and not getattr(config, "dense_batch_norm", False):
        problem = f"{model} has no batch normalization after its dense layer; leave out +batch-norm"
        raise FieldError("speaker_statistics", str(choice), problem)


def _check_speeds(experiment: Experiment, record_set: RecordSet) -> None:
    available = record_set.manifest.speeds
    if missing := [f"{speed:g}" for speed in experiment.speeds or () if speed not in available]:
        raise FieldError(
            "speeds",
            ", ".join(missing),
            f"{record_set.folder} has {', '.join(f'{speed:g}' for speed in available)}; prepare others with: "
            "acrnn prepare CORPUS --speeds … --out FOLDER",
        )
