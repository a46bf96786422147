"""Figures that the papers report, to stand beside ours, in percent. UAR as (mean, standard deviation), None where none is given."""

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


# Peng et al. (2021), Tables 1 and 2: WA and UA, without deviations. Its ten folds of 8/1/1 are not said to be by speaker.
PENG2021 = "Peng et al. 2021"
_PENG2021 = {
    "audio": (65.4, 66.7, "Table 1"),
    "audio, x-vector": (66.6, 68.4, "Table 1"),
    "text": (67.8, 67.7, "Table 1"),
    "spu": (79.5, 80.4, "Table 1"),
    "spu-att": (80.3, 81.4, "Table 1"),
    "asr text": (62.4, 61.5, "Table 1"),
    "asr spu": (77.4, 78.2, "Table 1"),
    "asr spu-att": (78.0, 79.1, "Table 1"),
    "spu without x-vector": (78.5, 79.3, "Table 2"),
    "spu without text_statistics": (77.7, 78.6, "Table 2"),
    "spu without swem": (77.2, 78.3, "Table 2"),
    "spu without audio_statistics": (73.5, 74.0, "Table 2"),
}
_PENG2021_PROTOCOLS = ("leave-one-speaker-out", "speaker-dependent-random-10-fold")


def peng2021(settings: dict) -> tuple[float, float, str] | None:
    """(WA, UA, where) that Peng et al. (2021) report for an experiment's settings; None where they do not."""
    corpus = settings["corpus"]
    comparable = (
        settings["model"].startswith("peng2021")
        and (corpus["name"], corpus["subset"]) == ("iemocap", "all-4-merged")
        and corpus["complete"]
        and settings["protocol"] in _PENG2021_PROTOCOLS
        and "mistake" not in settings
        and settings["network"]["filters"] == 128
    )
    row = _PENG2021.get(_row(settings)) if comparable else None
    return None if row is None else (*row[:2], f"{PENG2021}, {row[2]}")


def _row(settings: dict) -> str:
    """Which row of the two tables an experiment is; something that is none for a network that they do not have."""
    network, system = settings["network"], settings["model"].removeprefix("peng2021-")
    speaker = network["speaker_embedding_size"] > 0
    if system == "audio":
        return "audio, x-vector" if speaker else "audio"
    asr = "asr " if "transcripts" in settings.get("companions", {}) else ""
    if system == "text":
        return f"{asr}text"
    without = [name for name in ("audio_statistics", "text_statistics") if list(network[name]) == ["max"]]
    without += [] if network["swem"] else ["swem"]
    without += [] if speaker else ["x-vector"]
    name = "spu-att" if network["attention"] else "spu"
    return f"{asr}{name}" + (f" without {', '.join(without)}" if without else "")


def written(known: tuple[float, float | None, str]) -> str:
    """A published figure with its deviation, if it has one."""
    return f"{known[0]:.2f}" + ("" if known[1] is None else f" ± {known[1]:.2f}")


def uar(settings: dict) -> tuple[float, float | None, str] | None:
    """(mean, standard deviation, where) that a paper reports for an experiment's settings; None where none does.

    A figure of another subset, of a part of the corpus, of another protocol or of a smaller network is none to compare with.
    """
    if known := peng2021(settings):
        return known[1], None, known[2]
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
    return all(network.get(name, size) == size for name, size in _SIZES.items())
