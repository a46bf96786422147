"""Rules that divide the utterances of a corpus into the parts of folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from acrnn.records import UNKNOWN_SPEAKER, UtteranceRow


@dataclass(frozen=True)
class Parts:
    """The parts of a fold that a rule chooses; all other utterances are for training.

    Attributes:
        name: name of the test part.
        validation: ids of the validation utterances.
        test: ids of the test utterances.
        unused: ids of the utterances in no part.
    """

    name: str
    validation: set[str]
    test: set[str]
    unused: frozenset[str] = frozenset()


def _ids(rows: Sequence[UtteranceRow], attribute: str, values: Iterable[str]) -> set[str]:
    """Ids of the utterances whose attribute (speaker, session, split) is among the values."""
    values = set(values)
    return {row.id for row in rows if getattr(row, attribute) in values}


def speakers_known(rows: Iterable[UtteranceRow]) -> bool:
    """Returns whether the speaker of every utterance is known."""
    return all(row.speaker != UNKNOWN_SPEAKER for row in rows)


def leave_one_out(attribute: str):
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
            yield Parts(f"{attribute} {value}", _ids(rows, attribute, [following]), _ids(rows, attribute, [value]))

    return make


def grouped(count: int):
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
            yield Parts(f"speakers {' '.join(group)}", _ids(rows, "speaker", following), _ids(rows, "speaker", group))

    return make


def random(count: int, repetitions: int = 1):
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
                yield Parts(name, parts[(number + 1) % count], part)

    return make


def prescribed_by_speaker(rows):
    """Yields the single fold that the corpus prescribes, refused if its parts share a speaker who is known."""
    fold = next(prescribed(rows))
    _refuse_shared_speakers(rows)
    yield fold


def prescribed_train_test(rows):
    """Yields the single fold of a split into train and test, with a fifth of the training speakers for validation.

    The speakers are drawn at random, always the same ones. The parts must not share a speaker.
    """
    parts = Counter(row.split for row in rows)
    if set(parts) != {"train", "test"}:
        raise ValueError(
            f"the prescribed parts of the utterances are: {_counted(parts)}; every utterance must be in train or test; correct the "
            "column split, or choose the protocol prescribed for a split with a validation part"
        )
    _refuse_shared_speakers(rows)
    speakers = sorted({row.speaker for row in rows if row.split == "train"})
    drawn = np.random.default_rng(0).permutation(speakers)[: max(1, round(len(speakers) / 5))]
    name = f"prescribed; validation on {len(drawn)} of {len(speakers)} training speakers"
    yield Parts(name, _ids(rows, "speaker", drawn), _ids(rows, "split", ["test"]))


def _refuse_shared_speakers(rows: Sequence[UtteranceRow]) -> None:
    if shared := _shared_speaker(rows):
        speaker, first, second = shared
        raise ValueError(
            f"speaker {speaker!r} is in the {first} and the {second} part of the prescribed split, whose result "
            "overestimates that for new speakers; correct the column split, or accept it by the protocol "
            "speaker-dependent-prescribed"
        )


def _shared_speaker(rows: Sequence[UtteranceRow]) -> tuple[str, str, str] | None:
    """Returns a known speaker in two parts of the prescribed split, with both parts; None for none."""
    part_of: dict[str, str] = {}
    for row in rows:
        if row.speaker != UNKNOWN_SPEAKER and part_of.setdefault(row.speaker, row.split) != row.split:
            return row.speaker, part_of[row.speaker], row.split
    return None


def _counted(parts: Counter[str]) -> str:
    return ", ".join(f"{part or 'none'} {count}" for part, count in sorted(parts.items()))


def prescribed(rows):
    """Yields the single fold that the corpus prescribes."""
    parts = Counter(row.split for row in rows)
    if set(parts) != {"train", "validation", "test"}:
        drawn = set(parts) == {"train", "test"} and speakers_known(rows) and not _shared_speaker(rows)
        other = (
            "have validation speakers drawn by the protocol prescribed-train-test"
            if drawn
            else "choose another protocol"
        )
        raise ValueError(
            f"the prescribed parts of the utterances are: {_counted(parts)}; every utterance must be in train, validation or test; "
            f"complete the column split, or {other}"
        )
    yield Parts("prescribed", _ids(rows, "split", ["validation"]), _ids(rows, "split", ["test"]))


def speaker_and_sentences(groups: int, *, trained: Literal["other", "same"]):
    """Makes folds that test each speaker on each of several groups of sentences.

    The other speakers but the next one train, and the next one validates, on the same sentences: either on the other groups,
    so that the sentences of the test part are new, or on the tested group. Of two groups, both train on equally many sentences,
    so that their difference is the effect of new sentences. All other utterances are not used.
    """

    def make(rows: Sequence[UtteranceRow]) -> Iterator[Parts]:
        speakers = sorted({row.speaker for row in rows})
        sentences = _shared_sentences(rows)
        if len(speakers) < 3 or len(sentences) < groups:
            raise ValueError(
                f"{len(speakers)} speaker(s) and {len(sentences)} sentence(s); three speakers and {groups} sentences are "
                "needed; add some, or choose another protocol"
            )
        group_of = {sentence: number % groups for number, sentence in enumerate(sentences)}
        everything = {row.id for row in rows}
        for number, speaker in enumerate(speakers):
            following = speakers[(number + 1) % len(speakers)]
            by_speaker, by_next = _ids(rows, "speaker", [speaker]), _ids(rows, "speaker", [following])
            for group in range(groups):
                tested = {row.id for row in rows if group_of[sentence_of(row)] == group}
                learned = tested if trained == "same" else everything - tested
                test, validation = by_speaker & tested, by_next & learned
                unused = (by_speaker | by_next | (everything - learned)) - test - validation
                name = f"speaker {speaker}, sentences {group + 1} of {groups}"
                yield Parts(name, validation, test, frozenset(unused))

    return make


def sentence_of(row: UtteranceRow) -> str:
    """Returns the sentence of an utterance: its text without differences in case and spaces."""
    return " ".join(row.text.casefold().split())


def _shared_sentences(rows: Sequence[UtteranceRow]) -> list[str]:
    """Returns the sentences in alphabetical order.

    Raises:
        ValueError: an utterance has no text, or a sentence is said by a single speaker.
    """
    speakers: dict[str, set[str]] = {}
    for row in rows:
        if not sentence_of(row):
            raise ValueError(
                f"utterance {row.id!r} has no text, and its sentence is unknown; add the texts to the column text and "
                "prepare the records again, or choose leave-one-speaker-out"
            )
        speakers.setdefault(sentence_of(row), set()).add(row.speaker)
    for sentence, saying in speakers.items():
        if len(saying) < 2:
            raise ValueError(
                f"the sentence {sentence!r} is said by speaker {min(saying)} only; this protocol is for corpora whose "
                "speakers say the same sentences; choose leave-one-speaker-out"
            )
    return sorted(speakers)
