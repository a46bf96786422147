"""Training recipes as data: the optimizer, learning rate schedule, checkpoint selection and other hyper-parameters."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from acrnn.errors import FieldError
from acrnn.recipes.augmentation import Augmentation
from acrnn.segments import POOLINGS

FLOAT32, BFLOAT16, AUTO = "float32", "mixed_bfloat16", "auto"  # precisions
OPTIONAL_COUNTS = ("patience", "balanced_draw", "max_steps")  # None switches them off; 0 as an option of a command
# Fields of later versions with their defaults, with which they are not written.
ADDED_LATER: Mapping[str, Any] = {
    "balanced_draw": None,
    "max_steps": None,
    "segment_weights": "equal",
    "random_enrolment": False,
}


def _described(default, text: str):
    """A dataclass field with a default and a help text, which the command line shows for its option."""
    return field(default=default, metadata={"help": text})


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise FieldError(name, value, "it must be a number above 0")


@dataclass(frozen=True)
class Recipe:
    """Hyper-parameters of training. The defaults follow Chen et al. (2018), Section III-A, where it states a value.

    Every field has a text under `metadata["help"]`, which the command line shows for the option of the same name.

    Attributes:
        optimizer: "nadam" (Adam with Nesterov momentum), "adam" or "sgd".
        learning_rate: initial learning rate; the peak of the schedule "cosine".
        momentum: decay rate of the first moment (β₁) of Adam and Nadam; momentum of "sgd".
        batch_size: segments in a training step.
        epochs: maximum number of passes over the training segments.
        max_steps: maximum number of training steps; training ends with the step, and that epoch is validated as it is.
            None trains all epochs.
        patience: early stopping: number of epochs without a better validation UAR after which training ends; None
            trains all epochs.
        pooling: how the posteriors of segments are combined into the posterior of an utterance, in validation and in
            testing; see `segments.pool_logits`.
        class_weights: weight the loss by the inverse frequency of the class in the training set.
        oversampling: draw utterances of the rarer classes again, at random, until every class of the training set has
            as many as the largest.
        balanced_draw: number of segments of each class to train on, drawn once from the training part with the run's
            seed; see `acrnn.batches.draw`. None trains on all.
        gradient_clip_norm: maximum global norm of the gradients; None does not clip.
        schedule: "constant"; or "cosine", a linear warm-up over `warmup_epochs`, then a cosine decay to zero.
        warmup_epochs: epochs of the warm-up of the schedule "cosine".
        decay: the learning rate is divided by 1 + decay · steps (time-based decay).
        weight_decay: decoupled weight decay: each step shrinks the weights by this share times the learning rate.
        label_smoothing: share of the target distribution that is spread evenly over all classes.
        averaging: decay per step of the exponential moving average of the weights, which is validated and saved in
            place of the weights (Polyak averaging); 0 turns it off.
        epoch_choice: checkpoint selection: "validation-uar" restores the epoch with the best validation UAR, as in the
            paper; "last" keeps the last epoch, for a schedule that ends at zero.
        segment_weights: weight of a segment in the loss: "equal"; or "new-frames", the share of its frames that earlier
            segments of its utterance do not contain, scaled to a mean of 1, see `SegmentRule.new_shares`.
        random_enrolment: normalize training utterances by random recordings of their speaker in place of all, see
            `acrnn.batches.random_enrolment`.
        augmentation: random changes to the training segments in every epoch; None turns it off.
        network: fields of the system's `Config` that belong to the recipe.
        precision: Keras' dtype policy; "mixed_bfloat16" is faster on some processors; "auto": see `crossval.cross_validate`.

    Raises:
        FieldError: a value is out of range.
    """

    optimizer: Literal["nadam", "adam", "sgd"] = _described("nadam", "optimizer")
    learning_rate: float = _described(1e-4, "initial learning rate")
    momentum: float = _described(0.9, "momentum of sgd; decay rate of the first moment of adam and nadam")
    batch_size: int = _described(40, "segments in a training step")
    epochs: int = _described(30, "maximum number of epochs")
    patience: int | None = _described(
        None, "early stopping after this many epochs without a better validation UAR; 0: none"
    )
    pooling: Literal["max", "mean", "max-logits", "majority"] = _described(
        "max", "how segment posteriors are combined into utterance posteriors"
    )
    class_weights: bool = _described(False, "weight the loss by inverse class frequency")
    oversampling: bool = _described(False, "draw utterances of rarer classes again until all classes are equally large")
    gradient_clip_norm: float | None = _described(None, "maximum global norm of the gradients")
    schedule: Literal["constant", "cosine"] = _described("constant", "learning rate schedule")
    warmup_epochs: int = _described(0, "epochs of linear warm-up in the cosine schedule")
    decay: float = _described(0.0, "divide the learning rate by 1 + DECAY times the number of steps")
    weight_decay: float = _described(0.0, "decoupled weight decay")
    label_smoothing: float = _described(0.0, "share of the target spread evenly over all classes")
    averaging: float = _described(0.0, "decay per step of an exponential moving average of the weights; 0 turns it off")
    epoch_choice: Literal["validation-uar", "last"] = _described(
        "validation-uar", "checkpoint selection: best validation UAR, or the last epoch"
    )
    augmentation: Augmentation | None = _described(None, "random changes to the training segments")
    network: Mapping[str, object] = field(
        default_factory=dict, metadata={"help": "fields of the system's Config that belong to the recipe"}
    )
    precision: Literal["float32", "mixed_bfloat16", "auto"] = _described(
        "float32", "arithmetic precision; auto takes the faster one by a measurement, and results state it"
    )
    balanced_draw: int | None = _described(None, "train on this many segments of each class, drawn once; 0: on all")
    max_steps: int | None = _described(None, "maximum number of training steps; 0: no limit")
    segment_weights: Literal["equal", "new-frames"] = _described(
        "equal", "weights of segments in the loss: equal, or by their share of frames that no earlier segment has"
    )
    random_enrolment: bool = _described(
        False,
        "normalize training utterances by random recordings of their speaker in place of all; needs statistics of speakers",
    )

    def __post_init__(self):
        for name in ("learning_rate", "gradient_clip_norm"):
            if getattr(self, name) is not None:
                _check_positive(name, getattr(self, name))
        for name in ("label_smoothing", "averaging"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise FieldError(name, value, "it must lie from 0 up to below 1")
        for name in ("decay", "weight_decay"):
            if not (math.isfinite(value := getattr(self, name)) and value >= 0):
                raise FieldError(name, value, "it must be a number from 0 up")
        for name in OPTIONAL_COUNTS:
            if (count := getattr(self, name)) is not None and count < 1:
                raise FieldError(name, count, "it must be a whole number above 0")
        if self.balanced_draw and self.oversampling:
            raise FieldError("balanced_draw", self.balanced_draw, "it evens the classes out; leave out oversampling")
        if self.pooling not in POOLINGS:
            raise FieldError("pooling", self.pooling, f"it is unknown; choose from {', '.join(POOLINGS)}")

    @property
    def stages(self) -> tuple[Recipe, ...]:
        """One recipe for each stage of training, in order."""
        return (self,)

    @property
    def total_epochs(self) -> int:
        """Maximum number of epochs of all stages together."""
        return sum(stage.epochs for stage in self.stages)

    def epochs_with(self, num_segments: int, num_classes: int) -> int:
        """Maximum number of epochs of all stages on a training part of so many segments, with regard to `max_steps`."""
        if not self.max_steps:
            return self.total_epochs
        drawn = self.balanced_draw * num_classes if self.balanced_draw else num_segments
        return min(self.total_epochs, -(-self.max_steps // -(-drawn // self.batch_size)))

    @property
    def length(self) -> str:
        """Longest possible training in words: "20 epochs", "20 + 30 epochs" for two stages, or "5000 steps, at most 500 epochs"."""
        if self.max_steps:
            return f"{self.max_steps} steps, at most {self.epochs} epochs"
        return f"{' + '.join(str(stage.epochs) for stage in self.stages)} epochs"

    def with_second_stage(self, changes: Mapping[str, Any]) -> Recipe:
        """Returns the recipe with other values in its second stage.

        Args:
            changes: new values by field of `SecondStage`; may be empty.

        Raises:
            FieldError: the recipe has no second stage, and `changes` is not empty.
        """
        for name, value in changes.items():
            problem = "the recipe trains in one stage; leave it out, or use a recipe of two stages such as zhang2021"
            raise FieldError(f"stage2_{name}", value, problem)
        return self

    def settled(self, runs: Sequence[Mapping]) -> Recipe:
        """Returns the recipe for refitting on all data, without a validation set: the median best epoch of earlier runs.

        Args:
            runs: runs of this recipe, as in results.json: "best_epoch", and "curve" where there are two stages.
        """
        if self.epoch_choice == "last":
            return self
        epochs = round(statistics.median(run["best_epoch"] for run in runs))
        return replace(self, epochs=epochs, max_steps=None, patience=None, epoch_choice="last")

    def rate(self, epochs_done: float, steps_done: int = 0) -> float:
        """Returns the learning rate at a point of training.

        Args:
            epochs_done: epochs trained so far, with a fraction for the current one.
            steps_done: training steps so far, for `decay`.
        """
        return self._scheduled(epochs_done) / (1 + self.decay * steps_done)

    def _scheduled(self, epochs_done: float) -> float:
        """Learning rate of the schedule, before `decay`."""
        if self.schedule == "constant":
            return self.learning_rate
        if epochs_done < self.warmup_epochs:
            return self.learning_rate * (epochs_done + 0.1) / (self.warmup_epochs + 0.1)
        share = (epochs_done - self.warmup_epochs) / max(self.epochs - self.warmup_epochs, 1e-9)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


@dataclass(frozen=True)
class SecondStage:
    """Hyper-parameters of the second stage of training that differ from those of the first. It has no augmentation.

    Attributes:
        learning_rate: initial learning rate.
        batch_size: utterances in a training step.
        epochs: number of epochs.

    Raises:
        FieldError: a value is out of range; the field is named as the option of the command line, "stage2_learning_rate".
    """

    learning_rate: float = _described(5e-6, "initial learning rate of the second stage")
    batch_size: int = _described(16, "utterances in a training step of the second stage")
    epochs: int = _described(30, "number of epochs of the second stage")

    def __post_init__(self):
        _check_positive("stage2_learning_rate", self.learning_rate)


@dataclass(frozen=True)
class TwoStageRecipe(Recipe):
    """Hyper-parameters of a training in two stages: the inherited fields hold those of the first.

    It is a class of its own so that recipes of one stage, as dicts, have no field for a second.

    Attributes:
        second_stage: values of the second stage that differ from the first.
    """

    second_stage: SecondStage = SecondStage()

    @property
    def stages(self) -> tuple[Recipe, ...]:
        """The recipes of the first and the second stage."""
        first = Recipe(**{item.name: getattr(self, item.name) for item in fields(Recipe)})
        return first, replace(first, augmentation=None, **asdict(self.second_stage))

    def with_second_stage(self, changes: Mapping[str, Any]) -> Recipe:
        """Returns the recipe with other values in its second stage; see `Recipe.with_second_stage`."""
        return replace(self, second_stage=replace(self.second_stage, **changes))

    def settled(self, runs: Sequence[Mapping]) -> Recipe:
        """Returns the recipe for refitting, with the median best epoch of each stage; see `Recipe.settled`."""
        if self.epoch_choice == "last":
            return self
        curves = [run["curve"][: self.epochs] for run in runs]
        firsts = [max(curve, key=lambda e: (e["validation_uar"], -e["validation_loss"]))["epoch"] for curve in curves]
        seconds = [run["best_epoch"] - len(curve) for run, curve in zip(runs, curves, strict=True)]
        second_stage = replace(self.second_stage, epochs=round(statistics.median(seconds)))
        epochs = round(statistics.median(firsts))
        return replace(self, epochs=epochs, second_stage=second_stage, epoch_choice="last")


def to_dict(recipe: Recipe) -> dict:
    """Returns the fields of a recipe, JSON-ready, as the settings of an experiment hold them.

    Fields of later versions are left out while they have their defaults, so that hashes of settings without them stay the same.
    """
    values = {
        name: value for name, value in asdict(recipe).items() if name not in ADDED_LATER or value != ADDED_LATER[name]
    }
    return values | ({"augmentation": recipe.augmentation.to_dict()} if recipe.augmentation else {})


def from_dict(values: Mapping) -> Recipe:
    """Returns the recipe that `to_dict` converted to a dict.

    Raises:
        ValueError: a field is unknown; another version of the library wrote the dict.
    """
    nested = {"augmentation": Augmentation, "second_stage": SecondStage}
    recipe_class = TwoStageRecipe if "second_stage" in values else Recipe
    try:
        parts = {name: kind(**values[name]) for name, kind in nested.items() if values.get(name)}
        return recipe_class(**{**values, **parts})
    except TypeError as error:
        raise ValueError(f"not a recipe of this version: {error}") from error


def refuse_changes(recipe: Recipe, names: Sequence[str], system: str) -> None:
    """Refuses a recipe that changes fields without an effect on a system.

    Args:
        names: fields of `Recipe` that must have their default values.
        system: description of the system, for the message.

    Raises:
        FieldError: a field has another value.
    """
    for name in names:
        if getattr(recipe, name) != getattr(Recipe(), name):
            raise FieldError(name, getattr(recipe, name), f"it has no effect on {system}; leave it out")
