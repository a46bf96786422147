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

SEEDS = 5  # Section III-A: every experiment is repeated with five seeds
# Figure 3, the confusion matrix on IEMOCAP, improvised, in percent: rows are true emotions, columns predictions.
FIGURE_3 = {
    "anger": (70.47, 2.43, 13.31, 13.78),
    "sadness": (0.68, 84.32, 2.03, 12.97),
    "happiness": (11.88, 9.52, 29.95, 48.64),
    "neutral": (3.96, 16.51, 12.96, 66.52),
}
# Figure 4, the confusion matrix on Emo-DB, in the same form.
FIGURE_4 = {
    "anger": (88.36, 0, 9.09, 0, 2.55, 0, 0),
    "sadness": (0, 97.14, 0, 0.71, 0, 0, 2.14),
    "happiness": (51.43, 0, 46.86, 0, 1.14, 0.57, 0),
    "neutral": (0, 1.88, 0, 93.75, 0.63, 0, 3.75),
    "fear": (4.12, 4.71, 7.65, 0.59, 81.76, 1.18, 0),
    "disgust": (0, 3.75, 1.88, 2.5, 3.13, 83.75, 5),
    "boredom": (0, 8.29, 0.49, 4.39, 0, 3.41, 83.41),
}
FIGURE_4_UAR = 82.82  # caption of Figure 4
# Its speakers, inferred from the rounding of the figure (experiments/chen2018_figure4.py); the paper does not name them.
FIGURE_4_SPEAKERS = ("13", "14", "15", "16")

# Table I sweeps the depth; the paper leaves open what the normalization is over, dropout and padding.
_FREE = ("conv_layers", "normalization", "centered", "dropout", "masked")


def _three_dimensions(settings: Settings) -> Figure:
    return Figure(*DEPTHS[settings.corpus.name][settings.config.conv_layers - 1], f"{PAPER}, Table I")


def _two_dimensions(settings: Settings) -> Figure:
    return Figure(*TWO_DIMENSIONS[settings.corpus.name], f"{PAPER}, Table II")


PUBLISHED_3D = Published(EXPERIMENTS, _three_dimensions, free=_FREE)
PUBLISHED_2D = Published(EXPERIMENTS, _two_dimensions, free=_FREE)
PUBLISHED_ORIGINAL = Published(free=_FREE)  # the paper has no figures of the authors' code
