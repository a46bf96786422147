"""Types of the values in a JSON file, compared with the annotations of the class that they are for."""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict


def check_fields(cls: type, values: object, left_out: Collection[str] = ()) -> Mapping[str, Any]:
    """Returns the fields of a dataclass that a JSON file holds, unchanged, if they have the types of its annotations.

    A list stands for a tuple and a whole number for a float, as JSON writes them. Fields that are missing or unknown are
    left to the class.

    Args:
        cls: the dataclass.
        values: the object in the file.
        left_out: fields that are not checked.

    Raises:
        ValueError: `values` is no object, or a value has another type; the message names the field.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{_shown(values)} instead of an object")
    for name, expected in _field_types(cls, frozenset(left_out)).items():
        if name in values:
            check_type(values[name], expected, name)
    return values


@cache
def _field_types(cls: type, left_out: frozenset[str]) -> dict[str, Any]:
    annotations = {item.name: item.type for item in fields(cls) if item.name not in left_out}
    # a class of the remaining fields: types of the others may be imported for type checkers only
    return get_type_hints(type(cls.__name__, (), {"__annotations__": annotations, "__module__": cls.__module__}))


def check_type(value: object, expected: Any, place: str) -> None:
    """Compares a value of a JSON file with a type.

    Args:
        value: the value.
        expected: a type, a union, a literal, a collection of a type, a mapping, or a `TypedDict`, whose keys must be there;
            values of other types are not checked.
        place: place of the value in the file, for the message.

    Raises:
        ValueError: the value has another type.
    """
    if expected in _NAMES:
        return _refuse_unless(_is_scalar(value, expected), value, _NAMES[expected], place)
    origin, arguments = get_origin(expected), get_args(expected)
    if origin is Literal:
        _refuse_unless(value in arguments, value, f"one of {', '.join(map(str, arguments))}", place)
    elif origin in (Union, types.UnionType):
        _check_union(value, arguments, place)
    elif is_typeddict(expected):
        _check_keys(value, expected, place)
    elif _is_kind_of(origin or expected, Mapping):
        _refuse_unless(isinstance(value, Mapping), value, "an object", place)
        for key, entry in value.items() if arguments else ():  # type: ignore[attr-defined]
            check_type(entry, arguments[1], f"{place}.{key}")
    elif _is_kind_of(origin or expected, Collection):
        _refuse_unless(isinstance(value, list | tuple), value, "a list", place)
        for number, entry in enumerate(value if arguments else ()):  # type: ignore[arg-type]
            check_type(entry, arguments[0], f"{place}[{number}]")


_NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


def _is_scalar(value: object, expected: type) -> bool:
    if isinstance(value, bool):
        return expected is bool
    return isinstance(value, int | float) if expected is float else isinstance(value, expected)


def _is_kind_of(expected: Any, kind: type) -> bool:
    return isinstance(expected, type) and issubclass(expected, kind)


def _check_union(value: object, choices: tuple, place: str) -> None:
    reasons = []
    for choice in choices:
        try:
            return check_type(value, choice, place)
        except ValueError as error:
            reasons.append(error)
    raise reasons[0]


def _check_keys(value: object, expected: Any, place: str) -> None:
    _refuse_unless(isinstance(value, Mapping), value, "an object", place)
    for key, kind in get_type_hints(expected).items():
        if key not in value:  # type: ignore[operator]
            if key in expected.__required_keys__:
                raise ValueError(f"{place} has no {key!r}")
        else:
            check_type(value[key], kind, f"{place}.{key}")  # type: ignore[index]


def _refuse_unless(is_right: bool, value: object, wanted: str, place: str) -> None:
    if not is_right:
        raise ValueError(f"{place} is {_shown(value)} instead of {wanted}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
