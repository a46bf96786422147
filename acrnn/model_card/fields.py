"""The structure of the nested fields of a model card, which readers of cards rely on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypedDict

from acrnn.reading import check_type


class _Corpus(TypedDict):
    title: str
    version: str
    licence: str
    citation: str


class _Member(TypedDict):
    epochs: int
    seed: int


class _Network(_Member):
    speakers: list[str]


class _Training(_Network, total=False):
    members: list[_Member]
    speeds: list[float]


class _Coverage(TypedDict):
    folds: int
    seeds: int
    runs: int
    planned: int


class _Class(TypedDict):
    emotion: str
    precision: float | None
    recall: float | None
    support: float


class _Figures(TypedDict):
    protocol: str
    uar_fold_mean: float
    uar_fold_std: float | None
    uar_pooled: float
    uar_pooled_interval: list[float] | None
    wa: float
    per_class: list[_Class]
    coverage: _Coverage


class _Estimate(_Figures, total=False):
    fused_seeds: list[int]


class _Result(TypedDict):
    enrolled: int
    uar: float
    interval: list[float] | None


class _Tested(TypedDict):
    corpus: str
    emotions: list[str]
    speakers: int
    utterances: int
    results: list[_Result]


class _Evaluation(_Tested, total=False):
    chosen: bool


class _Dense(TypedDict):
    mean: list[float]
    variance: list[float]


class _Sample(TypedDict):
    count: int
    sha256_prefixes: str


class _Sounds(_Sample, total=False):
    complete: bool


_NESTED = {
    "corpus": _Corpus,
    "fitted_on": _Training,
    "estimate": _Estimate | None,
    "other_corpora": Mapping[str, _Corpus],
    "speaker_dense": _Dense | None,
    "evaluations": list[_Evaluation],
    "sounds": _Sounds | None,
}


def check_card(values: Mapping) -> None:
    """Checks the nested fields and the ranges of a card whose outer fields have the right types.

    Raises:
        ValueError: a field is missing, or its value is not possible; the message names it.
    """
    for name, expected in _NESTED.items():
        if name in values:
            check_type(values[name], expected, name)
    if not values["labels"] or len(set(values["labels"])) < len(values["labels"]):
        raise ValueError("labels are not different emotions")
    if not 0 < values.get("max_seconds", 1.0) < math.inf:
        raise ValueError(f"max_seconds is {values['max_seconds']}")
