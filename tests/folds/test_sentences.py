"""Folds by speaker and sentence: the sentences of the test part are new, or, in the control, those of the training part."""

from dataclasses import replace

import pytest

from acrnn.folds import Fold, check_fold, make_folds
from acrnn.records import UtteranceRow

OPEN, CONTROL = "sentence-and-speaker-open", "speaker-open-same-sentences"
EMOTIONS = ("anger", "neutral")
SENTENCES = ("Das will sie.", "Der Lappen liegt.", "Heute abend.", "In sieben Stunden.")


def row(speaker, sentence, label, text=None):
    identity = f"{speaker}_{sentence}_{EMOTIONS[label]}"
    text = SENTENCES[sentence] if text is None else text
    return UtteranceRow(identity, speaker, speaker, EMOTIONS[label], label, 200, 1, 2.0, 16000, identity, "", text)


@pytest.fixture
def rows():
    return [row(f"s{speaker}", sentence, label) for speaker in range(5) for sentence in range(4) for label in range(2)]


def speakers_and_sentences(ids):
    return {utterance.split("_")[0] for utterance in ids}, {utterance.split("_")[1] for utterance in ids}


@pytest.mark.parametrize("protocol", [OPEN, CONTROL])
def test_a_fold_tests_one_speaker_on_half_of_the_sentences_and_trains_all_but_two_speakers(rows, protocol):
    folds = make_folds(protocol, rows, EMOTIONS)
    assert len(folds) == 10
    for fold in folds:
        assert [len(speakers_and_sentences(part)[0]) for part in (fold.train, fold.validation, fold.test)] == [3, 1, 1]
        assert [len(speakers_and_sentences(part)[1]) for part in (fold.train, fold.validation, fold.test)] == [2, 2, 2]
        assert len(fold.train) == 3 * 2 * 2


def test_neither_training_nor_validation_has_a_sentence_of_the_test_part(rows):
    for fold in make_folds(OPEN, rows, EMOTIONS):
        assert not speakers_and_sentences(fold.train + fold.validation)[1] & speakers_and_sentences(fold.test)[1]


def test_the_control_has_the_same_test_parts_and_trains_on_their_sentences(rows):
    opened, control = make_folds(OPEN, rows, EMOTIONS), make_folds(CONTROL, rows, EMOTIONS)
    assert [(fold.name, fold.test) for fold in control] == [(fold.name, fold.test) for fold in opened]
    for fold in control:
        assert speakers_and_sentences(fold.train)[1] == speakers_and_sentences(fold.test)[1]


def test_a_fold_with_a_tested_sentence_in_another_part_is_refused_where_sentences_must_be_new(rows):
    fold = make_folds(OPEN, rows, EMOTIONS)[0]
    moved = next(item.id for item in rows if item.id not in fold.train and item.speaker == fold.train[0].split("_")[0])
    for part in ("train", "validation"):
        speaker = moved if part == "train" else fold.validation[0].split("_")[0] + moved[2:]
        leaking = replace(fold, **{part: (*getattr(fold, part), speaker)})
        name = {"train": "training"}.get(part, part)
        with pytest.raises(ValueError, match=f"the sentence 'das will sie.' is in its {name} and its test part"):
            check_fold(leaking, rows, EMOTIONS)
        check_fold(replace(leaking, sentence_independent=False), rows, EMOTIONS)


def test_case_and_spaces_do_not_make_another_sentence(rows):
    differing = [replace(item, text=f"  {item.text.upper()} ") if item.speaker == "s1" else item for item in rows]
    assert make_folds(OPEN, differing, EMOTIONS) == make_folds(OPEN, rows, EMOTIONS)


def test_utterances_without_text_and_sentences_of_one_speaker_are_refused(rows):
    with pytest.raises(ValueError, match="utterance 's0_0_anger' has no text.*choose leave-one-speaker-out"):
        make_folds(OPEN, [replace(rows[0], text=" "), *rows[1:]], EMOTIONS)
    with pytest.raises(ValueError, match="the sentence 'nur einmal.' is said by speaker s0 only"):
        make_folds(OPEN, [replace(rows[0], text="Nur einmal."), *rows[1:]], EMOTIONS)


def test_too_few_speakers_or_sentences_are_refused(rows):
    with pytest.raises(
        ValueError, match=r"2 speaker\(s\) and 4 sentence\(s\); three speakers and 2 sentences are needed"
    ):
        make_folds(OPEN, [item for item in rows if item.speaker in ("s0", "s1")], EMOTIONS)
    with pytest.raises(ValueError, match=r"5 speaker\(s\) and 1 sentence\(s\)"):
        make_folds(OPEN, [replace(item, text="Immer das.") for item in rows], EMOTIONS)


def test_fields_of_a_fold_beside_its_parts_do_not_change_the_hash_of_a_split():
    fold = Fold("f", ("a",), ("b",), ("c",))
    assert fold.to_dict() == replace(fold, sentence_independent=True, speaker_independent=False).to_dict()
