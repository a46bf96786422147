"""Normalization of training segments by random enrolments, so that a network learns from statistics of few recordings too.

The statistics of all recordings of a speaker are precise, those of an enrolment of a few are not. A network that was trained with
the former alone loses much when a new speaker enrolls with one recording.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acrnn.batches.speaker_statistics import SpeakerNormalizer, SpeakerStatistics
from acrnn.frontends.statistics import average


def drawn(statistics: SpeakerStatistics, rows: Sequence[int], generator: np.random.Generator) -> SpeakerNormalizer:
    """Returns a normalizer that gives every utterance the statistics of an enrolment of its own.

    An enrolment is a random choice of the training utterances of the speaker, of one up to all of them; the logarithm of their
    number is distributed uniformly. Its statistics are shrunk towards the average training speaker, see
    `SpeakerStatistics.enrolled`.

    Args:
        statistics: statistics of the speakers of the record set.
        rows: rows of the training utterances in its table.
        generator: random number generator.
    """
    own: dict[object, list[int]] = {}
    for row in rows:
        own.setdefault(statistics.keys[row], []).append(row)
    prior = average([statistics.statistics[key] for key in own])
    enrolled = {
        row: statistics.enrolled(_choice(own[statistics.keys[row]], generator), prior) for row in map(int, rows)
    }
    return SpeakerNormalizer.of(enrolled, range(len(statistics.keys)))


def _choice(rows: Sequence[int], generator: np.random.Generator) -> list[int]:
    """A random choice of one row up to all."""
    count = round(len(rows) ** generator.uniform())
    return generator.choice(rows, count, replace=False).tolist()
