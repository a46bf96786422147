"""Folds: every protocol makes disjoint, complete folds; folds that leak or cannot be trained on are refused."""

from dataclasses import replace

import pytest

from acrnn.folds import PROTOCOLS, Fold, check_fold, make_folds, split_sha256
from acrnn.records import UtteranceRow

EMOTIONS = ("anger", "neutral", "sadness")
BY_SENTENCE = ("sentence-and-speaker-open", "speaker-open-same-sentences")


def row(speaker, session, label, number, split=""):
    identity = f"{speaker}_{EMOTIONS[label]}_{number}"
    text = f"Sentence {number}."
    return UtteranceRow(
        identity, speaker, session, EMOTIONS[label], label, 200, 1, 2.0, 16000, identity, "", text, split
    )


@pytest.fixture
def rows():
    parts = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    return [
        row(f"s{number}", f"session{number // 2}", label, take, parts[number])
        for number in range(10)
        for label in range(3)
        for take in range(4)
    ]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_parts_are_disjoint_and_together_everything_unless_the_protocol_divides_sentences(rows, protocol):
    if protocol == "prescribed-train-test":
        rows = [replace(item, split="train" if item.split == "validation" else item.split) for item in rows]
    folds = make_folds(protocol, rows, EMOTIONS)
    speaker = {item.id: item.speaker for item in rows}
    for fold in folds:
        parts = [set(fold.train), set(fold.validation), set(fold.test)]
        assert sum(map(len, parts)) == len(set.union(*parts))
        assert (set.union(*parts) == {item.id for item in rows}) == (protocol not in BY_SENTENCE)
        shared = {speaker[i] for i in fold.test} & {speaker[i] for i in fold.train + fold.validation}
        assert bool(shared) == protocol.startswith("speaker-dependent-random")


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if "prescribed" not in name])
def test_every_utterance_is_tested_once_in_every_repetition(rows, protocol):
    folds, times = make_folds(protocol, rows, EMOTIONS), PROTOCOLS[protocol].repetitions
    for first in range(0, len(folds), len(folds) // times):
        tested = [utterance for fold in folds[first : first + len(folds) // times] for utterance in fold.test]
        assert sorted(tested) == sorted(item.id for item in rows)


def test_repetitions_differ_and_the_first_is_the_split_without_repetitions(rows):
    once = make_folds("speaker-dependent-random-10-fold", rows, EMOTIONS)
    repeated = make_folds("speaker-dependent-random-10-fold-5-times", rows, EMOTIONS)
    assert [fold.test for fold in repeated[:10]] == [fold.test for fold in once]
    assert len({frozenset(fold.test) for fold in repeated}) == len(repeated) == 50


def test_leave_one_speaker_out_is_eight_one_one(rows):
    folds = make_folds("leave-one-speaker-out", rows, EMOTIONS)
    assert [fold.name for fold in folds] == [f"speaker s{number}" for number in range(10)]
    assert {utterance[:2] for utterance in folds[9].validation} == {"s0"}
    assert len({utterance[:2] for utterance in folds[3].train}) == 8


def test_both_speakers_of_a_session_are_in_the_same_part(rows):
    folds = make_folds("leave-one-session-out", rows, EMOTIONS)
    assert [sorted({utterance[:2] for utterance in fold.test}) for fold in folds][1] == ["s2", "s3"]


def test_the_prescribed_split_is_used_and_refused_when_incomplete(rows):
    (fold,) = make_folds("prescribed", rows, EMOTIONS)
    assert {utterance[:2] for utterance in fold.validation} == {"s6", "s7"}
    some = [replace(item, split="") if item.speaker == "s1" else item for item in rows]
    with pytest.raises(ValueError, match="none 12, test 24, train 60, validation 24"):
        make_folds("prescribed", some, EMOTIONS)
    with pytest.raises(
        ValueError, match="prescribed parts of the utterances are: none 120; every utterance must be in train"
    ):
        make_folds("prescribed", [replace(item, split="") for item in rows], EMOTIONS)


def test_the_hash_depends_on_the_split_alone(rows):
    folds = make_folds("leave-one-speaker-out", rows, EMOTIONS)
    assert split_sha256(folds) == split_sha256(make_folds("leave-one-speaker-out", rows, EMOTIONS))
    swapped = replace(folds[0], train=folds[0].train[1:], validation=(*folds[0].validation, folds[0].train[0]))
    assert split_sha256((swapped, *folds[1:])) != split_sha256(folds)


def parts(rows, test, validation):
    chosen = {"test": test, "validation": validation}
    ids = {part: tuple(item.id for item in rows if item.speaker in speakers) for part, speakers in chosen.items()}
    train = tuple(item.id for item in rows if item.speaker not in {*test, *validation})
    return Fold("made by hand", train, ids["validation"], ids["test"])


def test_a_shared_utterance_is_refused(rows):
    fold = parts(rows, ["s0"], ["s1"])
    with pytest.raises(ValueError, match="utterance 's0_anger_0' is in its training and its test part"):
        check_fold(replace(fold, train=(*fold.train, "s0_anger_0")), rows, EMOTIONS)


def test_a_shared_speaker_is_refused_in_speaker_independent_folds(rows):
    fold = parts(rows, ["s0"], ["s1"])
    leaking = replace(fold, train=(*fold.train, fold.test[0]), test=fold.test[1:])
    with pytest.raises(ValueError, match="speaker 's0' is in its training and its test part"):
        check_fold(leaking, rows, EMOTIONS)
    check_fold(replace(leaking, speaker_independent=False), rows, EMOTIONS)


def test_a_class_that_is_never_trained_is_refused(rows):
    some = [item for item in rows if item.label < 2 or item.speaker == "s0"]
    with pytest.raises(ValueError, match="no training utterance of sadness"):
        make_folds("leave-one-speaker-out", some, EMOTIONS)


def test_a_speaker_with_one_class_is_refused_with_a_remedy(rows):
    some = [item for item in rows if item.label == 0 or item.speaker != "s4"]
    with pytest.raises(ValueError, match=r"speakers s4\) has utterances of 'anger' only.*grouped-5-fold"):
        make_folds("leave-one-speaker-out", some, EMOTIONS)
    assert len(make_folds("grouped-5-fold", some, EMOTIONS)) == 5


def test_too_few_speakers_are_refused(rows):
    single = [item for item in rows if item.speaker == "s0"]
    with pytest.raises(
        ValueError, match=r"1 speaker\(s\) \(s0\); training, validation and test need at least one each"
    ):
        make_folds("leave-one-speaker-out", single, EMOTIONS)
    with pytest.raises(ValueError, match="4 utterances of '.*' cannot be divided into 10 parts"):
        make_folds("speaker-dependent-random-10-fold", single, EMOTIONS)
    with pytest.raises(ValueError, match=r"1 speaker\(s\) for 5 groups"):
        make_folds("grouped-5-fold", single, EMOTIONS)


def test_an_unknown_protocol_is_refused(rows):
    with pytest.raises(ValueError, match="protocol random: it is unknown; choose from leave-one-speaker-out"):
        make_folds("random", rows, EMOTIONS)


@pytest.fixture
def rows_with_two_copies(rows):
    """The rows, of which s0's first and last takes of anger are copies of one file under two paths."""
    first, second = (item for item in rows[:4] if item.id in ("s0_anger_0", "s0_anger_3"))
    copies = {item.id: replace(item, sha256="equal") for item in (first, second)}
    return [copies.get(item.id, replace(item, sha256=item.id)) for item in rows]


def test_copies_of_a_file_in_two_parts_are_refused_in_records_made_earlier(rows_with_two_copies):
    with pytest.raises(
        ValueError, match="s0_anger_. in its .* and s0_anger_. in its .* part are the same recording; remove"
    ):
        make_folds("speaker-dependent-random-10-fold", rows_with_two_copies, EMOTIONS)
    make_folds("leave-one-speaker-out", rows_with_two_copies, EMOTIONS)


def test_parts_of_one_file_are_no_copies_of_it(rows_with_two_copies):
    one_path = [replace(item, path="talk.wav") if item.sha256 == "equal" else item for item in rows_with_two_copies]
    make_folds("speaker-dependent-random-10-fold", one_path, EMOTIONS)
    lengths = {"s0_anger_0": 150, "s0_anger_3": 250}
    unequal = [replace(item, num_frames=lengths.get(item.id, item.num_frames)) for item in rows_with_two_copies]
    make_folds("speaker-dependent-random-10-fold", unequal, EMOTIONS)
