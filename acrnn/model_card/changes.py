"""Sizes of a network that differ from those of its system."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

# Fields of a network's `Config` that the data fix.
DATA_FIELDS = frozenset(
    {"num_classes", "frames", "bands", "record_channels", "padding", "speaker_embedding_size", "embedding_size"}
)


def of_network(system: str, num_classes: int, network: Mapping, recipe: Mapping) -> dict[str, tuple[object, object]]:
    """Returns value and default of each field that differs from the system's and is not set by the recipe or the data.

    Args:
        system: key in MODELS; a system that is not installed has no changes.
        num_classes: number of emotions.
        network, recipe: settings of the experiment, see `Card`.
    """
    from acrnn.models import MODELS

    if system not in MODELS:
        return {}
    declared = MODELS[system]
    defaults = json.loads(json.dumps(asdict(declared.config(num_classes, **declared.variant))))
    fixed = DATA_FIELDS | set(recipe.get("network", {}))
    return {
        name: (value, defaults[name])
        for name, value in network.items()
        if name in defaults.keys() - fixed and value != defaults[name]
    }


def shown(value: object) -> str:
    """Returns a value as on a card: the parts of a size with a cross between them."""
    return " × ".join(map(str, value)) if isinstance(value, list) else str(value)
