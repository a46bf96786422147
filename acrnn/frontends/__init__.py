"""Front ends: waveform → features. A frozen spec says everything; it travels with records, models and exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from acrnn.frontends import librosa_logmel, logmel, mfcc, mfcc_pitch, stft
from acrnn.frontends.librosa_logmel import LibrosaLogMelSpec
from acrnn.frontends.logmel import LogMelSpec
from acrnn.frontends.mfcc import MfccSpec
from acrnn.frontends.mfcc_pitch import MfccPitchSpec
from acrnn.frontends.stft import StftSpec

Spec = LogMelSpec | MfccPitchSpec | StftSpec | LibrosaLogMelSpec | MfccSpec

FRONTENDS = {
    "chen2018": logmel.PAPER,
    "chen2018-original": logmel.ORIGINAL,
    "han2014": mfcc_pitch.HAN2014,
    "lim2016": stft.LIM2016,
    "lim2016-log": stft.LIM2016_LOG,
    "zhang2021": librosa_logmel.ZHANG2021,
    "peng2021": mfcc.PENG2021,
}
_KINDS = {
    "logmel": LogMelSpec,
    "mfcc-pitch": MfccPitchSpec,
    "stft": StftSpec,
    "librosa-logmel": LibrosaLogMelSpec,
    "mfcc": MfccSpec,
}


def to_dict(spec: Spec) -> dict:
    """The spec as JSON-ready fields, with its kind."""
    kind = next(name for name, cls in _KINDS.items() if isinstance(spec, cls))
    return {"kind": kind, **asdict(spec)}


def from_dict(fields: Mapping) -> Spec:
    """The spec that `to_dict` wrote.

    Raises:
        ValueError: the kind or a field is unknown: written by another version of this package.
    """
    values = dict(fields)
    kind = values.pop("kind", None)
    if kind not in _KINDS:
        raise ValueError(f"front end {kind!r} is unknown; this version knows {', '.join(_KINDS)}")
    try:
        return _KINDS[kind](**values)
    except TypeError as error:
        raise ValueError(f"front end {kind!r}: {error}; prepare the records with this version") from error
