"""Your own sound files: one folder per emotion with a pattern of the speaker, or a pattern of the file names; errors."""

from __future__ import annotations

import pytest
from support.corpus_trees import (
    BY_PREFIX,
    by_id,
    emotions,
    environment_path,
    write_folders,
    write_noise,
)

from acrnn.errors import FieldError
from data_prep.__main__ import main
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
    for name in ("bert_1.doc", "._anna_1.wav"):
        (tmp_path / "joy" / name).touch()
    with pytest.warns(UserWarning, match="left out, by their extensions: 1 .doc$"):
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


PATTERN = "{emotion}-{session}-{speaker}_{take}.wav"


def write_named(data_dir):
    for name in ("joy-s1-anna_1.wav", "joy-s2-anna_2.wav", "below/anger-s1-bert_1.wav"):
        write_noise(data_dir / name)
    return data_dir


def test_a_file_pattern_gives_emotion_speaker_and_session(tmp_path):
    options = ReadOptions(file_pattern=PATTERN, map_labels={"joy": "happiness"})
    utterances = by_id(read_corpus(folder.CORPUS, write_named(tmp_path), options))
    assert {key: (u.emotion, u.speaker, u.session) for key, u in utterances.items()} == {
        "joy-s1-anna_1": ("happiness", "anna", "s1"),
        "joy-s2-anna_2": ("happiness", "anna", "s2"),
        "below/anger-s1-bert_1": ("anger", "bert", "s1"),
    }
    options = ReadOptions(file_pattern="{emotion}-{number}-{speaker}_{take}")
    assert {u.session for u in read_corpus(folder.CORPUS, tmp_path, options).utterances} == {"anna", "bert"}


def test_files_that_the_pattern_does_not_match_are_counted_and_left_out_on_request(tmp_path):
    for name in ("notes/x.wav", "joy-anna.wav", "joy-s1-anna_1.mp3"):
        write_named(tmp_path).joinpath(name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    message = (
        r"does not match 3 of 6 sound files in .*: joy-anna\.wav, joy-s1-anna_1\.mp3, notes/x\.wav; correct the pattern"
    )
    with pytest.raises(FieldError, match=message):
        read_corpus(folder.CORPUS, tmp_path, ReadOptions(file_pattern=PATTERN))
    with pytest.warns(
        UserWarning, match=r"left out 3 sound files with other names:\n  joy-anna\.wav\n  joy-s1-anna_1\.mp3\n  notes/x"
    ):
        selection = read_corpus(folder.CORPUS, tmp_path, ReadOptions(file_pattern=PATTERN, skip_bad=True))
    assert len(selection.utterances) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"file_pattern": "{speaker"}, r"file_pattern '\{speaker': a brace has no other"),
        (
            {"file_pattern": "{speaker}.wav"},
            r"no field emotion; write it as in '\{speaker\}_\{emotion\}_\{take\}\.wav'",
        ),
        ({"file_pattern": "x.wav"}, "no field emotion and speaker"),
        (
            {"file_pattern": PATTERN, "speaker_pattern": "(.)"},
            r"speaker_pattern '\(\.\)': the file pattern states the speaker",
        ),
    ],
)
def test_a_wrong_file_pattern_is_refused(options, message, tmp_path):
    with pytest.raises(FieldError, match=message):
        read_corpus(folder.CORPUS, write_named(tmp_path), ReadOptions(**options))


def test_the_command_line_names_its_options_and_lists_what_is_left_out(tmp_path, capsys):
    for seed, name in enumerate(("joy_anna.wav", "joy_bert.wav", "anger_anna.wav", "anger_bert.wav")):
        write_noise(tmp_path / "sounds" / name, seed, seconds=1)
    write_noise(tmp_path / "sounds" / "other.wav")
    command = ["folder", "--data-dir", str(tmp_path / "sounds"), "--out", str(tmp_path / "out"), "--jobs", "1"]
    assert main([*command, "--file-pattern", "{emotion}"]) == 2
    assert "--file-pattern '{emotion}': no field speaker" in capsys.readouterr().err
    command += ["--file-pattern", "{emotion}_{speaker}.wav"]
    assert main([*command, "--map-labels", "happy=joy"]) == 2
    assert "does not match 1 of 5 sound files" in capsys.readouterr().err
    with pytest.warns(UserWarning, match="other names:\n  other.wav"):
        assert main([*command, "--skip-bad", "--map-labels", "happy=joy"]) == 2
    assert (
        "--map-labels happy: no utterance has this emotion; the emotions there are anger, joy"
        in capsys.readouterr().err
    )
    with pytest.warns(UserWarning, match="other names:\n  other.wav"):
        assert main([*command, "--skip-bad", "--map-labels", "joy=happiness"]) == 0
    assert "4 utterances" in capsys.readouterr().out
    assert main(["inspect", str(tmp_path / "out")]) == 0
    assert "anger happiness" in " ".join(capsys.readouterr().out.split())


def test_the_real_ravdess_is_read_by_its_file_pattern():
    pattern = "{modality:03}-{channel:01}-{emotion}-{intensity}-{statement}-{repetition}-{speaker}"
    options = ReadOptions(file_pattern=pattern, map_labels={"05": "anger", "01": "neutral", "02": "neutral"})
    selection = read_corpus(folder.CORPUS, environment_path("RAVDESS_ROOT"), options)
    assert emotions(selection) == {"neutral": 288, "anger": 192, **dict.fromkeys(("03", "04", "06", "07", "08"), 192)}
    assert len({utterance.speaker for utterance in selection.utterances}) == 24
