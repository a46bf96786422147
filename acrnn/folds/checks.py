"""Checks of folds: parts that overlap, or that a network cannot be trained and tested on, are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from acrnn.folds.fold import Fold
from acrnn.folds.rules import sentence_of
from acrnn.records import UtteranceRow


def check_fold(fold: Fold, rows: Sequence[UtteranceRow], labels: Sequence[str]) -> None:
    """Refuses a fold that leaks test data into training, or that a network cannot be trained and tested on.

    Args:
        fold: the fold.
        rows: utterances of the record set, with copies at other speeds.
        labels: emotions in class order.

    Raises:
        ValueError: an utterance, a file of which the corpus has two copies, or a speaker if the fold must be
            speaker-independent, is in two parts; a sentence of the test part is in another one if the fold must be
            sentence-independent; a copy at another speed is in the validation or test part, or in the
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
    if fold.sentence_independent:
        _refuse_tested_sentences(fold, by_id)
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


def _refuse_tested_sentences(fold: Fold, by_id: dict[str, UtteranceRow]) -> None:
    """Refuses a sentence of the test part in another part."""
    tested = {sentence_of(by_id[utterance]) for utterance in fold.test}
    for part, ids in (("training", fold.train), ("validation", fold.validation)):
        if shared := tested.intersection(sentence_of(by_id[utterance]) for utterance in ids):
            raise ValueError(f"fold {fold.name!r}: the sentence {min(shared)!r} is in its {part} and its test part")


def check_tested_once(folds: Sequence[Fold]) -> None:
    """Refuses folds that test an utterance twice."""
    tested: set[str] = set()
    for fold in folds:
        if repeated := tested.intersection(fold.test):
            raise ValueError(f"fold {fold.name!r}: utterance {min(repeated)!r} is tested in another fold as well")
        tested.update(fold.test)
