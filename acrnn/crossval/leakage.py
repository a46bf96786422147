"""The common ways to let a test set leak, each as a thing one can switch on, to measure how many points it buys.

An experiment without a mistake never comes here. One with a mistake carries its name in its settings, so that its results
can be told from honest ones for good, and no folder holds both.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from acrnn.errors import UsageError
from acrnn.folds import Fold
from acrnn.records import UtteranceRow


@dataclass(frozen=True)
class Mistake:
    """One way to leak.

    Attributes:
        summary: what is done wrong.
        protocol: the protocol it replaces the honest one by; None keeps the honest one.
        oversampled: rarer classes are filled up with copies before the split, so that copies land on both sides.
        test_selects: the test part plays the validation part as well: the best *test* epoch is kept.
        normalised_on_everything: mean and deviation of the features are taken from all speakers.
        speakers: how speakers are read from utterance ids, where the mistake is about that.
        corpus: the only corpus that it can be made on.
    """

    summary: str
    protocol: str | None = None
    oversampled: bool = False
    test_selects: bool = False
    normalised_on_everything: bool = False
    speakers: Callable[[str], str] | None = None
    corpus: str | None = None


def _dialog_prefix(utterance_id: str) -> str:
    """Who wears the markers, Ses01F of Ses01F_impro01_M003, where Ses01M speaks.

    Published code takes it for the speaker. It joins both partners of a dialog into one "speaker" and puts each actor on
    both sides of a split by speaker.
    """
    return utterance_id[:6]


_RANDOM = "speaker-dependent-random-10-fold"
MISTAKES: dict[str, Mistake] = {
    "random-split": Mistake("utterances dealt at random: test speakers are known from training", protocol=_RANDOM),
    "oversampled-before-split": Mistake(
        "rarer classes filled up with copies, then dealt at random: copies on both sides",
        protocol=_RANDOM,
        oversampled=True,
    ),
    "test-selected-epoch": Mistake("the epoch with the best test UAR is kept", test_selects=True),
    "normalised-on-everything": Mistake(
        "features normalized by statistics that include the test speakers", normalised_on_everything=True
    ),
    "dialog-prefix-speakers": Mistake(
        "IEMOCAP's dialog prefix taken for the speaker: both talkers of a dialog count as one and as two",
        speakers=_dialog_prefix,
        corpus="iemocap",
    ),
}


def mistake(name: str, corpus: str) -> Mistake:
    """The mistake of that name.

    Raises:
        UsageError: it is unknown, or cannot be made on this corpus.
    """
    if name not in MISTAKES:
        raise UsageError(f"mistake {name!r} is unknown; choose from {', '.join(MISTAKES)}")
    found = MISTAKES[name]
    if found.corpus not in (None, corpus):
        raise UsageError(f"mistake {name!r} can be made on {found.corpus} only; leave it out for {corpus}")
    return found


def speakers_mistaken(made: Mistake, rows: Sequence[UtteranceRow]) -> list[UtteranceRow]:
    """The utterances with the speakers that the mistake takes them for."""
    return [replace(row, speaker=made.speakers(row.id)) for row in rows] if made.speakers else list(rows)


def leaking_fold(made: Mistake, fold: Fold, rows: Sequence[UtteranceRow]) -> Fold:
    """The fold as the mistake leaves it; it would not pass `folds.check_fold`, and is not meant to.

    A copy of an utterance behaves as the utterance does. Filling every class up to the largest one and dealing the copies
    at random puts a test utterance of a class that was filled up by n into training unless all of its copies fall into
    the test part. Here each is drawn with that probability, and is still scored once.
    """
    train, validation = list(fold.train), list(fold.validation)
    if made.oversampled:
        train += _copies_in_training(fold, rows)
    if made.test_selects:
        validation = list(fold.test)
    return replace(fold, train=tuple(train), validation=tuple(validation))


def _copies_in_training(fold: Fold, rows: Sequence[UtteranceRow]) -> list[str]:
    label = {row.id: row.label for row in rows}
    count = np.bincount(list(label.values()))
    generator = np.random.default_rng(zlib.crc32(fold.name.encode()))
    share = len(fold.train) / len(rows)
    leaked = []
    for utterance in fold.test:
        extra = generator.binomial(count.max() - count[label[utterance]], 1 / count[label[utterance]])
        if generator.uniform() < 1 - (1 - share) ** extra:
            leaked.append(utterance)
    return leaked
