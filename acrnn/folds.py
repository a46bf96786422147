"""Folds of cross-validation and the protocols that make them. Every fold is checked for overlap when it is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from acrnn.errors import FieldError
from acrnn.files import sha256_of_json
from acrnn.records import UtteranceRow


@dataclass(frozen=True)
class Fold:
    """One split of a corpus into training, validation and test sets.

    Attributes:
        name: name of the test set, such as "speaker 03".
        train: ids of the training utterances.
        validation: ids of the utterances for checkpoint selection and early stopping.
        test: ids of the utterances that are scored once.
        speaker_independent: True if no speaker may be in two of the sets.
    """

    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    speaker_independent: bool = True

    def to_dict(self) -> dict:
        """Returns name and ids as a dict for JSON."""
        return {
            "name": self.name,
            "train": list(self.train),
            "validation": list(self.validation),
            "test": list(self.test),
        }


@dataclass(frozen=True)
class Protocol:
    """A way to split a corpus into folds.

    Attributes:
        summary: one line for the command line.
        make: returns name, validation ids and test ids of each fold; all other utterances are for training.
        speaker_independent: True if no speaker may be in two parts of a fold.
        repetitions: number of times the whole corpus is split, and so the number of times each utterance is tested.
    """

    summary: str
    make: Callable[[Sequence[UtteranceRow]], Iterable[tuple[str, set[str], set[str]]]]
    speaker_independent: bool = True
    repetitions: int = 1


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
            class has no training utterances, or parts overlap.
    """
    if protocol not in PROTOCOLS:
        raise FieldError("protocol", protocol, f"it is unknown; choose from {', '.join(PROTOCOLS)}")
    rules = PROTOCOLS[protocol]
    folds, originals = [], [row for row in rows if not row.copy_of]
    trainable = [row for row in rows if not row.copy_of or speeds is None or row.speed in speeds]
    for name, validation, test in rules.make(originals):
        fold = Fold(
            name=name,
            train=tuple(row.id for row in trainable if (row.copy_of or row.id) not in validation | test),
            validation=tuple(row.id for row in originals if row.id in validation),
            test=tuple(row.id for row in originals if row.id in test),
            speaker_independent=rules.speaker_independent,
        )
        check_fold(fold, rows, labels)
        folds.append(fold)
    per_repetition = len(folds) // rules.repetitions
    for first in range(0, len(folds), per_repetition):
        _check_tested_once(folds[first : first + per_repetition])
    return tuple(folds)


def split_sha256(folds: Sequence[Fold]) -> str:
    """Returns the SHA-256 of the ids in every part of every fold; equal hashes mean equal splits."""
    return sha256_of_json([fold.to_dict() for fold in folds])


def check_fold(fold: Fold, rows: Sequence[UtteranceRow], labels: Sequence[str]) -> None:
    """Refuses a fold that leaks test data into training, or that a network cannot be trained and tested on.

    Args:
        fold: the fold.
        rows: utterances of the record set, with copies at other speeds.
        labels: emotions in class order.

    Raises:
        ValueError: an utterance, a file of which the corpus has two copies, or a speaker if the fold must be
            speaker-independent, is in two parts; a copy at another speed is in the validation or test part, or in the
            training part without its original; a part is empty or has a single class; or a class of the validation or test
            part has no training utterances.
    """
    parts = {"training": fold.train, "validation": fold.validation, "test": fold.test}
    by_id = {row.id: row for row in rows}
    _refuse_overlap(fold, parts, "utterance", lambda utterance: utterance)
    _refuse_copies(fold, by_id)
    _refuse_repeated_files(fold, parts, rows)
    if fold.speaker_independent:
        _refuse_overlap(fold, parts, "speaker", lambda utterance: by_id[utterance].speaker)
    classes = {part: {by_id[utterance].label for utterance in ids} for part, ids in parts.items()}
    for part, ids in parts.items():
        if not ids:
            raise ValueError(f"fold {fold.name!r}: its {part} part is empty; a fold needs three disjoint parts")
        if len(classes[part]) < 2:
            only, speakers = labels[next(iter(classes[part]))], sorted({by_id[utterance].speaker for utterance in ids})
            raise ValueError(
                f"fold {fold.name!r}: its {part} part (speakers {', '.join(speakers)}) has utterances of {only!r} only, "
                "and the recall of a single class is no measure; add utterances, or use a protocol with groups of speakers "
                "(grouped-5-fold, grouped-3-fold)"
            )
    untrained = (classes["validation"] | classes["test"]) - classes["training"]
    if untrained:
        names = ", ".join(labels[label] for label in sorted(untrained))
        raise ValueError(
            f"fold {fold.name!r}: no training utterance of {names}; leave out these utterances, or choose another protocol"
        )


def _refuse_copies(fold: Fold, by_id: dict[str, UtteranceRow]) -> None:
    """Refuses copies at other speeds outside the training part, or in it without their originals."""
    for part, ids in (("validation", fold.validation), ("test", fold.test)):
        if copies := [utterance for utterance in ids if by_id[utterance].copy_of]:
            raise ValueError(f"fold {fold.name!r}: {copies[0]!r}, a copy at another speed, is in its {part} part")
    trained = set(fold.train)
    for utterance in fold.train:
        if (original := by_id[utterance].copy_of) and original not in trained:
            raise ValueError(
                f"fold {fold.name!r}: {utterance!r} is in its training part, but {original!r}, its original, is not"
            )


def _refuse_repeated_files(fold: Fold, parts: dict[str, tuple[str, ...]], rows: Sequence[UtteranceRow]) -> None:
    """Refuses copies of a file in two parts, in records made before preparation refused them.

    The table does not tell utterances that are parts of one file from a whole file under two ids. Certain are copies only where
    each of several paths with one checksum has a single utterance, and these are equally long.
    """
    copies: dict[str, list[UtteranceRow]] = {}
    for row in rows:
        if row.sha256 and not row.copy_of:
            copies.setdefault(row.sha256, []).append(row)
    part_of = {utterance: part for part, ids in parts.items() for utterance in ids}
    for group in copies.values():
        certain = len({row.path for row in group}) == len(group) and len({row.num_frames for row in group}) == 1
        if certain and len(used := {part_of[row.id]: row for row in group if row.id in part_of}) > 1:
            (part, first), (other, second) = list(used.items())[:2]
            raise ValueError(
                f"fold {fold.name!r}: {first.path} in its {part} part and {second.path} in its {other} part are the same "
                "recording; remove one and prepare the records again, or choose a speaker-independent protocol"
            )


def _refuse_overlap(fold: Fold, parts: dict[str, tuple[str, ...]], unit: str, key: Callable[[str], str]) -> None:
    """Refuses parts with a unit, an utterance or a speaker, in common; `key` returns the unit of an utterance."""
    part_of: dict[str, str] = {}
    for part, ids in parts.items():
        for value in {key(utterance) for utterance in ids}:
            if value in part_of:
                raise ValueError(f"fold {fold.name!r}: {unit} {value!r} is in its {part_of[value]} and its {part} part")
            part_of[value] = part


def _check_tested_once(folds: Sequence[Fold]) -> None:
    tested: set[str] = set()
    for fold in folds:
        if repeated := tested.intersection(fold.test):
            raise ValueError(f"fold {fold.name!r}: utterance {min(repeated)!r} is tested in another fold as well")
        tested.update(fold.test)


def _ids(rows: Sequence[UtteranceRow], attribute: str, values: Iterable[str]) -> set[str]:
    """Ids of the utterances whose attribute (speaker, session, split) is among the values."""
    values = set(values)
    return {row.id for row in rows if getattr(row, attribute) in values}


def _leave_one_out(attribute: str):
    """Makes folds that test each speaker (session) once, validate on the next one in order and train on the others."""

    def make(rows):
        values = sorted({getattr(row, attribute) for row in rows})
        if len(values) < 3:
            raise ValueError(
                f"{len(values)} {attribute}(s) ({', '.join(values)}); training, validation and test need at least one each; "
                f"add {attribute}s, or accept a split within speakers by the protocol speaker-dependent-random-10-fold"
            )
        for number, value in enumerate(values):
            following = values[(number + 1) % len(values)]
            yield f"{attribute} {value}", _ids(rows, attribute, [following]), _ids(rows, attribute, [value])

    return make


def _grouped(count: int):
    """Makes folds that test each of several groups of speakers once, validate on the next and train on the others."""

    def make(rows):
        speakers = sorted({row.speaker for row in rows})
        if len(speakers) < count:
            raise ValueError(
                f"{len(speakers)} speaker(s) for {count} groups; add speakers, or choose a protocol with fewer folds"
            )
        groups = [speakers[number::count] for number in range(count)]
        for number, group in enumerate(groups):
            following = groups[(number + 1) % count]
            yield f"speakers {' '.join(group)}", _ids(rows, "speaker", following), _ids(rows, "speaker", group)

    return make


def _random(count: int, repetitions: int = 1):
    """Makes folds of random utterances, stratified by class and new in each repetition; speakers are in all parts."""

    def make(rows):
        from sklearn.model_selection import StratifiedKFold

        label, fewest = Counter(row.emotion for row in rows).most_common()[-1]
        if fewest < count:
            raise ValueError(
                f"{fewest} utterances of {label!r} cannot be divided into {count} parts; add some or leave them out"
            )
        ids = np.array([row.id for row in rows])
        for repetition in range(repetitions):
            splitter = StratifiedKFold(count, shuffle=True, random_state=repetition)
            parts = [set(ids[test]) for _, test in splitter.split(ids, [row.label for row in rows])]
            for number, part in enumerate(parts):
                name = f"part {number + 1}" + (f" of repetition {repetition + 1}" if repetitions > 1 else "")
                yield name, parts[(number + 1) % count], part

    return make


def _prescribed(rows):
    """Yields the single fold that the corpus prescribes."""
    parts = Counter(row.split for row in rows)
    if set(parts) != {"train", "validation", "test"}:
        counts = ", ".join(f"{part or 'none'} {count}" for part, count in sorted(parts.items()))
        raise ValueError(
            f"the prescribed parts of the utterances are: {counts}; every utterance must be in train, validation or test; "
            "complete the column split, or choose another protocol"
        )
    yield "prescribed", _ids(rows, "split", ["validation"]), _ids(rows, "split", ["test"])


PROTOCOLS: dict[str, Protocol] = {
    "leave-one-speaker-out": Protocol(
        "test each speaker once, validate on the next, train on the others (8/1/1 of ten speakers, Chen et al. 2018)",
        _leave_one_out("speaker"),
    ),
    "leave-one-session-out": Protocol(
        "test each session once, validate on the next, train on the others", _leave_one_out("session")
    ),
    **{
        f"grouped-{count}-fold": Protocol(
            f"test each of {count} groups of speakers once, validate on the next, train on the others", _grouped(count)
        )
        for count in (3, 5, 10)
    },
    "prescribed": Protocol("the split that the corpus or the table prescribes", _prescribed),
    "speaker-dependent-random-10-fold": Protocol(
        "random utterances: test speakers are also in training, so results overestimate those for new speakers",
        _random(10),
        speaker_independent=False,
    ),
    "speaker-dependent-random-10-fold-5-times": Protocol(
        "the same with five random splits: folds 0-9, 10-19 and so on (Lim et al. 2016)",
        _random(10, repetitions=5),
        speaker_independent=False,
        repetitions=5,
    ),
}
