"""Folds and the named protocols that make them. Disjointness is checked when a fold is made, not hoped for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from acrnn.files import sha256_of_json
from acrnn.records import UtteranceRow


@dataclass(frozen=True)
class Fold:
    """One split: ids of the utterances that train the network, choose its epoch, and are scored once.

    Attributes:
        name: what is tested ("speaker 03").
        speaker_independent: whether no speaker is in two parts.
    """

    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    speaker_independent: bool = True

    def to_dict(self) -> dict:
        return {
            "name": self.name,
            "train": list(self.train),
            "validation": list(self.validation),
            "test": list(self.test),
        }


@dataclass(frozen=True)
class Protocol:
    """How a corpus is split.

    Attributes:
        summary: one line for the command line.
        make: returns (name, validation rows, test rows) of each fold, the rest trains.
        speaker_independent: whether no speaker may be in two parts.
        repetitions: how often the whole corpus is split anew, so often is each utterance tested.
    """

    summary: str
    make: Callable[[Sequence[UtteranceRow]], Iterable[tuple[str, set[str], set[str]]]]
    speaker_independent: bool = True
    repetitions: int = 1


def make_folds(
    protocol: str, rows: Sequence[UtteranceRow], labels: Sequence[str], speeds: Collection[float] | None = None
) -> tuple[Fold, ...]:
    """The folds of a named protocol, checked. Utterances are split; copies of those that train, train as well.

    Args:
        protocol: a key of PROTOCOLS.
        rows: the utterances of the record set, with their copies at other speeds.
        labels: emotions in class order.
        speeds: of the copies that train; None for all.

    Raises:
        ValueError: the corpus cannot be split so: too few speakers, a part without enough classes, a class that is
            never trained, or parts that overlap.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol {protocol!r} is unknown; choose from {', '.join(PROTOCOLS)}")
    chosen = PROTOCOLS[protocol]
    folds, originals = [], [row for row in rows if not row.copy_of]
    wanted = [row for row in rows if not row.copy_of or speeds is None or row.speed in speeds]
    for name, validation, test in chosen.make(originals):
        ids = [row.id for row in originals]
        fold = Fold(
            name=name,
            train=tuple(row.id for row in wanted if (row.copy_of or row.id) not in validation | test),
            validation=tuple(i for i in ids if i in validation),
            test=tuple(i for i in ids if i in test),
            speaker_independent=chosen.speaker_independent,
        )
        check_fold(fold, rows, labels)
        folds.append(fold)
    of_one = len(folds) // chosen.repetitions
    for first in range(0, len(folds), of_one):
        _check_tested_once(folds[first : first + of_one])
    return tuple(folds)


def split_sha256(folds: Sequence[Fold]) -> str:
    """Hash of who is where in every fold; equal hashes mean equal splits."""
    return sha256_of_json([fold.to_dict() for fold in folds])


def check_fold(fold: Fold, rows: Sequence[UtteranceRow], labels: Sequence[str]) -> None:
    """Refuses a fold that leaks or cannot be learnt from.

    Raises:
        ValueError: an utterance or (where the protocol forbids it) a speaker is in two parts; a copy is validated or
            tested, or trains without its utterance; a part is empty; a class is tested that is not trained; validation
            or test has a single class, of which a recall says nothing.
    """
    parts = {"training": fold.train, "validation": fold.validation, "test": fold.test}
    by_id = {row.id: row for row in rows}
    _refuse_overlap(fold, parts, "utterance", lambda utterance: utterance)
    _refuse_copies(fold, by_id)
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
                "and recall of one class says nothing; add some, or group speakers (--protocol grouped-5-fold, grouped-3-fold)"
            )
    untrained = (classes["validation"] | classes["test"]) - classes["training"]
    if untrained:
        names = ", ".join(labels[label] for label in sorted(untrained))
        raise ValueError(
            f"fold {fold.name!r}: no training utterance of {names}; leave out its utterances, or choose another --protocol"
        )


def _refuse_copies(fold: Fold, by_id: dict[str, UtteranceRow]) -> None:
    for part, ids in (("validation", fold.validation), ("test", fold.test)):
        if copies := [utterance for utterance in ids if by_id[utterance].copy_of]:
            raise ValueError(f"fold {fold.name!r}: {copies[0]!r}, a copy at another speed, is in its {part} part")
    trained = set(fold.train)
    for utterance in fold.train:
        if (original := by_id[utterance].copy_of) and original not in trained:
            raise ValueError(
                f"fold {fold.name!r}: {utterance!r} trains, a copy of {original!r}, which is kept from training"
            )


def _refuse_overlap(fold: Fold, parts: dict[str, tuple[str, ...]], unit: str, key: Callable[[str], str]) -> None:
    owner: dict[str, str] = {}
    for part, ids in parts.items():
        for value in {key(utterance) for utterance in ids}:
            if value in owner:
                raise ValueError(f"fold {fold.name!r}: {unit} {value!r} is in its {owner[value]} and its {part} part")
            owner[value] = part


def _check_tested_once(folds: Sequence[Fold]) -> None:
    seen: set[str] = set()
    for fold in folds:
        again = seen.intersection(fold.test)
        if again:
            raise ValueError(f"fold {fold.name!r}: utterance {min(again)!r} is tested in another fold as well")
        seen.update(fold.test)


def _ids(rows: Sequence[UtteranceRow], attribute: str, values: Iterable[str]) -> set[str]:
    wanted = set(values)
    return {row.id for row in rows if getattr(row, attribute) in wanted}


def _leave_one_out(attribute: str):
    """Each speaker (session) is tested once; the next one in order validates, the others train."""

    def make(rows):
        values = sorted({getattr(row, attribute) for row in rows})
        if len(values) < 3:
            raise ValueError(
                f"{len(values)} {attribute}(s) ({', '.join(values)}); training, validation and test need one each at least; "
                f"add {attribute}s, or accept a split within speakers with --protocol speaker-dependent-random-10-fold"
            )
        for number, value in enumerate(values):
            following = values[(number + 1) % len(values)]
            yield f"{attribute} {value}", _ids(rows, attribute, [following]), _ids(rows, attribute, [value])

    return make


def _grouped(count: int):
    """Speakers dealt into groups; each group is tested once, the next one validates, the others train."""

    def make(rows):
        speakers = sorted({row.speaker for row in rows})
        if len(speakers) < count:
            raise ValueError(
                f"{len(speakers)} speaker(s) for {count} groups; add speakers, or choose a --protocol with fewer folds"
            )
        groups = [speakers[number::count] for number in range(count)]
        for number, group in enumerate(groups):
            following = groups[(number + 1) % count]
            yield f"speakers {' '.join(group)}", _ids(rows, "speaker", following), _ids(rows, "speaker", group)

    return make


def _random(count: int, repetitions: int = 1):
    """Utterances dealt at random, classes in proportion; speakers are in all parts. Each repetition deals anew."""

    def make(rows):
        from sklearn.model_selection import StratifiedKFold

        label, fewest = Counter(row.emotion for row in rows).most_common()[-1]
        if fewest < count:
            raise ValueError(
                f"{fewest} utterances of {label!r} cannot be dealt into {count} parts; add some or leave them out"
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
    """The corpus' own single split."""
    parts = Counter(row.split for row in rows)
    if set(parts) != {"train", "validation", "test"}:
        there = ", ".join(f"{part or 'none'} {count}" for part, count in sorted(parts.items()))
        raise ValueError(
            f"the utterances' prescribed parts are: {there}; every utterance must be in train, validation or test, "
            "so complete the column split or choose another --protocol"
        )
    yield "prescribed", _ids(rows, "split", ["validation"]), _ids(rows, "split", ["test"])


PROTOCOLS: dict[str, Protocol] = {
    "leave-one-speaker-out": Protocol(
        "each speaker tested once, the next validates, the others train (8/1/1 for ten speakers, Chen et al. 2018)",
        _leave_one_out("speaker"),
    ),
    "leave-one-session-out": Protocol(
        "each session tested once, the next validates, the others train", _leave_one_out("session")
    ),
    **{
        f"grouped-{count}-fold": Protocol(
            f"{count} groups of speakers, each tested once, the next validates, the others train", _grouped(count)
        )
        for count in (3, 5, 10)
    },
    "prescribed": Protocol("the split that the corpus or the table prescribes", _prescribed),
    "speaker-dependent-random-10-fold": Protocol(
        "utterances at random: test speakers are known from training, so figures are too good for new speakers",
        _random(10),
        speaker_independent=False,
    ),
    "speaker-dependent-random-10-fold-5-times": Protocol(
        "the same dealt anew five times, folds 0-9, 10-19 and so on (Lim et al. 2016)",
        _random(10, repetitions=5),
        speaker_independent=False,
        repetitions=5,
    ),
}
