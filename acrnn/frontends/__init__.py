"""Front ends: waveform → features. A frozen spec holds every parameter; records, models and exports keep it as JSON."""

from __future__ import annotations

from collections.abc import Mapping

from acrnn.frontends import librosa_logmel, logmel, mfcc, mfcc_pitch, stft
from acrnn.frontends.librosa_logmel import LibrosaLogMelSpec
from acrnn.frontends.logmel import LogMelSpec
from acrnn.frontends.mfcc import MfccSpec
from acrnn.frontends.mfcc_pitch import MfccPitchSpec
from acrnn.frontends.spec import Spec
from acrnn.frontends.stft import StftSpec
from acrnn.reading import check_fields

FRONTENDS: dict[str, Spec] = {
    "chen2018": logmel.PAPER,
    "chen2018-original": logmel.ORIGINAL,
    "han2014": mfcc_pitch.HAN2014,
    "lim2016": stft.LIM2016,
    "lim2016-log": stft.LIM2016_LOG,
    "zhang2021": librosa_logmel.ZHANG2021,
    "peng2021": mfcc.PENG2021,
}
_KINDS: dict[str, type[Spec]] = {
    cls.kind: cls for cls in (LogMelSpec, MfccPitchSpec, StftSpec, LibrosaLogMelSpec, MfccSpec)
}


def to_dict(spec: Spec) -> dict:
    """Returns the kind and all fields of a spec, ready for JSON."""
    return spec.to_dict()


def from_dict(fields: Mapping) -> Spec:
    """Returns the spec that `to_dict` wrote.

    Raises:
        ValueError: the kind or a field is unknown, since another version of this package wrote it, or of another type.
    """
    values = dict(fields)
    kind = values.pop("kind", None)
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(f"front end {kind!r} is unknown; this version has {', '.join(_KINDS)}")
    try:
        return _KINDS[kind](**check_fields(_KINDS[kind], values))
    except TypeError as error:
        raise ValueError(f"front end {kind!r}: {error}; prepare the records with this version") from error


__all__ = [
    "FRONTENDS",
    "LibrosaLogMelSpec",
    "LogMelSpec",
    "MfccPitchSpec",
    "MfccSpec",
    "Spec",
    "StftSpec",
    "from_dict",
    "to_dict",
]
