"""The prescribed split: with new speakers in every part, with shared speakers, and with speakers that nobody knows."""

from dataclasses import replace

import pytest

from acrnn.folds import PROTOCOLS, make_folds
from acrnn.records import UNKNOWN_SPEAKER, UtteranceRow

EMOTIONS = ("anger", "joy")
PARTS = ("train", "validation", "test")


def rows_of(*speakers):
    """Returns rows of each speaker, by part: one of each emotion."""
    return [
        UtteranceRow(f"{part}{number}", speaker, "", EMOTIONS[number], number, 9, 1, 1.0, 16000, part, "", "", part)
        for part, speaker in zip(PARTS, speakers, strict=True)
        for number in (0, 1)
    ]


def test_a_split_of_new_speakers_is_taken_as_it_is():
    (fold,) = make_folds("prescribed", rows_of("anna", "bert", "cleo"), EMOTIONS)
    assert (fold.train, fold.validation, fold.test) == tuple((f"{part}0", f"{part}1") for part in PARTS)
    assert fold.speaker_independent


def test_a_split_with_shared_speakers_is_refused_with_the_name_of_the_protocol_that_takes_it():
    rows = rows_of("anna", "bert", "anna")
    with pytest.raises(
        ValueError, match="speaker 'anna' is in the train and the test part.*speaker-dependent-prescribed"
    ):
        make_folds("prescribed", rows, EMOTIONS)
    (fold,) = make_folds("speaker-dependent-prescribed", rows, EMOTIONS)
    assert fold.test == ("test0", "test1") and not fold.speaker_independent


def test_unknown_speakers_permit_the_prescribed_split_and_no_claim_about_new_speakers():
    rows = rows_of(*[UNKNOWN_SPEAKER] * 3)
    (fold,) = make_folds("prescribed", rows, EMOTIONS)
    assert fold.test == ("test0", "test1") and not fold.speaker_independent


@pytest.mark.parametrize(
    "protocol",
    [name for name, protocol in PROTOCOLS.items() if protocol.speaker_independent and name != "prescribed"],
)
def test_unknown_speakers_cannot_be_divided(protocol):
    rows = [replace(row, session=row.split, text="x") for row in rows_of(*[UNKNOWN_SPEAKER] * 3)]
    remedy = "mark validation utterances in" if protocol == "prescribed-train-test" else "choose prescribed"
    with pytest.raises(ValueError, match=f"the speakers are unknown.*{protocol}.*the table, or {remedy}"):
        make_folds(protocol, rows, EMOTIONS)


@pytest.mark.parametrize(
    ("protocol", "speakers"),
    [("prescribed", [UNKNOWN_SPEAKER] * 3), ("speaker-dependent-prescribed", ("anna", "bert", "anna"))],
)
def test_validation_speakers_are_not_advised_where_they_cannot_be_drawn(protocol, speakers):
    rows = [replace(row, split=row.split.replace("validation", "train")) for row in rows_of(*speakers)]
    with pytest.raises(ValueError, match="train 4; .*complete the column split, or choose another protocol"):
        make_folds(protocol, rows, EMOTIONS)


def test_validation_speakers_are_drawn_from_the_training_speakers_on_request_and_always_the_same():
    rows = [
        UtteranceRow(f"{speaker}{number}", speaker, "", EMOTIONS[number], number, 9, 1, 1.0, 16000, "", "", "", part)
        for speaker, part in zip("abcdefghijklm", ["train"] * 10 + ["test"] * 3, strict=True)
        for number in (0, 1)
    ]
    with pytest.raises(ValueError, match="are: test 6, train 20;.*by the protocol prescribed-train-test"):
        make_folds("prescribed", rows, EMOTIONS)
    (fold,) = make_folds("prescribed-train-test", rows, EMOTIONS)
    assert {utterance[0] for utterance in fold.test} == {"k", "l", "m"}
    assert len({utterance[0] for utterance in fold.validation}) == 2 and len(fold.train) == 16
    assert fold.name == "prescribed; validation on 2 of 10 training speakers" and fold.speaker_independent
    assert make_folds("prescribed-train-test", rows[::-1], EMOTIONS)[0].validation == fold.validation[::-1]


def test_a_split_with_a_validation_part_or_with_shared_speakers_has_no_validation_speakers_drawn():
    with pytest.raises(ValueError, match="train 2, validation 2; .*choose the protocol prescribed for"):
        make_folds("prescribed-train-test", rows_of("anna", "bert", "cleo"), EMOTIONS)
    shared = [replace(row, split=row.split.replace("validation", "train")) for row in rows_of("anna", "bert", "anna")]
    with pytest.raises(ValueError, match="speaker 'anna' is in the train and the test part"):
        make_folds("prescribed-train-test", shared, EMOTIONS)
