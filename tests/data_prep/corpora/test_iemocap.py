"""IEMOCAP: the irregularities of the release in a generated tree, and the published counts for the real ids."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from support.corpus_trees import (
    PARTIAL,
    emotions,
    environment_path,
    write_noise,
)
from support.iemocap_tree import build_iemocap_tree, sample_turns, turns_of_index

from data_prep.corpora import iemocap
from data_prep.corpora.base import ReadOptions, read_corpus


@pytest.fixture(scope="module")
def iemocap_sample(tmp_path_factory) -> Path:
    """Folder with a small generated release; tests must not change it."""
    data_dir = tmp_path_factory.mktemp("iemocap")
    build_iemocap_tree(data_dir / "IEMOCAP_full_release", sample_turns())
    return data_dir


def test_iemocap_returns_each_labelled_turn_once_and_nothing_else(iemocap_sample):
    for data_dir in (iemocap_sample, iemocap_sample / "IEMOCAP_full_release"):
        utterances = iemocap.find_utterances(data_dir, ReadOptions())
        assert {u.id: (u.emotion, u.text) for u in utterances} == {
            t.utterance: (t.emotion, t.text) for t in sample_turns()
        }
        assert len(utterances) == len(sample_turns())


def test_the_iemocap_speaker_is_not_the_actor_with_the_markers(iemocap_sample):
    utterances = {utterance.id: utterance for utterance in iemocap.find_utterances(iemocap_sample, ReadOptions())}
    for utterance_id, speaker in (
        ("Ses01F_impro01_M001", "Ses01M"),
        ("Ses01M_script01_1_F000", "Ses01F"),
        ("Ses03M_impro05a_F002", "Ses03F"),
        ("Ses05M_script01_1b_M003", "Ses05M"),
    ):
        assert (utterances[utterance_id].speaker, utterances[utterance_id].session) == (speaker, speaker[4])
    assert len({utterance.speaker for utterance in utterances.values()}) == 10


def test_iemocap_finds_sounds_of_dialogs_with_a_suffix(iemocap_sample):
    paths = {utterance.id: utterance.path for utterance in iemocap.find_utterances(iemocap_sample, ReadOptions())}
    assert paths["Ses03M_impro05b_F000"].parts[-4:] == (
        "sentences",
        "wav",
        "Ses03M_impro05b",
        "Ses03M_impro05b_F000.wav",
    )


@pytest.mark.parametrize(
    ("subset", "counts"),
    [
        ("improvised-4", {"neu": 6, "ang": 6, "sad": 6, "hap": 6}),
        ("improvised-4-merged", {"neu": 6, "ang": 6, "sad": 6, "hap": 12}),
        ("all-4", {"neu": 10, "ang": 10, "sad": 10, "hap": 10}),
        ("all-4-merged", {"neu": 10, "ang": 10, "sad": 10, "hap": 20}),
    ],
)
def test_iemocap_subsets_select_improvised_turns_and_merge_excited_ones(subset, counts, iemocap_sample):
    selection = read_corpus(iemocap.CORPUS, iemocap_sample, replace(PARTIAL, subset=subset))
    assert emotions(selection) == counts
    with pytest.raises(
        ValueError, match=f"iemocap subset '{subset}': the counts differ.*neu {counts['neu']} instead of"
    ):
        read_corpus(iemocap.CORPUS, iemocap_sample, ReadOptions(subset=subset))


def test_a_labelled_iemocap_turn_without_its_sound_is_an_error_or_left_out_on_request(tmp_path):
    build_iemocap_tree(tmp_path, sample_turns())
    (tmp_path / "Session3/sentences/wav/Ses03M_impro05a/Ses03M_impro05a_M001.wav").unlink()
    with pytest.raises(FileNotFoundError, match=r"Ses03M_impro05a_M001\.wav: no such file.*allow_partial"):
        iemocap.find_utterances(tmp_path, ReadOptions())
    left = {utterance.id for utterance in iemocap.find_utterances(tmp_path, PARTIAL)}
    assert {turn.utterance for turn in sample_turns()} - left == {"Ses03M_impro05a_M001"}


def test_an_iemocap_session_that_is_missing_is_named(tmp_path):
    build_iemocap_tree(tmp_path, sample_turns())
    (tmp_path / "Session4").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="Session4.*complete the copy"):
        iemocap.find_utterances(tmp_path, ReadOptions())
    assert "4" not in {utterance.session for utterance in iemocap.find_utterances(tmp_path, PARTIAL)}


def test_iemocap_goes_without_a_transcript_and_refuses_an_id_without_a_speaker(tmp_path):
    build_iemocap_tree(tmp_path, sample_turns())
    (tmp_path / "Session1/dialog/transcriptions/Ses01F_impro01.txt").unlink()
    texts = {utterance.id: utterance.text for utterance in iemocap.find_utterances(tmp_path, ReadOptions())}
    assert texts["Ses01F_impro01_F000"] is None and texts["Ses01M_script01_1_F000"] == "I feel neu."
    evaluation = tmp_path / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    evaluation.write_text("[0.1 - 0.2]\tSes01F_impro01_X000\tneu\t[1, 1, 1]\n")
    write_noise(tmp_path / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_X000.wav")
    with pytest.raises(ValueError, match=r"Ses01F_impro01\.txt: 'Ses01F_impro01_X000': not an IEMOCAP utterance id"):
        iemocap.find_utterances(tmp_path, ReadOptions())


@pytest.fixture(scope="module")
def iemocap_full_size(tmp_path_factory) -> Path:
    """A release with the real ids and labels and empty sound files."""
    turns = turns_of_index(environment_path("IEMOCAP_INDEX"))
    return build_iemocap_tree(tmp_path_factory.mktemp("iemocap_full_size"), turns)


@pytest.mark.parametrize(
    ("subset", "counts", "total"),
    [
        ("improvised-4", {"neu": 1099, "ang": 289, "sad": 608, "hap": 284}, 2280),
        ("improvised-4-merged", {"neu": 1099, "ang": 289, "sad": 608, "hap": 947}, 2943),
        ("all-4", {"neu": 1708, "ang": 1103, "sad": 1084, "hap": 595}, 4490),
        ("all-4-merged", {"neu": 1708, "ang": 1103, "sad": 1084, "hap": 1636}, 5531),
    ],
)
def test_the_real_ids_of_iemocap_give_the_published_counts(subset, counts, total, iemocap_full_size):
    selection = read_corpus(iemocap.CORPUS, iemocap_full_size, ReadOptions(subset=subset))
    assert emotions(selection) == counts and len(selection.utterances) == total
    assert selection.labels == ("neu", "ang", "sad", "hap")


def test_the_real_ids_of_iemocap_give_the_counts_by_session_and_by_speaker(iemocap_full_size):
    merged = read_corpus(iemocap.CORPUS, iemocap_full_size, ReadOptions(subset="all-4-merged"))
    sessions = Counter(utterance.session for utterance in merged.utterances)
    assert sessions == {"1": 1085, "2": 1023, "3": 1151, "4": 1031, "5": 1241}
    improvised = read_corpus(iemocap.CORPUS, iemocap_full_size)
    assert Counter(utterance.speaker.removeprefix("Ses") for utterance in improvised.utterances) == {
        "01M": 205, "01F": 217, "02M": 208, "02F": 185, "03M": 274, "03F": 264, "04M": 221,
        "04F": 149, "05M": 259, "05F": 298,
    }  # fmt: skip
