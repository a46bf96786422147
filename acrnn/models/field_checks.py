"""Checks that the configurations of several systems share."""

from __future__ import annotations

from acrnn.errors import FieldError

# Metadata of a field of a `Config` that settings leave out while it has its default; see `acrnn.crossval.settings`.
OMITTED_DEFAULT = {"omitted_default": True}


def require_fractions(config: object, *names: str) -> None:
    """Checks that fields such as dropout rates lie in [0, 1).

    Raises:
        FieldError: a value lies outside.
    """
    for name in names:
        if not 0 <= (value := getattr(config, name)) < 1:
            raise FieldError(name, value, "it must be a number from 0 up to, not including, 1")


def require_positive_integers(config: object, *names: str) -> None:
    """Checks that fields that count something are whole numbers from 1 up.

    Raises:
        FieldError: a value is smaller.
    """
    for name in names:
        if (value := getattr(config, name)) < 1:
            raise FieldError(name, value, "it must be a whole number from 1 up")
