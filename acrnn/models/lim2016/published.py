"""Figures of Lim, Jang and Lee (2016), in percent."""

from __future__ import annotations

from acrnn.models.published import Figure, Published, Settings

PAPER = "Lim et al. 2016"
PROTOCOL = "speaker-dependent-random-10-fold-5-times"
# Tables II, III and IV by network: precision, recall, F1 of each emotion, their averages, and the deviation of the average F1.
TABLES = {
    "cnn": {
        "neutral": (91.58, 85.32, 87.16),
        "anger": (87.16, 92.58, 89.48),
        "fear": (87.56, 80.22, 82.70),
        "disgust": (87.76, 90.30, 88.48),
        "sadness": (90.04, 98.40, 93.56),
        "boredom": (89.20, 88.54, 87.78),
        "happiness": (80.88, 68.86, 73.26),
        "average": (87.74, 86.32, 86.06),
        "deviation": 2.39,
    },
    "lstm": {
        "neutral": (75.28, 76.36, 74.58),
        "anger": (84.82, 89.04, 86.46),
        "fear": (84.90, 76.60, 79.76),
        "disgust": (80.18, 82.60, 80.56),
        "sadness": (85.62, 94.08, 88.96),
        "boredom": (74.36, 66.30, 69.06),
        "happiness": (73.90, 66.84, 68.78),
        "average": (79.87, 78.83, 78.31),
        "deviation": 4.59,
    },
    "tdcnn": {
        "neutral": (93.80, 88.16, 90.02),
        "anger": (86.88, 91.42, 88.64),
        "fear": (82.94, 82.18, 81.56),
        "disgust": (88.48, 89.90, 88.92),
        "sadness": (90.68, 99.66, 94.58),
        "boredom": (92.02, 88.42, 89.56),
        "happiness": (81.24, 68.26, 73.28),
        "average": (88.01, 86.86, 86.65),
        "deviation": 1.73,
    },
}


def _uar(settings: Settings) -> Figure:
    return Figure(TABLES[settings.config.network]["average"][1], None, f"{PAPER}, Tables II to IV")


PUBLISHED = Published(frozenset({("emodb", "all", PROTOCOL)}), _uar, free=("normalization", "dropout"))
