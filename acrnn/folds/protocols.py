"""The named protocols, and the checked folds that they make."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from acrnn.errors import FieldError
from acrnn.folds import rules
from acrnn.folds.checks import check_fold, check_tested_once
from acrnn.folds.fold import Fold
from acrnn.folds.rules import Parts
from acrnn.records import UtteranceRow


@dataclass(frozen=True)
class Protocol:
    """A way to split a corpus into folds.

    Attributes:
        summary: one line for the command line.
        make: returns the parts of each fold.
        speaker_independent: True if no speaker may be in two parts of a fold.
        sentence_independent: True if no sentence of the test part may be in another part.
        repetitions: number of times the whole corpus is split, and so the number of times each utterance is tested.
    """

    summary: str
    make: Callable[[Sequence[UtteranceRow]], Iterable[Parts]]
    speaker_independent: bool = True
    sentence_independent: bool = False
    repetitions: int = 1


PROTOCOLS: dict[str, Protocol] = {
    "leave-one-speaker-out": Protocol(
        "test each speaker once, validate on the next, train on the others (8/1/1 of ten speakers, Chen et al. 2018)",
        rules.leave_one_out("speaker"),
    ),
    "leave-one-session-out": Protocol(
        "test each session once, validate on the next, train on the others", rules.leave_one_out("session")
    ),
    **{
        f"grouped-{count}-fold": Protocol(
            f"test each of {count} groups of speakers once, validate on the next, train on the others",
            rules.grouped(count),
        )
        for count in (3, 5, 6, 10)
    },
    "sentence-and-speaker-open": Protocol(
        "test each speaker on each half of the sentences, train other speakers on the other half",
        rules.speaker_and_sentences(2, trained="other"),
        sentence_independent=True,
    ),
    "speaker-open-same-sentences": Protocol(
        "the same tests, but train other speakers on the tested half: the control for sentence-and-speaker-open",
        rules.speaker_and_sentences(2, trained="same"),
    ),
    "prescribed": Protocol("the split that the corpus or the table prescribes", rules.prescribed_by_speaker),
    "prescribed-train-test": Protocol(
        "a prescribed split into train and test, with a fifth of the training speakers for validation",
        rules.prescribed_train_test,
    ),
    "speaker-dependent-prescribed": Protocol(
        "the same where test speakers are also in training, so results overestimate those for new speakers",
        rules.prescribed,
        speaker_independent=False,
    ),
    "speaker-dependent-random-10-fold": Protocol(
        "random utterances: test speakers are also in training, so results overestimate those for new speakers",
        rules.random(10),
        speaker_independent=False,
    ),
    "speaker-dependent-random-10-fold-5-times": Protocol(
        "the same with five random splits: folds 0-9, 10-19 and so on (Lim et al. 2016)",
        rules.random(10, repetitions=5),
        speaker_independent=False,
        repetitions=5,
    ),
}


def make_folds(
    protocol: str, rows: Sequence[UtteranceRow], labels: Sequence[str], speeds: Collection[float] | None = None
) -> tuple[Fold, ...]:
    """Returns the checked folds of a protocol.

    Recordings are split; a copy at another speed is for training if its original is.

    Args:
        protocol: a key of PROTOCOLS.
        rows: utterances of the record set, with copies at other speeds.
        labels: emotions in class order.
        speeds: speeds of the copies to train on; None for all.

    Raises:
        FieldError: the protocol is unknown.
        ValueError: the protocol cannot split the corpus: it has too few speakers, a part has too few classes, a tested
            class has no training utterances, parts overlap, or it divides speakers, who are unknown.
    """
    if protocol not in PROTOCOLS:
        raise FieldError("protocol", protocol, f"it is unknown; choose from {', '.join(PROTOCOLS)}")
    chosen = PROTOCOLS[protocol]
    speakers_known = rules.speakers_known(rows)
    if chosen.speaker_independent and not speakers_known and chosen.make is not rules.prescribed_by_speaker:
        marks_validation = chosen.make is rules.prescribed_train_test
        other = "mark validation utterances in the column split" if marks_validation else "choose prescribed"
        raise ValueError(
            f"the speakers are unknown, and {protocol} divides them; add the column speaker to the table, or {other}"
        )
    folds, originals = [], [row for row in rows if not row.copy_of]
    trainable = [row for row in rows if not row.copy_of or speeds is None or row.speed in speeds]
    for parts in chosen.make(originals):
        left_out = parts.validation | parts.test | parts.unused
        fold = Fold(
            name=parts.name,
            train=tuple(row.id for row in trainable if (row.copy_of or row.id) not in left_out),
            validation=tuple(row.id for row in originals if row.id in parts.validation),
            test=tuple(row.id for row in originals if row.id in parts.test),
            speaker_independent=chosen.speaker_independent and speakers_known,
            sentence_independent=chosen.sentence_independent,
        )
        check_fold(fold, rows, labels)
        folds.append(fold)
    per_repetition = len(folds) // chosen.repetitions
    for first in range(0, len(folds), per_repetition):
        check_tested_once(folds[first : first + per_repetition])
    return tuple(folds)
