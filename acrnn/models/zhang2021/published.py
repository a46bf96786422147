"""Figures of Zhang et al. (2021): UAR in percent, mean and standard deviation over the folds."""

from __future__ import annotations

from acrnn.models.published import Figure, Published, Settings

PAPER = "Zhang et al. 2021"
EXPERIMENTS = frozenset(
    {("iemocap", "improvised-4", "leave-one-session-out"), ("emodb", "all", "leave-one-speaker-out")}
)
# Tables 1 to 6, by the rows of experiments/zhang2021_tables.py. The baseline's 78.01 is 78.09 in the text.
ROWS = {
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
RECALLS = {
    "emodb": {"anger": 94.0, "boredom": 95.0, "happiness": 71.0, "sadness": 100.0},
    "iemocap": {"anger": 86.0, "happiness": 33.0, "neutral": 71.0, "sadness": 84.0},
}
_SPEEDS, _CHANNELS, _CONTEXT_FRAMES = 5, 3, 64  # of the whole system


def figure(row: str, corpus: str) -> Figure | None:
    """The UAR in a row of the tables; None where the paper has none."""
    values = ROWS.get(row, {}).get(corpus)
    return values and Figure(*values, PAPER)


def row_of(settings: Settings) -> str | None:
    """The row that an experiment repeats: the whole system, or the system with one change; None for several changes."""
    config, kind = settings.config, settings.initial_weights_kind
    speeds, frames = len(settings.speeds or (1.0,)), config.context_frames
    changes = {
        "random-start": kind == "random",
        kind: kind not in ("random", "imagenet"),
        f"context-{frames}": frames != _CONTEXT_FRAMES,
        f"x{speeds}": speeds != _SPEEDS,
        f"channels-{config.channels}": config.channels != _CHANNELS,
        "no-attention": not config.attention,
    }
    rows = [row for row, is_changed in changes.items() if is_changed]
    return "full" if not rows else rows[0] if len(rows) == 1 else None


def _uar(settings: Settings) -> Figure | None:
    row = row_of(settings)
    return row and figure(row, settings.corpus.name)


def _baseline_uar(settings: Settings) -> Figure | None:
    return figure("2cnn-lstm", settings.corpus.name)


# Tables 1 and 3 and Figures 5 and 6 sweep channels, attention and windows; weights from elsewhere need their own layout.
_FREE = ("channels", "attention", "context_frames", "shift_frames", "layout", "window_dropout", "dense_dropout")
PUBLISHED = Published(EXPERIMENTS, _uar, free=(*_FREE, "normalization", "masked"))
PUBLISHED_BASELINE = Published(EXPERIMENTS, _baseline_uar, free=("dropout", "normalization", "masked"))
