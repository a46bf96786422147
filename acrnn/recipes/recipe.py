"""Training recipes as data: what a paper says of optimization, and what else was found to help."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Literal

from acrnn.errors import UsageError
from acrnn.recipes.augmentation import Augmentation
from acrnn.segments import POOLINGS


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the defaults are Chen et al. (2018), Section III-A, sensible where it is silent.

    Attributes:
        optimizer: "nadam" is Adam with Nesterov momentum, as the paper says.
        momentum: the decay of the first moment (β₁); of plain momentum for "sgd".
        epochs: passes over the training segments at most; the paper chooses the epoch on the validation speaker.
        patience: stop after so many epochs without a better validation UAR; None never stops early.
        pooling: how segments make an utterance, in validation as in test; see `segments.pool_logits`.
        class_weights: weigh classes by the inverse of their frequency in the training part.
        oversampling: fill every class up to the largest with utterances of it drawn again at random, in the training part.
        gradient_clip_norm: global norm that gradients are clipped to; None leaves them.
        schedule: "constant", or "cosine": the rate rises over `warmup_epochs` and falls to nothing along a cosine.
        decay: the rate is divided by 1 + decay · steps.
        weight_decay: share of a weight that a step takes off it, times the learning rate.
        label_smoothing: share of the target that is spread over all classes.
        averaging: decay by step of a moving average of the weights, which is validated and kept instead of the weights
            of the moment (Polyak averaging); 0 for none.
        epoch_choice: whose weights are kept: "validation-uar", the epoch best for the validation speakers, as the paper
            says; or "last", for a schedule that ends of itself: no choice, no luck.
        augmentation: how training segments are changed every epoch; None leaves them.
        network: fields of the system's `Config` that belong to the recipe.
        precision: "float32" or "mixed_bfloat16", which is faster on processors that have it.
    """

    optimizer: Literal["nadam", "adam", "sgd"] = "nadam"
    learning_rate: float = 1e-4
    momentum: float = 0.9
    batch_size: int = 40
    epochs: int = 30
    patience: int | None = None
    pooling: Literal["max", "mean", "max-logits", "majority"] = "max"
    class_weights: bool = False
    oversampling: bool = False
    gradient_clip_norm: float | None = None
    schedule: Literal["constant", "cosine"] = "constant"
    warmup_epochs: int = 0
    decay: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    averaging: float = 0.0
    epoch_choice: Literal["validation-uar", "last"] = "validation-uar"
    augmentation: Augmentation | None = None
    network: Mapping[str, object] = field(default_factory=dict)
    precision: Literal["float32", "mixed_bfloat16"] = "float32"

    def __post_init__(self):
        for name in ("learning_rate", "gradient_clip_norm"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise UsageError(f"--{name.replace('_', '-')} {value}: it must be a number above 0")
        for name in ("label_smoothing", "averaging"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"--{name.replace('_', '-')} {getattr(self, name)}: it must lie from 0 up to below 1")
        for name in ("decay", "weight_decay"):
            if not (math.isfinite(value := getattr(self, name)) and value >= 0):
                raise UsageError(f"--{name.replace('_', '-')} {value}: it must be a number from 0 up")
        if self.pooling not in POOLINGS:
            raise UsageError(f"--pooling {self.pooling}: it is unknown; choose from {', '.join(POOLINGS)}")

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
            UsageError: there is no second stage.
        """
        if changes:
            name = f"--stage2-{next(iter(changes))}".replace("_", "-")
            raise UsageError(f"{name}: the recipe trains in one stage; leave it out, or take --recipe zhang2021")
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
    """What a second stage of training does otherwise than the first; all else they share, but for the augmentation."""

    learning_rate: float = 5e-6
    batch_size: int = 16
    epochs: int = 30


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
        UsageError: one does.
    """
    for name in names:
        if getattr(recipe, name) != getattr(Recipe(), name):
            raise UsageError(f"--{name} {getattr(recipe, name)}: means nothing for {system}; leave it out")


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
