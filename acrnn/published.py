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

ZHANG2021 = "Zhang et al. 2021"
# By the names of the rows in experiments/zhang2021_tables.py; Tables 1 to 6. The baseline's 78.01 is 78.09 in the text.
_ZHANG2021 = {
    "full": {"emodb": (87.86, 6.92), "iemocap": (68.50, 6.20)},
    "channels-1": {"emodb": (80.37, 6.17), "iemocap": (62.38, 4.58)},
    "channels-2": {"emodb": (85.05, 8.75), "iemocap": (66.25, 6.65)},
    "x1": {"emodb": (80.92, 6.38)},
    "x3": {"emodb": (84.72, 7.76)},
    "x5": {"emodb": (87.86, 6.92), "iemocap": (68.50, 6.20)},
    "no-attention": {"emodb": (80.17, 6.57), "iemocap": (65.14, 4.94)},
    "random-start": {"emodb": (81.31, 4.89), "iemocap": (64.04, 5.24)},
    "2cnn-lstm": {"emodb": (78.01, 6.91), "iemocap": (58.23, 5.21)},
    "dnn-elm": {"emodb": (71.56, 8.43), "iemocap": (51.24, 8.24)},
    "chen2018": {"emodb": (82.82, 4.99), "iemocap": (64.74, 5.44)},
}
_ZHANG2021_SIZES = {"image_size": 227, "width": 1.0, "fc_units": 4096, "lstm_units": 128, "context_frames": 64}
_ZHANG2021_PROTOCOLS = {"iemocap": "leave-one-session-out", "emodb": "leave-one-speaker-out"}

_SIZES = {"first_filters": 128, "filters": 256, "linear_units": 768, "lstm_units": 128}
_CHEN2018_SUBSETS = {"iemocap": "improvised-4", "emodb": "all"}


def uar(settings: dict) -> tuple[float, float, str] | None:
    """(mean, standard deviation, where) that a paper reports for an experiment's settings; None where none does.

    A figure of another subset, of a part of the corpus, of another protocol or of a smaller network is none to compare with.
    """
    if settings["model"].startswith("zhang2021"):
        return _zhang2021_uar(settings)
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


def zhang2021(row: str, corpus: str) -> tuple[float, float] | None:
    """(mean, standard deviation) in the tables of Zhang et al. (2021); None where they have none."""
    return _ZHANG2021.get(row, {}).get(corpus)


def _zhang2021_uar(settings: dict) -> tuple[float, float, str] | None:
    corpus, name = settings["corpus"], settings["corpus"]["name"]
    comparable = (
        name in _CHEN2018_SUBSETS
        and corpus["subset"] == _CHEN2018_SUBSETS[name]
        and corpus["complete"]
        and settings["protocol"] == _ZHANG2021_PROTOCOLS[name]
        and "mistake" not in settings
        and full_size(settings["network"])
    )
    row = _zhang2021_row(settings) if comparable else None
    known = zhang2021(row, name) if row else None
    return known and (*known, ZHANG2021)


def _zhang2021_row(settings: dict) -> str | None:
    """The row that an experiment repeats: the whole system, or it with one thing changed; None where more are."""
    if settings["model"] == "zhang2021-2cnn-lstm":
        return "2cnn-lstm"
    speeds, kind = len(settings.get("speeds", ())), settings["start"]["kind"]
    changed = {
        "random-start": kind != "imagenet",
        f"x{speeds}": speeds != 5,
        f"channels-{settings['network']['channels']}": settings["network"]["channels"] != 3,
        "no-attention": not settings["network"]["attention"],
    }
    names = [name for name, is_so in changed.items() if is_so]
    return "full" if not names else names[0] if len(names) == 1 else None


def full_size(network: dict) -> bool:
    """Whether an ACRNN or a DCNN has the paper's maps and units, or the network is of another kind."""
    if "image_size" in network:
        return all(network[name] == size for name, size in _ZHANG2021_SIZES.items())
    return "conv_layers" not in network or all(network[name] == size for name, size in _SIZES.items())
