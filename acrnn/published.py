"""Figures that the papers report, to stand beside ours. UAR in percent: (mean, standard deviation)."""

CHEN2018 = "Chen et al. 2018"
_TABLE_I = {
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
_TABLE_II = {
    "chen2018-2d": {"iemocap": (62.40, 6.70), "emodb": (79.38, 7.78)},
    "han2014-dnn-elm": {"iemocap": (51.24, 7.24), "emodb": (71.56, 8.43)},
}

_SIZES = {"first_filters": 128, "filters": 256, "linear_units": 768, "lstm_units": 128}
_CHEN2018_SUBSETS = {"iemocap": "improvised-4", "emodb": "all"}


def uar(settings: dict) -> tuple[float, float, str] | None:
    """(mean, standard deviation, where) that a paper reports for an experiment's settings; None where none does.

    A figure of another subset, of a part of the corpus, of another protocol or of a smaller network is none to compare with.
    """
    corpus, name = settings["corpus"], settings["corpus"]["name"]
    comparable = (
        name in _CHEN2018_SUBSETS
        and corpus["subset"] == _CHEN2018_SUBSETS[name]
        and corpus["complete"]
        and settings["protocol"] == "leave-one-speaker-out"
        and "mistake" not in settings
        and full_size(settings["network"])
    )
    if comparable and settings["model"] == "chen2018-3d":
        return *_TABLE_I[name][settings["network"]["conv_layers"] - 1], f"{CHEN2018}, Table I"
    if comparable and settings["model"] in _TABLE_II:
        return *_TABLE_II[settings["model"]][name], f"{CHEN2018}, Table II"
    return None


def full_size(network: dict) -> bool:
    """Whether an ACRNN has the paper's maps and units, or the network is of another kind."""
    return "conv_layers" not in network or all(network[name] == size for name, size in _SIZES.items())
