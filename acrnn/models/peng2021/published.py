"""Figures of Peng et al. (2021) on IEMOCAP: WA and UAR in percent, without deviations."""

from __future__ import annotations

from acrnn.models.published import Figure, Published, Settings

PAPER = "Peng et al. 2021"
# The paper has ten folds of 8/1/1 and does not say whether they are by speaker.
PROTOCOLS = ("leave-one-speaker-out", "speaker-dependent-random-10-fold")
# WA, UAR and table of each row; "asr": with recognized instead of transcribed texts.
ROWS = {
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


def row_of(settings: Settings) -> str:
    """Name of the row of the two tables that an experiment repeats; a name without a row where they have none."""
    config = settings.config
    has_speaker = config.speaker_embedding_size > 0
    if not config.text:
        return "audio, x-vector" if has_speaker else "audio"
    asr = "asr " if "transcripts" in settings.auxiliary_inputs else ""
    if not config.audio:
        return f"{asr}text"
    without = [name for name in ("audio_statistics", "text_statistics") if list(getattr(config, name)) == ["max"]]
    without += [] if config.swem else ["swem"]
    without += [] if has_speaker else ["x-vector"]
    name = "spu-att" if config.attention else "spu"
    return f"{asr}{name}" + (f" without {', '.join(without)}" if without else "")


def _wa(settings: Settings) -> Figure | None:
    row = ROWS.get(row_of(settings))
    return row and Figure(row[0], None, f"{PAPER}, {row[2]}")


def _uar(settings: Settings) -> Figure | None:
    row = ROWS.get(row_of(settings))
    return row and Figure(row[1], None, f"{PAPER}, {row[2]}")


PUBLISHED = Published(
    frozenset(("iemocap", "all-4-merged", protocol) for protocol in PROTOCOLS),
    _uar,
    _wa,
    # Table 2 leaves parts out; the paper leaves the normalization open.
    free=("audio_statistics", "text_statistics", "swem", "normalization", "centered", "dropout"),
)
