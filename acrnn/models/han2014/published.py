"""Figures of DNN-ELM as the baseline of Chen et al. (2018): UAR in percent, mean and standard deviation over the speakers."""

from __future__ import annotations

from acrnn.models.chen2018 import published as chen2018
from acrnn.models.published import Figure, Published, Settings


def _uar(settings: Settings) -> Figure:
    return Figure(*chen2018.DNN_ELM[settings.corpus.name], f"{chen2018.PAPER}, Table II")


# The share of windows that train, the ridge and centering change no size.
PUBLISHED = Published(chen2018.EXPERIMENTS, _uar, free=("energy_share", "elm_ridge", "centered"))
