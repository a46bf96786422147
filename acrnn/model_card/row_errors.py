"""Errors of single rows of a batch: an exported model answers a row that it cannot use with a code instead of failing the batch."""

from __future__ import annotations

from acrnn.model_card.card import MAX_SECONDS

# Output `error_code` of exported models, and what it means. The numbers are part of the interface: new ones are added at the end.
ROW_ERRORS = {
    0: "",
    1: "num_samples is more than the waveform has",
    2: "shorter than one analysis window",
    3: f"longer than {MAX_SECONDS:g} s; cut it",
    4: "NaN or infinite samples",
    5: "all samples are equal, silence",
    6: "num_frames is below 1, or more than the features have",
    7: "NaN or infinite features",
    8: "NaN or infinite speaker statistics",
    9: "negative deviations of a speaker",
    10: "not a WAV file",
    11: "not a WAV file of 16-bit integers",
    12: "the WAV file ends before its samples do",
    13: "a sampling rate that cannot be converted in the graph; convert the file",
    14: "the model gives no finite numbers for these inputs",
}
