"""The corpora that are read by their file names alone: published counts, what a name states, faults of the releases."""

from __future__ import annotations

import warnings
from collections import Counter

import pytest
from support import published_names
from support.corpus_trees import PARTIAL, emotions, write_noise
from support.published_names import pretend, write_empty

from data_prep.corpora import CORPORA
from data_prep.corpora.base import ReadOptions, locate_data, read_corpus

SEVEN = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
# utterances by emotion, and the number of speakers with their numbers of utterances
PUBLISHED = {
    "cremad": (dict.fromkeys(SEVEN[:6], 1271) | {"neutral": 1087}, 91),
    "tess": (dict.fromkeys(SEVEN, 400), 2),
    "savee": (dict.fromkeys(SEVEN, 60) | {"neutral": 120}, 4),
    "esd": (dict.fromkeys(("anger", "happiness", "neutral", "sadness", "surprise"), 7000), 20),
    "emovo": (dict.fromkeys(SEVEN, 84), 6),
    "subesco": (dict.fromkeys(SEVEN, 1000), 20),
    "nemo": ({"anger": 749, "fear": 736, "happiness": 749, "neutral": 809, "sadness": 769, "surprise": 669}, 9),
}
TOTALS = {"cremad": 7442, "tess": 2800, "savee": 480, "esd": 35000, "emovo": 588, "subesco": 7000, "nemo": 4481}


@pytest.fixture(autouse=True)
def no_warning_unless_expected():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_complete_copy_has_the_published_counts(name, tmp_path, monkeypatch):
    pretend(monkeypatch, getattr(published_names, name)())
    selection = read_corpus(CORPORA[name], tmp_path)
    counts, num_speakers = PUBLISHED[name]
    assert selection.complete and emotions(selection) == counts
    assert len(selection.utterances) == sum(counts.values()) == TOTALS[name]
    assert len({utterance.speaker for utterance in selection.utterances}) == num_speakers


@pytest.mark.parametrize("name", ["cremad", "tess", "savee", "emovo", "nemo"])
def test_a_copy_that_lacks_a_file_is_refused_and_read_on_request(name, tmp_path, monkeypatch):
    pretend(monkeypatch, getattr(published_names, name)()[1:])
    with pytest.raises(ValueError, match=f"{name} subset 'all': the counts differ.*allow_partial"):
        read_corpus(CORPORA[name], tmp_path)
    assert not read_corpus(CORPORA[name], tmp_path, PARTIAL).complete


@pytest.mark.parametrize(
    ("name", "file", "expected"),
    [
        ("cremad", "AudioWAV/1001_DFA_ANG_XX", ("1001_DFA_ANG_XX", "1001", "anger", "Don't forget a jacket.")),
        ("cremad", "1040_ITH_SAD_X", ("1040_ITH_SAD_X", "1040", "sadness", "I think I have a doctor's appointment.")),
        ("cremad", "1091_IEO_HAP_HI", ("1091_IEO_HAP_HI", "1091", "happiness", "It's eleven o'clock.")),
        ("tess", "OAF_angry/OAF_back_angry", ("OAF_back_angry", "OAF", "anger", "Say the word back.")),
        ("tess", "YAF_pleasant_surprised/YAF_dog_ps", ("YAF_dog_ps", "YAF", "surprise", "Say the word dog.")),
        ("tess", "OAF_neutral/OA_bite_neutral", ("OA_bite_neutral", "OAF", "neutral", "Say the word bite.")),
        ("savee", "ALL/DC_a01", ("DC_a01", "DC", "anger", None)),
        ("savee", "ALL/JK_sa15", ("JK_sa15", "JK", "sadness", None)),
        ("savee", "AudioData/KL/su03", ("KL_su03", "KL", "surprise", None)),
        ("esd", "0011/Angry/0011_000351", ("0011_000351", "0011", "anger", None)),
        ("esd", "ESD/0020/Surprise/train/0020_001500", ("0020_001500", "0020", "surprise", None)),
        ("emovo", "EMOVO/f1/dis-f1-b1", ("dis-f1-b1", "f1", "disgust", None)),
        ("emovo", "m3/gio-m3-d2", ("gio-m3-d2", "m3", "happiness", None)),
        ("subesco", "F_01_OISHI_S_1_ANGRY_1", ("F_01_OISHI_S_1_ANGRY_1", "F_01", "anger", None)),
        ("nemo", "samples/WR0_surprised_64", ("WR0_surprised_64", "WR0", "surprise", None)),
        ("subesco", "M_01_X_S_10_SAD_5", ("M_01_X_S_10_SAD_5", "M_01", "sadness", None)),
    ],
)
def test_a_file_name_states_speaker_emotion_and_sentence(name, file, expected, tmp_path):
    write_empty(tmp_path, [file])
    (utterance,) = read_corpus(CORPORA[name], tmp_path, PARTIAL).utterances
    assert (utterance.id, utterance.speaker, utterance.emotion, utterance.text) == expected
    assert utterance.session == utterance.speaker


@pytest.mark.parametrize(
    ("name", "good", "wrong"),
    [
        ("cremad", "1001_DFA_ANG_XX", "1001_ABC_ANG_XX"),
        ("cremad", "1001_DFA_ANG_XX", "1001_DFA_JOY_XX"),
        ("cremad", "1001_DFA_ANG_XX", "1001_DFA_ANG_XX_2"),
        ("tess", "OAF_back_angry", "EAF_back_angry"),
        ("savee", "DC_a01", "DC_s01"),
        ("esd", "0011/Angry/0011_000351", "0012/Angry/0011_000351"),
        ("esd", "0011/Angry/0011_000351", "0011/0011_000351"),
        ("emovo", "dis-f1-b1", "dis-f4-b1"),
        ("subesco", "F_01_OISHI_S_1_ANGRY_1", "F_01_OISHI_T_1_ANGRY_1"),
    ],
)
def test_a_sound_file_with_another_name_is_refused_or_left_out_on_request(name, good, wrong, tmp_path):
    write_empty(tmp_path, [good, wrong])
    with pytest.raises(ValueError, match=f"1 sound files have no name such as .*: {wrong}.wav; .*skip_bad"):
        read_corpus(CORPORA[name], tmp_path, PARTIAL)
    with pytest.warns(UserWarning, match=f"left out 1 sound files with other names:\n  {wrong}.wav"):
        selection = read_corpus(CORPORA[name], tmp_path, ReadOptions(allow_partial=True, skip_bad=True))
    assert len(selection.utterances) == 1


def test_many_files_with_other_names_are_counted_and_the_first_ten_named(tmp_path):
    write_empty(tmp_path, ["OAF_back_angry", *(f"x{number:03d}" for number in range(120))])
    with pytest.raises(
        ValueError, match=r"120 sound files have no name.*: x000\.wav, .*, x009\.wav and 110 others; remove"
    ):
        read_corpus(CORPORA["tess"], tmp_path, PARTIAL)


def test_the_second_copy_of_tess_counts_once_and_the_first_is_used(tmp_path):
    names = published_names.tess()[::100]
    write_empty(tmp_path, names)
    nested = "TESS Toronto emotional speech set data"
    write_empty(tmp_path, [f"{nested}/{name}" for name in names])
    selection = read_corpus(CORPORA["tess"], tmp_path, PARTIAL)
    assert len(selection.utterances) == 28
    assert not [utterance for utterance in selection.utterances if nested in utterance.path.parts]


def test_a_second_file_of_an_id_with_another_content_is_refused(tmp_path):
    write_noise(tmp_path / "OAF_angry" / "OAF_back_angry.wav")
    write_empty(tmp_path, ["again/OAF_back_angry"])
    with pytest.raises(ValueError, match="'OAF_back_angry' occurs twice"):
        read_corpus(CORPORA["tess"], tmp_path, PARTIAL)


@pytest.mark.parametrize(("subset", "first", "last"), [("english", "0011", "0020"), ("mandarin", "0001", "0010")])
def test_each_language_of_esd_is_a_subset(subset, first, last, tmp_path, monkeypatch):
    pretend(monkeypatch, [name for name in published_names.esd() if first <= name[:4] <= last])
    selection = read_corpus(CORPORA["esd"], tmp_path, ReadOptions(subset=subset))
    speakers = Counter(utterance.speaker for utterance in selection.utterances)
    assert (min(speakers), max(speakers), set(speakers.values())) == (first, last, {1750})


@pytest.mark.parametrize("name", ["tess", "savee", "emovo", "subesco", "ravdess"])
def test_the_emotions_that_emodb_has_as_well_are_a_subset(name):
    subset = CORPORA[name].subsets["emodb-6"]
    assert subset.labels == ("anger", "disgust", "fear", "happiness", "neutral", "sadness")
    assert set(subset.expected.items()) <= set(CORPORA[name].subsets["all"].expected.items())


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_folder_is_found_by_its_variable(name, tmp_path, monkeypatch):
    monkeypatch.setenv(f"{name.upper()}_ROOT", str(tmp_path))
    assert locate_data(CORPORA[name], None) == tmp_path
