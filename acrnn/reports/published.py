"""Figures that the papers report, to stand beside ours, in percent."""

from __future__ import annotations

from typing import NamedTuple

from acrnn.crossval.settings import Settings


class Figure(NamedTuple):
    """A mean with its standard deviation, None where the paper gives none, and where it stands."""

    mean: float
    deviation: float | None
    where: str

    def cell(self) -> str:
        """As in a table."""
        return f"{self.mean:.2f}" if self.deviation is None else f"{self.mean:.2f} ± {self.deviation:.2f}"

    def __str__(self) -> str:
        return f"{self.cell()} ({self.where})"


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

LIM2016 = "Lim et al. 2016"
# Tables II, III and IV: precision, recall, F1 of each emotion, their averages, and the deviation of the last.
LIM2016_TABLES = {
    "lim2016-cnn": {
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
    "lim2016-lstm": {
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
    "lim2016-tdcnn": {
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
LIM2016_PROTOCOL = "speaker-dependent-random-10-fold-5-times"
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
# Recalls that the text on Figures 7 and 8 names; the figures themselves have the others.
ZHANG2021_RECALLS = {
    "emodb": {"anger": 94.0, "boredom": 95.0, "happiness": 71.0, "sadness": 100.0},
    "iemocap": {"anger": 86.0, "happiness": 33.0, "neutral": 71.0, "sadness": 84.0},
}
_ZHANG2021_PROTOCOLS = {"iemocap": "leave-one-session-out", "emodb": "leave-one-speaker-out"}

# Sizes of a system's network, or of all of its paper; where a paper leaves one open, ours.
_SIZES = {
    "chen2018": {"first_filters": 128, "filters": 256, "linear_units": 768, "lstm_units": 128},
    "lim2016": {"filters": [32, 32], "dense_units": 1024, "lstm_units": 128, "series_units": 1024},
    "zhang2021": {"image_size": 227, "width": 1.0, "fc_units": 4096, "lstm_units": 128, "dense_units": [512, 256]},
    "zhang2021-2cnn-lstm": {"filters": [16, 32], "lstm_units": 512},
    "peng2021": {"filters": 128, "audio_kernels": [5, 11, 21], "text_kernels": [3, 4, 5], "dense_units": 128},
}
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


def uar(settings: Settings) -> Figure | None:
    """UAR that a paper reports for an experiment's settings; None where none does.

    A figure of another subset, of a part of the corpus, of another protocol or of a smaller network is none to compare with.
    """
    if settings.model.startswith("zhang2021"):
        return _zhang2021_uar(settings)
    if settings.model.startswith("peng2021"):
        known = peng2021(settings)
        return known and Figure(known[1], None, known[2])
    corpus, name = settings.corpus, settings.corpus.name
    comparable = (
        name in _CHEN2018_SUBSETS
        and corpus.subset == _CHEN2018_SUBSETS[name]
        and corpus.complete
        and settings.mistake is None
        and full_size(settings)
    )
    if not comparable:
        return None
    model, protocol = settings.model, settings.protocol
    if protocol == LIM2016_PROTOCOL and model in LIM2016_TABLES and name == "emodb":
        return Figure(LIM2016_TABLES[model]["average"][1], None, f"{LIM2016}, Tables II to IV")
    if protocol != "leave-one-speaker-out":
        return None
    if model == "chen2018-3d":
        return Figure(*_TABLE_I[name][settings.network_fields["conv_layers"] - 1], f"{CHEN2018}, Table I")
    if model in _TABLE_II:
        return Figure(*_TABLE_II[model][name], f"{CHEN2018}, Table II")
    return None


def peng2021(settings: Settings) -> tuple[float, float, str] | None:
    """(WA, UA, where) that Peng et al. (2021) report for an experiment's settings; None where they do not."""
    corpus = settings.corpus
    comparable = (
        settings.model.startswith("peng2021")
        and (corpus.name, corpus.subset) == ("iemocap", "all-4-merged")
        and corpus.complete
        and settings.protocol in _PENG2021_PROTOCOLS
        and settings.mistake is None
        and full_size(settings)
    )
    row = _PENG2021.get(_peng2021_row(settings)) if comparable else None
    return None if row is None else (*row[:2], f"{PENG2021}, {row[2]}")


def _peng2021_row(settings: Settings) -> str:
    """Which row of the two tables an experiment is; something that is none for a network that they do not have."""
    network, system = settings.network_fields, settings.model.removeprefix("peng2021-")
    speaker = network["speaker_embedding_size"] > 0
    if system == "audio":
        return "audio, x-vector" if speaker else "audio"
    asr = "asr " if "transcripts" in settings.auxiliary_inputs else ""
    if system == "text":
        return f"{asr}text"
    without = [name for name in ("audio_statistics", "text_statistics") if list(network[name]) == ["max"]]
    without += [] if network["swem"] else ["swem"]
    without += [] if speaker else ["x-vector"]
    name = "spu-att" if network["attention"] else "spu"
    return f"{asr}{name}" + (f" without {', '.join(without)}" if without else "")


def zhang2021(row: str, corpus: str) -> Figure | None:
    """What the tables of Zhang et al. (2021) have of a row; None where they have nothing."""
    known = _ZHANG2021.get(row, {}).get(corpus)
    return known and Figure(*known, ZHANG2021)


def _zhang2021_uar(settings: Settings) -> Figure | None:
    corpus, name = settings.corpus, settings.corpus.name
    comparable = (
        name in _CHEN2018_SUBSETS
        and corpus.subset == _CHEN2018_SUBSETS[name]
        and corpus.complete
        and settings.protocol == _ZHANG2021_PROTOCOLS[name]
        and settings.mistake is None
        and full_size(settings)
    )
    row = _zhang2021_row(settings) if comparable else None
    return zhang2021(row, name) if row else None


def _zhang2021_row(settings: Settings) -> str | None:
    """The row that an experiment repeats: the whole system, or it with one thing changed; None where more are."""
    if settings.model == "zhang2021-2cnn-lstm":
        return "2cnn-lstm"
    network, kind = settings.network_fields, settings.initial_weights_kind
    speeds, frames = len(settings.speeds or (1.0,)), network["context_frames"]
    changed = {
        "random-start": kind == "random",
        kind: kind not in ("random", "imagenet"),
        f"context-{frames}": frames != 64,
        f"x{speeds}": speeds != 5,
        f"channels-{network['channels']}": network["channels"] != 3,
        "no-attention": not network["attention"],
    }
    names = [name for name, is_so in changed.items() if is_so]
    return "full" if not names else names[0] if len(names) == 1 else None


def full_size(settings: Settings) -> bool:
    """Whether an experiment's network has the maps, units and sizes of its paper."""
    model, network = settings.model, settings.network_fields
    sizes = _SIZES.get(model, _SIZES.get(model.partition("-")[0], {}))
    return all(network.get(name, size) == size for name, size in sizes.items())  # lists, as JSON has them
