"""Joins networks of one experiment, trained on the same speakers with different seeds, to one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from acrnn.export.trained_model import TrainedModel, network_of_run


def joined(models: Sequence[TrainedModel]) -> TrainedModel:
    """Returns the ensemble of models of the same settings and training speakers; a single model is returned as it is.

    Its origin is that of the first network, with "members", the seed and the epochs of each.
    """
    first, *others = models
    if not others:
        return first
    members = [{name: each.origin[name] for name in ("seed", "epochs")} for each in models]
    return replace(first, origin={**first.origin, "members": members}, others=tuple(each.model for each in others))


def of_runs(folder: Path, fold: int, seeds: Sequence[int], records: Path | None = None) -> TrainedModel:
    """Loads the networks of a fold.

    Args:
        folder: output folder of the experiment.
        fold: number of the fold.
        seeds: random seeds of the runs, one or several.
        records: see `TrainedModel.of_run`; it is read once.

    Raises:
        FileNotFoundError, ValueError: see `TrainedModel.of_run`.
    """
    first = TrainedModel.of_run(folder, fold, seeds[0], records)
    others = [network_of_run(folder, first.settings, fold, seed) for seed in seeds[1:]]
    return joined([first, *(TrainedModel.of_network(network, first.settings, origin) for network, origin in others)])
