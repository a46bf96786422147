"""Figures of Chen et al. (2018): UAR in percent, mean and standard deviation over the speakers."""

from __future__ import annotations

from acrnn.models.published import Figure, Published, Settings

PAPER = "Chen et al. 2018"
EXPERIMENTS = frozenset(
    {("iemocap", "improvised-4", "leave-one-speaker-out"), ("emodb", "all", "leave-one-speaker-out")}
)
# Table I, by number of convolution layers, from 1.
DEPTHS = {
    "iemocap": [
        (64.20, 5.73),
        (64.18, 5.57),
        (64.11, 5.23),
        (64.62, 5.27),
        (63.80, 5.45),
        (64.74, 5.44),
        (63.95, 5.12),
    ],
    "emodb": [(81.53, 6.96), (81.72, 6.32), (82.74, 5.03), (81.75, 6.22), (82.82, 4.99), (82.69, 5.53), (80.84, 5.09)],
}
# Table II.
TWO_DIMENSIONS = {"iemocap": (62.40, 6.70), "emodb": (79.38, 7.78)}
DNN_ELM = {"iemocap": (51.24, 7.24), "emodb": (71.56, 8.43)}

# Table I sweeps the depth; the paper leaves open what the normalization is over, dropout and padding.
_FREE = ("conv_layers", "normalization", "centered", "dropout", "masked")


def _three_dimensions(settings: Settings) -> Figure:
    return Figure(*DEPTHS[settings.corpus.name][settings.config.conv_layers - 1], f"{PAPER}, Table I")


def _two_dimensions(settings: Settings) -> Figure:
    return Figure(*TWO_DIMENSIONS[settings.corpus.name], f"{PAPER}, Table II")


PUBLISHED_3D = Published(EXPERIMENTS, _three_dimensions, free=_FREE)
PUBLISHED_2D = Published(EXPERIMENTS, _two_dimensions, free=_FREE)
PUBLISHED_ORIGINAL = Published(free=_FREE)  # the paper has no figures of the authors' code
