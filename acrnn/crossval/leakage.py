"""Common mistakes that leak the test set into training, each as an option, to measure the UAR points that it gains.

An experiment without a mistake does not use this module. An experiment with a mistake has its name in its settings, so that
its results cannot be confused with others, and no folder holds both.
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
    """One mistake.

    Attributes:
        summary: description for the tables.
        protocol: key of the protocol that replaces the experiment's; None keeps the experiment's.
        oversampled: rarer classes are filled up with copies before the split, so that copies fall on both sides.
        test_selects: the test part is the validation part as well, so that the epoch with the best *test* UAR is selected.
        normalized_on_everything: mean and standard deviation of the features are computed over all speakers.
        speakers: function from an utterance id to the wrong speaker, for a mistake about speakers.
        corpus: name of the only corpus with which the mistake is possible; None for all.
    """

    summary: str
    protocol: str | None = None
    oversampled: bool = False
    test_selects: bool = False
    normalized_on_everything: bool = False
    speakers: Callable[[str], str] | None = None
    corpus: str | None = None


def _dialog_prefix(utterance_id: str) -> str:
    """The actor with the markers, Ses01F of Ses01F_impro01_M003, although Ses01M speaks.

    Published code uses it as the speaker. That joins both partners of a dialog into one "speaker" and puts each actor on both
    sides of a split by speaker.
    """
    return utterance_id[:6]


_RANDOM = "speaker-dependent-random-10-fold"
MISTAKES: dict[str, Mistake] = {
    "random-split": Mistake("utterances split at random: test speakers are also training speakers", protocol=_RANDOM),
    "oversampled-before-split": Mistake(
        "rarer classes filled up with copies, then split at random: copies on both sides",
        protocol=_RANDOM,
        oversampled=True,
    ),
    "test-selected-epoch": Mistake("the epoch with the best test UAR is selected", test_selects=True),
    "normalised-on-everything": Mistake(
        "features normalized by statistics that include the test speakers", normalized_on_everything=True
    ),
    "dialog-prefix-speakers": Mistake(
        "IEMOCAP's dialog prefix used as the speaker: both speakers of a dialog count as one, and each as two",
        speakers=_dialog_prefix,
        corpus="iemocap",
    ),
}


def mistake(name: str, corpus: str) -> Mistake:
    """The mistake with this name.

    Raises:
        UsageError: it is unknown, or impossible with this corpus.
    """
    if name not in MISTAKES:
        raise UsageError(f"mistake {name!r} is unknown; choose from {', '.join(MISTAKES)}")
    if MISTAKES[name].corpus not in (None, corpus):
        raise UsageError(f"mistake {name!r} is possible with {MISTAKES[name].corpus} only; leave it out for {corpus}")
    return MISTAKES[name]


def mistaken_speakers(mistake: Mistake, rows: Sequence[UtteranceRow]) -> list[UtteranceRow]:
    """Copies of the rows with the wrong speakers of the mistake, if it is about speakers."""
    return [replace(row, speaker=mistake.speakers(row.id)) for row in rows] if mistake.speakers else list(rows)


def leaking_fold(mistake: Mistake, fold: Fold, rows: Sequence[UtteranceRow]) -> Fold:
    """The fold with the mistake; it would not pass `folds.check_fold`.

    Oversampling before the split is simulated, since a copy of an utterance has the same effect as the utterance itself. If
    every class is filled up to the size of the largest one and the copies are split at random, a test utterance is also in
    the training part unless all of its copies fall into the test part. Each is added to the training part with that
    probability, and is still tested once.
    """
    train, validation = list(fold.train), list(fold.validation)
    if mistake.oversampled:
        train += _copies_in_training(fold, rows)
    if mistake.test_selects:
        validation = list(fold.test)
    return replace(fold, train=tuple(train), validation=tuple(validation))


def _copies_in_training(fold: Fold, rows: Sequence[UtteranceRow]) -> list[str]:
    """Test utterances with a copy in the training part, drawn at random by the name of the fold."""
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
