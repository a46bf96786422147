"""MELD: the faults of the release in a small tree, videos and sounds as clips, the published counts and the shared speakers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from support.corpus_trees import PARTIAL, by_id, emotions, write_noise
from support.meld_tree import FOLDERS, TURNS, write_meld, write_tables

from acrnn.folds import make_folds
from acrnn.records.record_set import RecordSet
from data_prep.__main__ import main
from data_prep.corpora import CORPORA, meld
from data_prep.corpora.base import read_corpus

# the table "Dataset Distribution" of the release, by emotion: train, dev, test
DISTRIBUTION = {
    "anger": (1109, 153, 345),
    "disgust": (271, 22, 68),
    "fear": (268, 40, 50),
    "joy": (1743, 163, 402),
    "neutral": (4710, 470, 1256),
    "sadness": (683, 111, 208),
    "surprise": (1205, 150, 281),
}


@pytest.fixture
def folder(tmp_path):
    return write_meld(tmp_path / "meld")


def test_a_turn_has_part_speaker_emotion_and_text_and_the_two_faulty_clips_are_left_out(folder):
    utterances = by_id(read_corpus(CORPORA["meld"], folder, PARTIAL))
    assert len(utterances) == len(TURNS) - 2 and "train_dia125_utt3" not in utterances
    first = utterances["train_dia0_utt1"]
    assert (first.speaker, first.emotion, first.split) == ("The Interviewer", "surprise", "train")
    assert first.text == "You must’ve had your hands full." and first.session == "season 1 episode 4"
    assert utterances["test_dia0_utt0"].speaker == "The Interviewer"  # written in small letters there
    assert utterances["validation_dia0_utt1"].emotion == "happiness"
    assert utterances["validation_dia0_utt1"].text == '"Wanted. Female roommate." Nice!'


@pytest.mark.parametrize(
    ("written", "encoding"), [("He’s there", "cp1252"), ("He\x92s there", "utf-8"), ("He’s there", "utf-8-sig")]
)
def test_apostrophes_are_read_in_every_encoding_of_the_tables(folder, written, encoding):
    write_tables(folder, [("train", written, "Ross", "joy", 0, 0), ("train", "Hi.", "Ross", "anger", 0, 1)], encoding)
    assert by_id(read_corpus(CORPORA["meld"], folder, PARTIAL))["train_dia0_utt0"].text == "He’s there"


def test_a_complete_copy_has_the_published_counts(tmp_path, monkeypatch):
    turns, numbers = [], Counter()
    for emotion, counts in DISTRIBUTION.items():
        for part, count in zip(FOLDERS, counts, strict=True):
            for _ in range(count):
                turns.append((part, "Hi.", "Ross", emotion, numbers[part] // 9, numbers[part] % 9))
                numbers[part] += 1
    assert [numbers[part] for part in FOLDERS] == [9989, 1109, 2610]
    # the two faulty clips are neutral
    swap = {("train", 125, 3): 5000, ("dev", 110, 7): 600}
    for (part, dialog, turn), place in swap.items():
        own = [number for number, each in enumerate(turns) if each[0] == part]
        old = next(number for number in own if turns[number][4:] == (dialog, turn))
        neutral = next(number for number in own[place:] if turns[number][3] == "neutral")
        turns[old], turns[neutral] = (
            (*turns[neutral][:4], *turns[old][4:]),
            (*turns[old][:4], *turns[neutral][4:]),
        )
    write_tables(tmp_path, turns)
    clips = [tmp_path / FOLDERS[part] / f"dia{dialog}_utt{turn}.mp4" for part, *_, dialog, turn in turns]
    monkeypatch.setattr(meld, "sound_files", lambda folder: clips)
    selection = read_corpus(CORPORA["meld"], tmp_path)
    published = {name: sum(counts) for name, counts in DISTRIBUTION.items()}
    published["happiness"] = published.pop("joy")
    assert selection.complete and emotions(selection) == published | {"neutral": published["neutral"] - 2}


def test_missing_clips_and_tables_are_refused_and_left_out_on_request(folder):
    (folder / "dev" / "dev_splits_complete" / "dia0_utt1.wav").unlink()
    with pytest.raises(FileNotFoundError, match="no clip for 1 rows .*dia0_utt1 of the validation part.*allow_partial"):
        meld.find_utterances(folder, meld.ReadOptions())
    with pytest.warns(UserWarning, match="no clip for 1 rows"):
        assert len(meld.find_utterances(folder, PARTIAL)) == len(TURNS) - 3
    (folder / "dev_sent_emo.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"no dev_sent_emo\.csv here or in a folder below"):
        meld.find_utterances(folder, meld.ReadOptions())
    assert len(meld.find_utterances(folder, PARTIAL)) == 5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",joy,", ",glee,", "line 5, column Emotion: 'glee' is wrong"),
        (",125,3,", ",125,,", "line 4, column Utterance_ID: '' is wrong"),
        ("Speaker", "Who", "no column Speaker"),
    ],
)
def test_a_damaged_table_is_refused_with_its_line(folder, old, new, message):
    table = folder / "train_sent_emo.csv"
    table.write_bytes(table.read_bytes().replace(old.encode(), new.encode(), 1))
    with pytest.raises(ValueError, match=f"train_sent_emo.csv.*{message}"):
        meld.find_utterances(folder, PARTIAL)


def test_corrected_clips_and_sounds_are_preferred_and_clips_without_a_row_are_not_read(folder):
    test, train = folder / "test" / FOLDERS["test"], folder / "train" / FOLDERS["train"]
    corrected = write_noise(test / "final_videos_testdia0_utt0.wav", seed=50)
    (train / "dia0_utt0.mp4").write_bytes(b"a video")
    for extra in (test / "dia108_utt2.wav", test / "._dia0_utt1.wav", folder / "dia0_utt0.wav"):
        write_noise(extra)
    utterances = by_id(read_corpus(CORPORA["meld"], folder, PARTIAL))
    assert utterances["test_dia0_utt0"].path == corrected
    assert utterances["train_dia0_utt0"].path == train / "dia0_utt0.wav"
    assert len(utterances) == len(TURNS) - 2


def test_videos_become_records_whose_split_is_known_to_share_speakers(folder, tmp_path):
    pytest.importorskip("av", reason="the extra [av] is not installed")
    from support.media_files import chirp, encoded

    sound = folder / "train" / FOLDERS["train"] / "dia0_utt0.wav"
    sound.with_suffix(".mp4").write_bytes(encoded(chirp(1.5), container="mp4", codec="aac", with_video=True))
    sound.unlink()
    out = tmp_path / "records"
    assert main(["meld", "--data-dir", str(folder), "--out", str(out), "--jobs", "1", "--allow-partial"]) == 0
    record_set = RecordSet(out)
    (video,) = [row for row in record_set.utterances if row.path.endswith(".mp4")]
    assert video.id == "train_dia0_utt0" and np.isclose(video.duration_seconds, 1.5, atol=0.05)
    with pytest.raises(ValueError, match="speaker 'Chandler' is in the train and .*speaker-dependent-prescribed"):
        make_folds("prescribed", record_set.utterances, record_set.manifest.labels)
