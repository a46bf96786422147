"""Command-line option of the devices."""

from __future__ import annotations

import argparse

from acrnn.distribution import choice, devices
from acrnn.errors import FieldError


def add_distribution_option(group) -> None:
    """Adds --distribute to a parser or group; `begin_distribution` reads it."""
    group.add_argument(
        "--distribute",
        choices=choice.KINDS,
        default=choice.NONE,
        help="divide every batch among the devices of this machine, or of the hosts in TF_CONFIG (default: none)",
    )


def is_distributed(options: argparse.Namespace) -> bool:
    """Returns True if the options choose more than one device; a script without them has one."""
    return getattr(options, choice.FIELD, choice.NONE) != choice.NONE


def begin_distribution(options: argparse.Namespace) -> None:
    """Finds the devices that the options choose.

    Raises:
        FieldError: an option does not go with several devices, or see `devices.begin`.
    """
    choice.demand(getattr(options, choice.FIELD, choice.NONE))
    if not is_distributed(options):
        return
    if options.jobs > 1:
        raise FieldError("jobs", options.jobs, "every run takes all devices; leave it out, or distribute")
    if getattr(options, "engine", None) == "ray":
        raise FieldError("engine", "ray", "each of its tasks trains on one device; leave it out, or distribute")
    devices.begin()
