"""Options of the command line that are fields of a recipe, generated from the dataclasses `Recipe` and `SecondStage`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import Field, fields
from types import NoneType, UnionType
from typing import Literal, get_args, get_origin, get_type_hints

from acrnn.console import positive
from acrnn.recipes.recipe import OPTIONAL_COUNTS, Recipe, SecondStage

SECOND_STAGE = "stage2_"  # prefix of the options that are fields of `SecondStage`


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Adds an option for each field of a recipe that has a single value; its default is the recipe's value."""
    _add_fields(parser.add_argument_group("training (default: the value of the recipe)"), Recipe)
    title = "second stage of training (zhang2021; default: the value of the recipe)"
    _add_fields(parser.add_argument_group(title), SecondStage, SECOND_STAGE)


def option_names(config: type) -> list[str]:
    """Names of the fields of a dataclass that have an option."""
    return [item.name for item, _ in _fields(config)]


def _add_fields(group, config: type, prefix: str = "") -> None:
    for item, keywords in _fields(config):
        option = f"--{prefix}{item.name}".replace("_", "-")
        group.add_argument(option, default=None, help=item.metadata["help"].replace("%", "%%"), **keywords)


def _fields(config: type) -> Iterator[tuple[Field, dict]]:
    """Yields the fields with a single value, each with what `add_argument` needs to read it."""
    hints = get_type_hints(config)
    for item in fields(config):
        if (keywords := _keywords(item, hints[item.name])) is not None:
            yield item, keywords


def _keywords(item: Field, kind) -> dict | None:
    """Keywords of `add_argument` for a field of this type; None for a type that one argument cannot hold."""
    if get_origin(kind) is UnionType:
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
    metavar = item.name.rpartition("_")[2].upper()
    if get_origin(kind) is Literal:
        return {"choices": get_args(kind)}
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    if kind is int:
        return {"type": _whole if item.default == 0 or item.name in OPTIONAL_COUNTS else positive, "metavar": metavar}
    return {"type": float, "metavar": metavar} if kind is float else None


def _whole(text: str) -> int:
    """Reads a whole number from 0 up."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return int(text)
