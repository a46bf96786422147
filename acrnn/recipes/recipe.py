"""Training recipes as data: what a paper says of optimization, and what else was found to help."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Literal

from acrnn.errors import FieldError
from acrnn.recipes.augmentation import Augmentation
from acrnn.segments import POOLINGS


def _described(default, text: str):
    """A dataclass field with a default and a help text, which the command line shows for its option."""
    return field(default=default, metadata={"help": text})


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
        patience: early stopping: number of epochs without a better validation UAR after which training ends; None
            trains all epochs.
        pooling: how the posteriors of segments are combined into the posterior of an utterance, in validation and in
            testing; see `segments.pool_logits`.
        class_weights: weight the loss by the inverse frequency of the class in the training set.
        oversampling: draw utterances of the rarer classes again, at random, until every class of the training set has
            as many as the largest.
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
        augmentation: random changes to the training segments in every epoch; None turns it off.
        network: fields of the system's `Config` that belong to the recipe.
        precision: Keras' dtype policy; "mixed_bfloat16" is faster on processors that support it.

    Raises:
        FieldError: a value is out of range.
    """

    optimizer: Literal["nadam", "adam", "sgd"] = _described("nadam", "optimizer")
    learning_rate: float = _described(1e-4, "initial learning rate")
    momentum: float = _described(0.9, "momentum of sgd; decay rate of the first moment of adam and nadam")
    batch_size: int = _described(40, "segments in a training step")
    epochs: int = _described(30, "maximum number of epochs")
    patience: int | None = _described(None, "early stopping after this many epochs without a better validation UAR")
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
    precision: Literal["float32", "mixed_bfloat16"] = _described("float32", "arithmetic precision")

    def __post_init__(self):
        for name in ("learning_rate", "gradient_clip_norm"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise FieldError(name, value, "it must be a number above 0")
        for name in ("label_smoothing", "averaging"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise FieldError(name, value, "it must lie from 0 up to below 1")
        for name in ("decay", "weight_decay"):
            if not (math.isfinite(value := getattr(self, name)) and value >= 0):
                raise FieldError(name, value, "it must be a number from 0 up")
        if self.pooling not in POOLINGS:
            raise FieldError("pooling", self.pooling, f"it is unknown; choose from {', '.join(POOLINGS)}")

    @property
    def stages(self) -> tuple[Recipe, ...]:
        """The recipes of the stages of training, one after the other."""
        return (self,)

    @property
    def total_epochs(self) -> int:
        """Epochs of all stages."""
        return sum(stage.epochs for stage in self.stages)

    def with_second_stage(self, changes: Mapping[str, object]) -> Recipe:
        """The recipe whose second stage is changed so; none changes nothing.

        Raises:
            FieldError: there is no second stage.
        """
        for name, value in changes.items():
            problem = "the recipe trains in one stage; leave it out, or use a recipe of two stages such as zhang2021"
            raise FieldError(f"stage2_{name}", value, problem)
        return self

    def settled(self, runs: Sequence[Mapping]) -> Recipe:
        """The recipe for a fit that nobody validates: it ends where its runs, as in results.json, chose to, in the median."""
        if self.epoch_choice == "last":
            return self
        epochs = round(statistics.median(run["best_epoch"] for run in runs))
        return replace(self, epochs=epochs, patience=None, epoch_choice="last")

    def rate(self, epochs_done: float, steps_done: int = 0) -> float:
        """The learning rate after so many epochs, whole and parts of one, and steps."""
        return self._scheduled(epochs_done) / (1 + self.decay * steps_done)

    def _scheduled(self, epochs_done: float) -> float:
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
    """

    learning_rate: float = _described(5e-6, "initial learning rate of the second stage")
    batch_size: int = _described(16, "utterances in a training step of the second stage")
    epochs: int = _described(30, "number of epochs of the second stage")


@dataclass(frozen=True)
class TwoStageRecipe(Recipe):
    """The recipe of a first stage, with what a second one does otherwise. A class of its own: dicts of others stay as they are."""

    second_stage: SecondStage = SecondStage()

    @property
    def stages(self) -> tuple[Recipe, ...]:
        first = Recipe(**{item.name: getattr(self, item.name) for item in fields(Recipe)})
        return first, replace(first, augmentation=None, **asdict(self.second_stage))

    def with_second_stage(self, changes: Mapping[str, object]) -> Recipe:
        return replace(self, second_stage=replace(self.second_stage, **changes))

    def settled(self, runs: Sequence[Mapping]) -> Recipe:
        if self.epoch_choice == "last":
            return self
        curves = [run["curve"][: self.epochs] for run in runs]
        firsts = [max(curve, key=lambda e: (e["validation_uar"], -e["validation_loss"]))["epoch"] for curve in curves]
        seconds = [run["best_epoch"] - len(curve) for run, curve in zip(runs, curves, strict=True)]
        second_stage = replace(self.second_stage, epochs=round(statistics.median(seconds)))
        epochs = round(statistics.median(firsts))
        return replace(self, epochs=epochs, second_stage=second_stage, epoch_choice="last")


def from_dict(values: Mapping) -> Recipe:
    """The recipe that `dataclasses.asdict` made a dict of.

    Raises:
        ValueError: a field is unknown, so another version wrote it.
    """
    nested = {"augmentation": Augmentation, "second_stage": SecondStage}
    made_of = TwoStageRecipe if "second_stage" in values else Recipe
    try:
        parts = {name: kind(**values[name]) for name, kind in nested.items() if values.get(name)}
        return made_of(**{**values, **parts})
    except TypeError as error:
        raise ValueError(f"not a recipe of this version: {error}") from error


def refuse_changes(recipe: Recipe, names: Sequence[str], system: str) -> None:
    """Refuses fields of a recipe that differ from their defaults and mean nothing for a system.

    Args:
        names: of the fields.
        system: in words, for the message.

    Raises:
        FieldError: one does.
    """
    for name in names:
        if getattr(recipe, name) != getattr(Recipe(), name):
            raise FieldError(name, getattr(recipe, name), f"it has no effect on {system}; leave it out")


@dataclass(frozen=True)
class Departure:
    """One change of a recipe, named, so that its gain can be measured alone.

    Attributes:
        name: of its row in the ablation.
        reason: why it was thought to help.
        changes: fields of `Recipe`; those of "network" are added to the ones that are there.
        kept: whether it is part of the recipe "tuned"; decided by the UAR of validation speakers.
    """

    name: str
    reason: str
    changes: Mapping[str, object]
    kept: bool = True


def departed(recipe: Recipe, departures: Sequence[Departure]) -> Recipe:
    """The recipe after those of the departures that are kept, in their order."""
    for departure in (one for one in departures if one.kept):
        network = {**recipe.network, **departure.changes.get("network", {})}
        recipe = replace(recipe, **{**departure.changes, "network": network})
    return recipe


# The paper to the letter: nothing is filled in where it is silent.
LITERAL = Recipe(network={"normalization": "channel"})
# The paper says: Adam with Nesterov momentum, 1e-4 at first, 40 segments a step, the epoch with the best validation UAR. It
# is silent on the number of epochs; on what "global mean and standard deviation" are global over (the authors' code: over
# time and utterances, for each band); and on the weights being those of the moment.
CHEN2018 = Recipe(epochs=20, averaging=0.98, network={"normalization": "band"})
# What the authors' published code does instead.
CHEN2018_ORIGINAL = Recipe(optimizer="adam", learning_rate=1e-5, batch_size=60, pooling="max-logits")
# Han et al. (2014), Section 4: mini-batch gradient descent; its numbers are ours, chosen by validation UAR on Emo-DB.
HAN2014 = Recipe(optimizer="sgd", learning_rate=2e-3, batch_size=128, epochs=8)
# Lim et al. (2016), Table I and Section IV. Batch size and epochs are ours (an epoch has every frame eight times), and so
# is that a validation part chooses the epoch: the paper names none of it.
LIM2016 = Recipe(
    optimizer="sgd",
    learning_rate=0.01,
    decay=1e-6,
    momentum=0.8,
    batch_size=32,
    epochs=10,
    oversampling=True,
    pooling="majority",
)
# Zhang et al. (2021), Section 3.2: AlexNet on windows, whose posteriors say in the mean what validation sees of the first
# stage; then the rest on what AlexNet made of them.
ZHANG2021 = TwoStageRecipe(batch_size=128, epochs=20, pooling="mean", class_weights=True)
# The same with a second stage twenty times as fast: by the published rate it is still on its way after 30 epochs and has
# not come to what the windows alone had (see the notes on emodb_zhang2021_full among the results).
ZHANG2021_FASTER = replace(ZHANG2021, second_stage=SecondStage(learning_rate=1e-4))
# Its baseline, of whose training the paper says nothing: the optimizer and the rate of the first stage, the utterances of
# a step and the epochs of the second.
ZHANG2021_BASELINE = Recipe(batch_size=16, epochs=30, pooling="mean", class_weights=True)
# Peng et al. (2021), Section 4.2: Adam, 5e-4, gradients of norm 1 at most, dropout 0.3, batches of 64. It is silent on the
# number of epochs; the one that is best for the validation speaker is kept.
PENG2021 = Recipe(
    optimizer="adam",
    learning_rate=5e-4,
    batch_size=64,
    gradient_clip_norm=1.0,
    epochs=40,
    network={"dropout": 0.3},
)

# What was tried on the same network and the same data, in this order; measured by experiments/ablation.py, each on top of
# what had been kept before it.
DEPARTURES = (
    Departure(
        "faster, then slower",
        "1e-4 hardly leaves the start in so few steps; a rate ten times higher that falls to nothing settles, and what "
        "settles needs no choice among epochs by the luck of fifty utterances",
        {"optimizer": "adam", "learning_rate": 1e-3, "schedule": "cosine", "warmup_epochs": 2, "epoch_choice": "last"},
    ),
    Departure(
        "centred segments",  # names a folder of earlier studies
        "a voice and a microphone add the same to every frame, and whole classes of a test speaker fell to that offset",
        {"network": {"centered": True}},
    ),
    Departure(
        "masks on time and frequency",
        "no band and no moment may carry a class alone",
        {"augmentation": Augmentation(time_masks=2, band_masks=2)},
        kept=False,
    ),
    Departure(
        "batch norm after the linear layer",
        "the authors' code has it, with an activation",
        {"network": {"linear_batch_norm": True}},
        kept=False,
    ),
    Departure(
        "other voices, other tempi",
        "eight speakers are few; a warped vocal tract and another speed are further ones",
        {"augmentation": Augmentation(speed=0.1, warp=0.1)},
        kept=False,
    ),
    Departure("dropout", "580 segments for 2.9 million weights", {"network": {"dropout": 0.3}}, kept=False),
    Departure("label smoothing", "the training loss goes to nothing", {"label_smoothing": 0.1}, kept=False),
    Departure(
        "masks and sixty epochs",
        "with masks the validation UAR still rose at the twentieth epoch",
        {"augmentation": Augmentation(time_masks=2, band_masks=2), "epochs": 60},
    ),
    Departure(
        "other voices, other tempi beside the masks",
        "eight speakers are few, and what changes every epoch needs the sixty",
        {"augmentation": Augmentation(time_masks=2, band_masks=2, speed=0.1, warp=0.1)},
        kept=False,
    ),
)
TUNED = departed(CHEN2018, DEPARTURES)
# The first two departures alone: a third of the epochs, for comparisons.
CENTERED = departed(CHEN2018, DEPARTURES[:2])

RECIPES = {
    "literal": LITERAL,
    "chen2018": CHEN2018,
    "chen2018-original": CHEN2018_ORIGINAL,
    "han2014": HAN2014,
    "zhang2021": ZHANG2021,
    "zhang2021-faster": ZHANG2021_FASTER,
    "zhang2021-2cnn-lstm": ZHANG2021_BASELINE,
    "lim2016": LIM2016,
    "peng2021": PENG2021,
    "centered": CENTERED,
    "tuned": TUNED,
}


def name_of(values: Mapping) -> str:
    """Which recipe a dict of one is, whatever its epochs and precision; "changed" when it is none of them.

    A dict that an earlier version wrote lacks fields that came later; what it lacks does not speak against a recipe.
    """
    for name, recipe in RECIPES.items():
        same = {**json.loads(json.dumps(asdict(recipe))), "epochs": values["epochs"], "precision": values["precision"]}
        if {**same, **values} == same:
            return name
    return "changed"
