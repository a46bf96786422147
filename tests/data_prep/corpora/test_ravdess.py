"""RAVDESS: file names, the second copy in the common download, songs and videos, the recording with two ids, the counts."""

from __future__ import annotations

import shutil
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.corpus_trees import PARTIAL, by_id, emotions, environment_path, write_noise, write_ravdess

from data_prep.__main__ import main
from data_prep.corpora import emodb, ravdess
from data_prep.corpora.base import ReadOptions, read_corpus

NAME = "03-01-06-02-01-02-12"
NESTED = "audio_speech_actors_01-24"
REAL = {
    "neutral": 96, "calm": 192, "happiness": 191, "sadness": 192, "anger": 192, "fear": 192, "disgust": 192, "surprise": 192,
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_warning_unless_expected():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_the_file_name_states_emotion_intensity_statement_and_speaker(tmp_path):
    write_noise(tmp_path / "Actor_12" / f"{NAME}.wav")
    write_noise(tmp_path / "Actor_03" / "03-01-08-01-02-01-03.flac")
    utterances = by_id(read_corpus(ravdess.CORPUS, tmp_path, PARTIAL))
    first, second = utterances[NAME], utterances["03-01-08-01-02-01-03"]
    assert (first.emotion, first.speaker, first.text) == ("fear", "12", "Kids are talking by the door.")
    assert (second.emotion, second.speaker, second.text) == ("surprise", "03", "Dogs are sitting by the door.")
    assert (ravdess.intensity_of(first.id), ravdess.intensity_of(second.id)) == ("strong", "normal")


def test_a_complete_tree_has_the_published_counts_without_the_repeated_recording(tmp_path):
    write_ravdess(tmp_path)
    selection = read_corpus(ravdess.CORPUS, tmp_path)
    assert selection.complete and emotions(selection) == REAL
    assert "03-01-03-01-02-01-07" in by_id(selection) and "03-01-03-01-02-02-07" not in by_id(selection)
    (tmp_path / "Actor_01" / "03-01-05-02-01-01-01.wav").unlink()
    with pytest.raises(ValueError, match="anger 191 instead of 192.*allow_partial"):
        read_corpus(ravdess.CORPUS, tmp_path)


def test_the_repeated_recording_is_used_where_the_other_id_is_missing(tmp_path):
    write_noise(tmp_path / "03-01-03-01-02-02-07.wav")
    assert list(by_id(read_corpus(ravdess.CORPUS, tmp_path, PARTIAL))) == ["03-01-03-01-02-02-07"]


def test_the_second_copy_of_the_common_download_counts_once(tmp_path):
    write_ravdess(tmp_path, speakers=("01", "02"))
    write_ravdess(tmp_path / NESTED, speakers=("01", "02"))
    utterances = read_corpus(ravdess.CORPUS, tmp_path, PARTIAL).utterances
    assert len(utterances) == 120 and not [each for each in utterances if NESTED in each.path.parts]


def test_the_common_download_is_prepared_with_its_rate_and_stereo_files(tmp_path, capsys):
    folder = tmp_path / "corpus" / "Actor_12"
    folder.mkdir(parents=True)
    for channels, emotion in ((1, "03"), (1, "04"), (1, "05"), (2, "06")):
        noise = np.random.default_rng(int(emotion)).uniform(-0.1, 0.1, (48000, channels))
        soundfile.write(folder / f"03-01-{emotion}-01-01-01-12.wav", noise, 48000)
    shutil.copytree(folder, tmp_path / "corpus" / NESTED / "Actor_12")
    command = ["ravdess", "--data-dir", str(tmp_path / "corpus"), "--out", str(tmp_path / "out"), "--jobs", "1"]
    assert main([*command, "--allow-partial"]) == 0
    assert "4 utterances, 4 segments, 1 speakers" in capsys.readouterr().out


def test_a_second_copy_with_another_content_is_refused(tmp_path):
    write_noise(tmp_path / f"{NAME}.wav")
    copy = write_noise(tmp_path / NESTED / f"{NAME}.wav")
    copy.write_bytes(copy.read_bytes()[:-2] + b"\x01\x01")
    with pytest.raises(ValueError, match=f"{NAME}' occurs twice"):
        read_corpus(ravdess.CORPUS, tmp_path, PARTIAL)


def test_a_recording_that_is_in_the_nested_folder_only_is_read(tmp_path):
    write_noise(tmp_path / "Actor_12" / f"{NAME}.wav")
    write_noise(tmp_path / NESTED / "Actor_03" / "03-01-08-01-02-01-03.wav")
    assert len(read_corpus(ravdess.CORPUS, tmp_path, PARTIAL).utterances) == 2


def test_another_second_copy_is_refused(tmp_path):
    write_noise(tmp_path / "a" / f"{NAME}.wav")
    write_noise(tmp_path / "b" / f"{NAME}.flac")
    with pytest.raises(ValueError, match=f"{NAME}' occurs twice.*ids must be unique"):
        read_corpus(ravdess.CORPUS, tmp_path, PARTIAL)


def test_songs_and_videos_are_left_out_and_counted(tmp_path):
    write_noise(tmp_path / f"{NAME}.wav")
    for name in ("03-02-06-02-01-02-12.wav", "03-02-05-02-01-02-12.wav", "._03-01-05-02-01-02-12.wav"):
        write_noise(tmp_path / name)
    (tmp_path / "01-01-06-02-01-02-12.mp4").write_bytes(b"")
    with pytest.warns(UserWarning, match="left out.*: 2 songs, 1 videos"):
        selection = read_corpus(ravdess.CORPUS, tmp_path, PARTIAL)
    assert list(by_id(selection)) == [NAME]


@pytest.mark.parametrize(
    "name", ["03-01-09-01-01-01-01", "03-01-01-02-01-01-01", "03-01-03-01-01-01-25", "03-01-03-01-01-01", "noise"]
)
def test_a_foreign_file_name_is_refused(name, tmp_path):
    write_noise(tmp_path / f"{NAME}.wav")
    write_noise(tmp_path / f"{name}.wav")
    with pytest.raises(ValueError, match=f"{name}.wav: not a RAVDESS file name"):
        read_corpus(ravdess.CORPUS, tmp_path, PARTIAL)


def test_the_intensity_of_a_foreign_id_is_refused():
    with pytest.raises(ValueError, match="'03a01Wa': not a RAVDESS id"):
        ravdess.intensity_of("03a01Wa")


def test_the_subset_shared_with_emodb_has_the_emotions_of_both_under_one_name(tmp_path):
    write_ravdess(tmp_path)
    selection = read_corpus(ravdess.CORPUS, tmp_path, ReadOptions(subset="emodb-6"))
    assert set(selection.labels) == set(emodb.EMOTIONS.values()) & set(ravdess.EMOTIONS.values())
    assert len(selection.utterances) == 4 * 192 + 191 + 96


def test_the_real_ravdess_has_the_published_counts_without_the_repeated_recording():
    folder: Path = environment_path("RAVDESS_ROOT")
    selection = read_corpus(ravdess.CORPUS, folder)
    assert emotions(selection) == REAL and len(selection.utterances) == 1439
    per_speaker = Counter(utterance.speaker for utterance in selection.utterances)
    assert per_speaker == {f"{number:02d}": 60 - (number == 7) for number in range(1, 25)}
