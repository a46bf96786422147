"""Sound files in one folder per emotion: emotions, speakers by a pattern, and errors."""

from __future__ import annotations

import pytest
from support.corpus_trees import (
    BY_PREFIX,
    by_id,
    write_folders,
    write_noise,
)

from acrnn.errors import FieldError
from data_prep.corpora import folder
from data_prep.corpora.base import ReadOptions, read_corpus


def test_folders_give_the_emotion_and_the_pattern_the_speaker(tmp_path):
    utterances = by_id(read_corpus(folder.CORPUS, write_folders(tmp_path), BY_PREFIX))
    assert {key: (utterance.emotion, utterance.speaker) for key, utterance in utterances.items()} == {
        "anger/anna_1": ("anger", "anna"),
        "anger/bert_1": ("anger", "bert"),
        "joy/anna_3": ("joy", "anna"),
        "joy/take 2/Jürgen_1": ("joy", "Jürgen"),
    }


def test_folders_name_the_files_that_are_left_out(tmp_path):
    write_noise(tmp_path / "joy" / "anna_1.aiff")
    for name in ("bert_1.m4a", "._anna_1.wav"):
        (tmp_path / "joy" / name).touch()
    with pytest.warns(UserWarning, match="left out, by their extensions: 1 .m4a$"):
        utterances = read_corpus(folder.CORPUS, tmp_path, BY_PREFIX).utterances
    assert [utterance.id for utterance in utterances] == ["joy/anna_1"]


def test_an_emotion_folder_may_be_a_symbolic_link(tmp_path):
    write_noise(tmp_path / "elsewhere" / "anna_1.wav")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "anger").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert list(by_id(read_corpus(folder.CORPUS, tmp_path / "corpus", BY_PREFIX))) == ["anger/anna_1"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (None, r"speaker_pattern: it is missing\. Without speakers.*'\(\[\^/_\]\+\)_'"),
        ("([^/_]+", r"speaker_pattern '\(\[\^/_\]\+': not a regular expression"),
        ("[^/_]+_", r"speaker_pattern '\[\^/_\]\+_': no group"),
        (
            "/([a-z]+)_",
            r"speaker_pattern '/\(\[a-z\]\+\)_': finds no speaker in 'joy/take 2/Jürgen.*rename .*Jürgen_1\.ogg",
        ),
        ("/(anna|bert)?", r"speaker_pattern '.*': finds no speaker in .*Jürgen_1\.ogg"),
    ],
)
def test_folders_without_a_usable_speaker_pattern_are_refused(pattern, message, tmp_path):
    with pytest.raises(FieldError, match=message):
        read_corpus(folder.CORPUS, write_folders(tmp_path), ReadOptions(speaker_pattern=pattern))


def test_folders_refuse_a_sound_outside_them_and_the_same_name_twice(tmp_path):
    write_folders(tmp_path)
    write_noise(tmp_path / "joy" / "anna_3.flac")
    with pytest.raises(ValueError, match=r"'joy/anna_3' occurs twice: .*anna_3\.\w+ and .*anna_3\.\w+"):
        read_corpus(folder.CORPUS, tmp_path, BY_PREFIX)
    write_noise(tmp_path / "anna_4.wav")
    with pytest.raises(ValueError, match=r"anna_4\.wav: lies in no emotion's folder"):
        read_corpus(folder.CORPUS, tmp_path, BY_PREFIX)
    with pytest.raises(ValueError, match=r"anna_4\.wav: not a folder"):
        read_corpus(folder.CORPUS, tmp_path / "anna_4.wav", BY_PREFIX)


def test_folders_of_speakers_are_not_taken_for_folders_of_emotions(tmp_path):
    for name in ("anna/anger_1.wav", "anna/joy_1.wav", "bert/anger_1.wav"):
        write_noise(tmp_path / name)
    by_folder = ReadOptions(speaker_pattern="([^/]+)/")
    with pytest.raises(
        FieldError, match=r"every folder has one speaker of its own \(anna: 'anna', bert: 'bert'\).*a table"
    ):
        read_corpus(folder.CORPUS, tmp_path, by_folder)
    write_noise(tmp_path / "bert" / "anna_2.wav")
    assert read_corpus(folder.CORPUS, tmp_path, ReadOptions(speaker_pattern="([^/_]+)_"))


def test_one_speaker_may_say_every_emotion(tmp_path):
    for name in ("anger/anna_1.wav", "joy/anna_1.wav"):
        write_noise(tmp_path / name)
    assert len(read_corpus(folder.CORPUS, tmp_path, BY_PREFIX).utterances) == 2
