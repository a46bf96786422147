"""Recipes: hyper-parameters of training, as published and as tuned. Imports no Keras."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from acrnn.recipes.augmentation import Augmentation
from acrnn.recipes.departures import CENTERED, DEPARTURES, ROBUST, TUNED, Departure, departed
from acrnn.recipes.papers import (
    CHEN2018,
    CHEN2018_ORIGINAL,
    HAN2014,
    HAN2014_TUNED,
    LIM2016,
    LITERAL,
    PENG2021,
    ZHANG2021,
    ZHANG2021_BASELINE,
    ZHANG2021_FASTER,
)
from acrnn.recipes.recipe import (
    ADDED_LATER,
    OPTIONAL_COUNTS,
    Recipe,
    SecondStage,
    TwoStageRecipe,
    from_dict,
    refuse_changes,
    to_dict,
)

RECIPES: dict[str, Recipe] = {
    "literal": LITERAL,
    "chen2018": CHEN2018,
    "chen2018-original": CHEN2018_ORIGINAL,
    "han2014": HAN2014,
    "han2014-tuned": HAN2014_TUNED,
    "zhang2021": ZHANG2021,
    "zhang2021-faster": ZHANG2021_FASTER,
    "zhang2021-2cnn-lstm": ZHANG2021_BASELINE,
    "lim2016": LIM2016,
    "peng2021": PENG2021,
    "centered": CENTERED,
    "tuned": TUNED,
    "robust": ROBUST,
}


def name_of(values: Mapping) -> str:
    """Returns the name in RECIPES of a recipe that is given as a dict, or "changed" when it is none of them.

    Epochs and precision are not compared, and neither are fields that the dict lacks because an earlier version wrote it;
    a field that `to_dict` leaves out has its default.
    """
    if values.get("augmentation"):
        values = {**values, "augmentation": asdict(Augmentation(**values["augmentation"]))}
    for name, recipe in RECIPES.items():
        same = {**json.loads(json.dumps(asdict(recipe))), "epochs": values["epochs"], "precision": values["precision"]}
        if {**same, **ADDED_LATER, **values} == same:
            return name
    return "changed"


def title_of(values: Mapping) -> str:
    """Returns the name of a recipe for titles, with the length of training where it differs from the named recipe's.

    Args:
        values: the recipe as a dict, see `to_dict`.
    """
    name = name_of(values)
    if name == "changed":
        return "changed recipe"
    length = from_dict(values).length
    return f"recipe {name}" + ("" if length == RECIPES[name].length else f", {length}")


def network_changes(config: Any, recipe: Mapping) -> list[str]:
    """Returns the fields of a network that differ from those of its recipe, such as "centered=false", for titles.

    Args:
        config: `Config` of the network.
        recipe: the recipe as a dict, see `to_dict`.
    """
    fields = recipe.get("network") or {}
    own = {name: getattr(config, name) for name in fields}
    return [f"{name}={json.dumps(own[name])}" for name, value in fields.items() if own[name] != value]


__all__ = [
    "CENTERED",
    "CHEN2018",
    "CHEN2018_ORIGINAL",
    "DEPARTURES",
    "HAN2014",
    "HAN2014_TUNED",
    "LIM2016",
    "LITERAL",
    "OPTIONAL_COUNTS",
    "PENG2021",
    "RECIPES",
    "ROBUST",
    "TUNED",
    "ZHANG2021",
    "ZHANG2021_BASELINE",
    "ZHANG2021_FASTER",
    "Departure",
    "Recipe",
    "SecondStage",
    "TwoStageRecipe",
    "departed",
    "from_dict",
    "name_of",
    "network_changes",
    "refuse_changes",
    "title_of",
    "to_dict",
]
