"""Departures from the recipe of Chen et al. (2018): changes of ours, each measured alone, and the recipes they add up to.

`experiments/ablation.py` measures them in this order on the same network and data, each on top of those kept before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from acrnn.recipes.augmentation import Augmentation
from acrnn.recipes.papers import CHEN2018
from acrnn.recipes.recipe import Recipe


@dataclass(frozen=True)
class Departure:
    """A named change of a recipe.

    Attributes:
        name: row of the ablation table, and part of the name of its results folder.
        reason: why the change was expected to help.
        changes: new values by field of `Recipe`; "network" is merged into the fields that are already set.
        kept: whether the recipe "tuned" includes the change, decided by the UAR of the validation speakers.
    """

    name: str
    reason: str
    changes: Mapping[str, Any]
    kept: bool = True


def departed(recipe: Recipe, departures: Sequence[Departure]) -> Recipe:
    """Returns the recipe after those of the departures that are kept, applied in order."""
    for departure in departures:
        if departure.kept:
            network = {**recipe.network, **departure.changes.get("network", {})}
            recipe = replace(recipe, **{**departure.changes, "network": network})
    return recipe


_MASKS = Augmentation(time_masks=2, band_masks=2)

# The names are those of results folders of earlier studies, so they stay as they are.
DEPARTURES = (
    Departure(
        "faster, then slower",
        "a learning rate of 1e-4 changes the initial weights little in so few steps; a rate ten times as high with cosine "
        "decay converges, and then the last epoch can be used in place of the best one on a small validation part",
        {"optimizer": "adam", "learning_rate": 1e-3, "schedule": "cosine", "warmup_epochs": 2, "epoch_choice": "last"},
    ),
    Departure(
        "centred segments",
        "subtracting the mean of each segment removes the constant offset of a voice or a microphone, which caused whole "
        "classes of a test speaker to be missed",
        {"network": {"centered": True}},
    ),
    Departure(
        "masks on time and frequency",
        "masking prevents the network from relying on a single band or moment",
        {"augmentation": _MASKS},
        kept=False,
    ),
    Departure(
        "batch norm after the linear layer",
        "the authors' code has batch normalization and an activation after the linear layer",
        {"network": {"linear_batch_norm": True}},
        kept=False,
    ),
    Departure(
        "other voices, other tempi",
        "training speakers are few; warped vocal tracts and other speeds simulate more",
        {"augmentation": Augmentation(speed=0.1, warp=0.1)},
        kept=False,
    ),
    Departure(
        "dropout",
        "the training segments are few for the number of weights",
        {"network": {"dropout": 0.3}},
        kept=False,
    ),
    Departure("label smoothing", "the training loss falls to zero", {"label_smoothing": 0.1}, kept=False),
    Departure("sixty epochs", "tells the share of the epochs in the change below", {"epochs": 60}, kept=False),
    Departure(
        "masks and sixty epochs",
        "with masks the validation UAR was still rising at the twentieth epoch",
        {"augmentation": _MASKS, "epochs": 60},
    ),
    Departure(
        "other voices, other tempi beside the masks",
        "training speakers are few, and augmentation needs the sixty epochs",
        {"augmentation": Augmentation(time_masks=2, band_masks=2, speed=0.1, warp=0.1)},
        kept=False,
    ),
)
TUNED = departed(CHEN2018, DEPARTURES)
# No departure: the ablation judges by clean recordings, and this is meant for noise and telephone speech.
ROBUST = replace(TUNED, augmentation=replace(_MASKS, noise=0.5, narrow=0.25))
# The first two departures alone, which train for a third of the epochs: for comparisons.
CENTERED = departed(CHEN2018, DEPARTURES[:2])
