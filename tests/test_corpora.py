"""Corpora: one contract for all readers, the published counts, and errors that name the place and the remedy."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from iemocap_tree import build_iemocap_tree, sample_turns, turns_of_index

from data_prep.corpora import audformat_corpus, emodb, folder, iemocap, manifest
from data_prep.corpora.base import ReadOptions, Selection, Utterance, read_corpus

PARTIAL = ReadOptions(allow_partial=True)
BY_PREFIX = ReadOptions(speaker_pattern="([^/_]+)_")


def write_noise(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(0).uniform(-0.1, 0.1, 1600), 16000)
    return path


def emotions(selection: Selection) -> Counter[str]:
    return Counter(utterance.emotion for utterance in selection.utterances)


def by_id(selection: Selection) -> dict[str, Utterance]:
    return {utterance.id: utterance for utterance in selection.utterances}


def environment_path(name: str) -> Path:
    if name not in os.environ:
        pytest.skip(f"{name} is not set")
    return Path(os.environ[name])


# --- corpora made by the tests ---------------------------------------------------------------------


def write_emodb(data_dir: Path, counts: dict[str, int]) -> Path:
    letters = {emotion: letter for letter, emotion in emodb.EMOTIONS.items()}
    speakers = ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
    stems = [
        f"{speaker}{sentence}{{}}{version}" for version in "ab" for speaker in speakers for sentence in emodb.SENTENCES
    ]
    for emotion, count in counts.items():
        for stem in stems[:count]:
            write_noise(data_dir / f"{stem.format(letters[emotion])}.wav")
    return data_dir


def write_manifest(data_dir: Path, text: str, name: str = "manifest.csv", encoding: str = "utf-8") -> Path:
    for sound in ("anna_1.wav", "anna_2.wav", "bert_1.wav"):
        write_noise(data_dir / "sound" / sound)
    (data_dir / name).write_text(text, encoding=encoding)
    return data_dir / name


MANIFEST = "path,label,speaker\nsound/anna_1.wav,anger,anna\nsound/anna_2.wav,joy,anna\nsound/bert_1.wav,joy,bert\n"


def write_folders(data_dir: Path) -> Path:
    for name in (
        "anger/anna_1.wav",
        "anger/bert_1.flac",
        "joy/take 2/Jürgen_1.ogg",
        "joy/anna_3.WAV",
        "joy/._anna_3.wav",
    ):
        write_noise(data_dir / name)
    write_noise(data_dir / ".cache" / "anna_9.wav")
    (data_dir / "joy" / "notes.txt").write_text("no sound")
    return data_dir


def write_audformat(data_dir: Path, speaker_table: str = "files", **columns: str) -> Path:
    """Writes an audformat database with the table `emotion` and, elsewhere unless said otherwise, the speakers."""
    audformat = pytest.importorskip("audformat", reason="the package audformat is not installed")
    files = ["sound/anna_1.wav", "sound/anna_2.wav", "sound/bert_1.wav"]
    for file in files:
        write_noise(data_dir / file)
    database = audformat.Database("made-by-a-test")
    database.schemes["emotion"] = audformat.Scheme(labels=["anger", "joy"])
    database.schemes["speaker"] = audformat.Scheme(labels=["anna", "bert"])
    database["emotion"] = audformat.Table(audformat.filewise_index(files))
    column = columns.get("emotion", "emotion")
    database["emotion"][column] = audformat.Column(scheme_id="emotion")
    database["emotion"][column].set(["anger", "joy", "joy"])
    if speaker_table != "emotion":
        database[speaker_table] = audformat.Table(audformat.filewise_index(files))
    database[speaker_table]["speaker"] = audformat.Column(scheme_id="speaker")
    database[speaker_table]["speaker"].set(["anna", "anna", "bert"])
    database.save(str(data_dir))
    return data_dir


# --- the contract ----------------------------------------------------------------------------------

EXAMPLES = {
    "emodb": (emodb.CORPUS, lambda path: write_emodb(path, {"anger": 3, "fear": 2}), PARTIAL),
    "iemocap": (iemocap.CORPUS, lambda path: build_iemocap_tree(path, sample_turns()), PARTIAL),
    "manifest": (manifest.CORPUS, lambda path: write_manifest(path, MANIFEST), ReadOptions()),
    "folder": (folder.CORPUS, write_folders, BY_PREFIX),
    "audformat": (audformat_corpus.CORPUS, write_audformat, ReadOptions()),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_corpus_says_its_name_licence_citation_and_origin(name):
    corpus = EXAMPLES[name][0]
    assert corpus.name == name
    assert all((corpus.title, corpus.version, corpus.licence, corpus.citation, corpus.homepage))


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_subset_expects_a_count_for_each_of_its_labels_in_their_order(name):
    for subset in EXAMPLES[name][0].subsets.values():
        assert tuple(subset.expected) == subset.labels
        assert set(subset.merge.values()) <= set(subset.labels)


@pytest.mark.parametrize("name", EXAMPLES)
def test_utterances_have_unique_sorted_ids_a_speaker_a_label_and_a_sound_file(name, tmp_path):
    corpus, write, options = EXAMPLES[name]
    selection = read_corpus(corpus, write(tmp_path / "corpus"), options)
    ids = [utterance.id for utterance in selection.utterances]
    assert len(ids) > 2 and ids == sorted(set(ids))
    for utterance in selection.utterances:
        assert utterance.speaker and utterance.session and utterance.path.is_file()
        assert utterance.emotion in selection.labels


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_folder_that_is_not_there_or_empty_is_refused_by_name(name, tmp_path):
    corpus, _, options = EXAMPLES[name]
    with pytest.raises(FileNotFoundError, match="nowhere: no such file"):
        read_corpus(corpus, tmp_path / "nowhere", options)
    with pytest.raises((FileNotFoundError, ValueError), match=re.escape(str(tmp_path))):
        read_corpus(corpus, tmp_path, options)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_option_the_corpus_does_not_understand_is_refused(name, tmp_path):
    corpus = EXAMPLES[name][0]
    for option, value in (("labels", ("joy",)), ("speaker_pattern", "(.)")):
        if option not in corpus.accepts:
            with pytest.raises(ValueError, match=f"--{option.replace('_', '-')}.*{name}.*leave it out"):
                read_corpus(corpus, tmp_path, ReadOptions(**{option: value}))
    with pytest.raises(ValueError, match="--subset nonsense: not a subset"):
        read_corpus(corpus, tmp_path, ReadOptions(subset="nonsense"))


# --- Emo-DB ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("below", [".", "wav", "emodb/wav"])
def test_emodb_is_found_in_a_flat_folder_and_below_it(below, tmp_path):
    expected = dict(emodb.CORPUS.subsets["all"].expected)
    write_emodb(tmp_path / below, expected)
    selection = read_corpus(emodb.CORPUS, tmp_path)
    assert emotions(selection) == expected
    first = by_id(selection)["03a01Aa"]
    assert (first.speaker, first.emotion, first.text) == ("03", "fear", "Der Lappen liegt auf dem Eisschrank.")


def test_a_partial_copy_of_emodb_is_refused_and_read_on_request(tmp_path):
    write_emodb(tmp_path, {"anger": 3, "fear": 2})
    with pytest.raises(ValueError, match="anger 3 instead of 127.*--allow-partial"):
        read_corpus(emodb.CORPUS, tmp_path)
    assert emotions(read_corpus(emodb.CORPUS, tmp_path, PARTIAL)) == {"anger": 3, "fear": 2}


def test_emodb_ignores_resource_forks_and_refuses_a_foreign_file(tmp_path):
    write_emodb(tmp_path, {"anger": 3})
    (tmp_path / "._03a01Wa.wav").write_bytes(b"\x00")
    assert len(read_corpus(emodb.CORPUS, tmp_path, PARTIAL).utterances) == 3
    write_noise(tmp_path / "03a01Xa.wav")
    with pytest.raises(ValueError, match="03a01Xa.wav: not an Emo-DB file name"):
        read_corpus(emodb.CORPUS, tmp_path, PARTIAL)


def test_the_real_emodb_has_the_published_counts():
    selection = read_corpus(emodb.CORPUS, environment_path("EMODB_ROOT"))
    assert emotions(selection) == {
        "anger": 127, "boredom": 81, "neutral": 79, "happiness": 71, "fear": 69, "sadness": 62, "disgust": 46,
    }  # fmt: skip
    assert Counter(utterance.speaker for utterance in selection.utterances) == {
        "03": 49, "08": 58, "09": 43, "10": 38, "11": 55, "12": 35, "13": 61, "14": 69, "15": 56, "16": 71,
    }  # fmt: skip
    absent = Counter((utterance.speaker, utterance.emotion) for utterance in selection.utterances)
    assert [absent[key] for key in (("08", "disgust"), ("03", "disgust"), ("10", "disgust"), ("09", "fear"))] == [
        0,
        1,
        1,
        1,
    ]


# --- IEMOCAP ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def iemocap_sample(tmp_path_factory) -> Path:
    data_dir = tmp_path_factory.mktemp("iemocap")
    build_iemocap_tree(data_dir / "IEMOCAP_full_release", sample_turns())
    return data_dir


def test_iemocap_returns_each_labelled_turn_once_and_nothing_else(iemocap_sample):
    for data_dir in (iemocap_sample, iemocap_sample / "IEMOCAP_full_release"):
        found = iemocap.find_utterances(data_dir, ReadOptions())
        assert {u.id: (u.emotion, u.text) for u in found} == {t.utterance: (t.emotion, t.text) for t in sample_turns()}
        assert len(found) == len(sample_turns())


def test_the_iemocap_speaker_is_the_one_who_speaks_not_the_one_who_wears_the_markers(iemocap_sample):
    found = {utterance.id: utterance for utterance in iemocap.find_utterances(iemocap_sample, ReadOptions())}
    for utterance_id, speaker in (
        ("Ses01F_impro01_M001", "Ses01M"),
        ("Ses01M_script01_1_F000", "Ses01F"),
        ("Ses03M_impro05a_F002", "Ses03F"),
        ("Ses05M_script01_1b_M003", "Ses05M"),
    ):
        assert (found[utterance_id].speaker, found[utterance_id].session) == (speaker, speaker[4])
    assert iemocap.dialog_prefix_speaker("Ses01F_impro01_M001") == "Ses01F"
    assert len({utterance.speaker for utterance in found.values()}) == 10


def test_iemocap_finds_sounds_of_dialogs_with_a_suffix(iemocap_sample):
    found = {utterance.id: utterance.path for utterance in iemocap.find_utterances(iemocap_sample, ReadOptions())}
    assert found["Ses03M_impro05b_F000"].parts[-4:] == (
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
    with pytest.raises(FileNotFoundError, match=r"Ses03M_impro05a_M001\.wav: no such file.*--allow-partial"):
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


def test_the_real_ids_of_iemocap_give_the_counts_by_session_and_by_talker(iemocap_full_size):
    merged = read_corpus(iemocap.CORPUS, iemocap_full_size, ReadOptions(subset="all-4-merged"))
    sessions = Counter(utterance.session for utterance in merged.utterances)
    assert sessions == {"1": 1085, "2": 1023, "3": 1151, "4": 1031, "5": 1241}
    improvised = read_corpus(iemocap.CORPUS, iemocap_full_size)
    assert Counter(utterance.speaker.removeprefix("Ses") for utterance in improvised.utterances) == {
        "01M": 205, "01F": 217, "02M": 208, "02F": 185, "03M": 274, "03F": 264, "04M": 221,
        "04F": 149, "05M": 259, "05F": 298,
    }  # fmt: skip


# --- manifest --------------------------------------------------------------------------------------

FULL_MANIFEST = """id,path,label,speaker,session,text,split,start,end,age
one,sound/anna_1.wav,anger,anna,monday,"no, never",train,0,0.05,30
two,sound/anna_1.wav,joy,anna,monday,,test,0.05,,30
three,sound/bert_1.wav,joy,bert,,,,,,
"""


def test_a_manifest_gives_what_its_cells_say(tmp_path):
    found = by_id(read_corpus(manifest.CORPUS, write_manifest(tmp_path, FULL_MANIFEST)))
    sound = tmp_path / "sound"
    assert found == {
        "one": Utterance(
            "one",
            sound / "anna_1.wav",
            "anna",
            "monday",
            "anger",
            "no, never",
            start_seconds=0,
            end_seconds=0.05,
            split="train",
        ),
        "two": Utterance("two", sound / "anna_1.wav", "anna", "monday", "joy", start_seconds=0.05, split="test"),
        "three": Utterance("three", sound / "bert_1.wav", "bert", "bert", "joy"),
    }


@pytest.mark.parametrize(
    ("name", "delimiter", "encoding"),
    [
        ("manifest.csv", ",", "utf-8-sig"),
        ("manifest.csv", ";", "utf-8"),
        ("manifest.csv", "\t", "utf-8"),
        ("manifest.tsv", "\t", "utf-8-sig"),
    ],
)
def test_a_manifest_may_use_any_delimiter_and_a_byte_order_mark(name, delimiter, encoding, tmp_path):
    write_manifest(tmp_path, MANIFEST.replace(",", delimiter), name, encoding)
    found = by_id(read_corpus(manifest.CORPUS, tmp_path))
    assert list(found) == ["sound/anna_1", "sound/anna_2", "sound/bert_1"]
    assert (found["sound/bert_1"].emotion, found["sound/bert_1"].session) == ("joy", "bert")


@pytest.mark.parametrize(
    ("name", "header"),
    [("manifest.csv", "path, label ,speaker"), ("manifest.tsv", "path\tlabel\tspeaker\tage, in years, or so, or none")],
)
def test_a_header_may_have_spaces_around_its_names_and_commas_in_a_tsv(name, header, tmp_path):
    delimiter = "\t" if "\t" in header else ","
    row = delimiter.join(["sound/anna_1.wav", "joy", "anna"])
    write_manifest(tmp_path, f"{header}\n{row}\n", name)
    assert emotions(read_corpus(manifest.CORPUS, tmp_path)) == {"joy": 1}


def test_a_manifest_may_have_absolute_paths_spaces_and_letters_beyond_ascii(tmp_path):
    absolute = write_noise(tmp_path / "far away" / "Zoë 1.wav")
    text = MANIFEST + f"{absolute},Ärger,Zoë Müller\n"
    selection = read_corpus(manifest.CORPUS, write_manifest(tmp_path / "here", text))
    found = by_id(selection)[absolute.with_suffix("").as_posix()]
    assert (found.path, found.speaker, found.emotion) == (absolute, "Zoë Müller", "Ärger")
    assert selection.labels == ("anger", "joy", "Ärger")


def test_the_labels_of_a_manifest_keep_the_order_asked_for_and_must_be_complete(tmp_path):
    table = write_manifest(tmp_path, MANIFEST)
    assert read_corpus(manifest.CORPUS, table, ReadOptions(labels=("joy", "anger"))).labels == ("joy", "anger")
    with pytest.raises(ValueError, match="anna_1.wav: emotion 'anger' is not among the labels joy"):
        read_corpus(manifest.CORPUS, table, ReadOptions(labels=("joy",)))
    with pytest.raises(ValueError, match="no utterance of grief; the emotions there are anger, joy"):
        read_corpus(manifest.CORPUS, table, ReadOptions(labels=("anger", "joy", "grief")))


HEADER = "path,label,speaker,id,split,start,end\n"
GOOD = "sound/anna_1.wav,anger,anna"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "file,label\nx,y\n",
            ValueError,
            r"manifest\.csv: column path, speaker missing; the columns there are: file, label",
        ),
        ("", ValueError, r"manifest\.csv: column path, label, speaker missing; the columns there are: none"),
        ("path,label,speaker,label\n", ValueError, r"manifest\.csv: column label occurs twice"),
        (HEADER, ValueError, "no utterance of a table"),
        (HEADER + "sound/anna_1.wav, ,anna\n", ValueError, r"line 2, column label: the cell is empty"),
        (HEADER + "sound/anna_1.wav,anger\n", ValueError, r"line 2, column speaker: the cell is empty"),
        (
            HEADER + f"{GOOD}\nsound/no.wav,anger,anna\n",
            FileNotFoundError,
            r"line 3, column path: 'sound/no\.wav' does not",
        ),
        (HEADER + "sound,anger,anna\n", FileNotFoundError, r"line 2, column path: 'sound' does not exist"),
        (HEADER + f"{GOOD},,,soon\n", ValueError, r"line 2, column start: 'soon' is not a time"),
        (HEADER + f"{GOOD},,,,-1\n", ValueError, r"line 2, column end: '-1' is not a time"),
        (HEADER + f"{GOOD},,,nan\n", ValueError, r"line 2, column start: 'nan' is not a time"),
        (HEADER + f"{GOOD},,,2,2\n", ValueError, r"line 2, column end: 2 is not after the start 2"),
        (HEADER + f"{GOOD},,,,0\n", ValueError, r"line 2, column end: 0 is not after the start 0"),
        (HEADER + f"{GOOD},,dev\n", ValueError, r"line 2, column split: 'dev' is none of train, validation, test"),
        (HEADER + f"{GOOD},x\n{GOOD},x\n", ValueError, r"line 3, column id: 'x' stands in line 2 already"),
        (HEADER + f"{GOOD}\n{GOOD}\n", ValueError, r"line 3, column id: 'sound/anna_1' stands in line 2 already"),
        (HEADER + f"{GOOD},,,,,Well, no\n", ValueError, r"line 2: more cells than columns"),
        (HEADER + f'{GOOD},"x\n{GOOD}\n', ValueError, r"manifest\.csv, line \d: .*check the quotation marks"),
    ],
)
def test_a_manifest_with_a_fault_is_refused_with_its_line_column_and_value(text, error, message, tmp_path):
    with pytest.raises(error, match=message):
        read_corpus(manifest.CORPUS, write_manifest(tmp_path, text))


def test_a_manifest_must_be_utf8_and_the_only_one_in_its_folder(tmp_path):
    table = write_manifest(tmp_path, MANIFEST.replace("anger", "Ärger"), encoding="latin-1")
    with pytest.raises(ValueError, match=r"manifest\.csv: byte 36 is not UTF-8; save the table as UTF-8"):
        read_corpus(manifest.CORPUS, table)
    write_manifest(tmp_path, MANIFEST, "manifest.tsv")
    with pytest.raises(ValueError, match=r"both manifest\.csv and manifest\.tsv are here"):
        read_corpus(manifest.CORPUS, tmp_path)


# --- folders ---------------------------------------------------------------------------------------


def test_folders_give_the_emotion_and_the_pattern_the_speaker(tmp_path):
    found = by_id(read_corpus(folder.CORPUS, write_folders(tmp_path), BY_PREFIX))
    assert {key: (utterance.emotion, utterance.speaker) for key, utterance in found.items()} == {
        "anger/anna_1": ("anger", "anna"),
        "anger/bert_1": ("anger", "bert"),
        "joy/anna_3": ("joy", "anna"),
        "joy/take 2/Jürgen_1": ("joy", "Jürgen"),
    }


def test_an_emotion_folder_may_be_a_symbolic_link(tmp_path):
    write_noise(tmp_path / "elsewhere" / "anna_1.wav")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "anger").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert list(by_id(read_corpus(folder.CORPUS, tmp_path / "corpus", BY_PREFIX))) == ["anger/anna_1"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (None, r"--speaker-pattern is missing: without the speakers.*--speaker-pattern '\(\[\^/_\]\+\)_'"),
        ("([^/_]+", r"--speaker-pattern '\(\[\^/_\]\+': not a regular expression"),
        ("[^/_]+_", r"--speaker-pattern '\[\^/_\]\+_': no group"),
        ("/([a-z]+)_", r"Jürgen_1\.ogg: --speaker-pattern '/\(\[a-z\]\+\)_' finds no speaker in 'joy/take 2/Jürgen"),
        ("/(anna|bert)?", r"Jürgen_1\.ogg: --speaker-pattern .* finds no speaker"),
    ],
)
def test_folders_without_a_usable_speaker_pattern_are_refused(pattern, message, tmp_path):
    with pytest.raises(ValueError, match=message):
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


# --- audformat -------------------------------------------------------------------------------------


@pytest.mark.parametrize("speaker_table", ["emotion", "files"])
@pytest.mark.parametrize("column", ["emotion", "gold"])
def test_audformat_finds_emotion_and_speaker_by_name_or_scheme(speaker_table, column, tmp_path):
    selection = read_corpus(audformat_corpus.CORPUS, write_audformat(tmp_path, speaker_table, emotion=column))
    assert {u.id: (u.emotion, u.speaker) for u in selection.utterances} == {
        "sound/anna_1": ("anger", "anna"),
        "sound/anna_2": ("joy", "anna"),
        "sound/bert_1": ("joy", "bert"),
    }
    assert {u.start_seconds for u in selection.utterances} == {None}


def test_audformat_segments_give_start_and_end(tmp_path):
    database = load_audformat(write_audformat(tmp_path))
    audformat = sys.modules["audformat"]
    index = audformat.segmented_index(
        ["sound/anna_1.wav"] * 2 + ["sound/bert_1.wav"], [0, 0.05, 0.01], [0.05, 0.1, None]
    )
    add_table(database, "segments", index, "emotion", ["anger", "joy", None])
    database.save(str(tmp_path))
    # As long as whole files have an emotion, segments of them would count the same speech twice.
    found = read_corpus(audformat_corpus.CORPUS, tmp_path).utterances
    assert [utterance.id for utterance in found] == ["sound/anna_1", "sound/anna_2", "sound/bert_1"]
    database.drop_tables("emotion")
    index = audformat.segmented_index(["sound/bert_1.wav"], ["0.01s"], [None])
    add_table(database, "more_segments", index, "emotion", ["joy"])
    database.save(str(tmp_path))
    found = read_corpus(audformat_corpus.CORPUS, tmp_path).utterances
    assert [(u.id, u.speaker, u.emotion, u.start_seconds, u.end_seconds) for u in found] == [
        ("sound/anna_1_0.000-0.050", "anna", "anger", 0, 0.05),
        ("sound/anna_1_0.050-0.100", "anna", "joy", 0.05, 0.1),
        ("sound/bert_1_0.010-end", "bert", "joy", 0.01, None),
    ]


def test_audformat_segments_may_have_speakers_of_their_own(tmp_path):
    database = load_audformat(write_audformat(tmp_path))
    audformat = sys.modules["audformat"]
    index = audformat.segmented_index(["sound/anna_1.wav"] * 2, [0, 0.05], [0.05, 0.1])
    add_table(database, "dialog", index, "emotion", ["anger", "joy"])
    database["dialog"]["speaker"] = audformat.Column(scheme_id="speaker")
    database["dialog"]["speaker"].set(["bert", "anna"])
    database.drop_tables("emotion")
    database.save(str(tmp_path))
    found = read_corpus(audformat_corpus.CORPUS, tmp_path).utterances
    assert [utterance.speaker for utterance in found] == ["bert", "anna"]


def test_audformat_tables_of_a_split_repeat_the_labels_and_tell_the_split(tmp_path):
    database = load_audformat(write_audformat(tmp_path))
    audformat = sys.modules["audformat"]
    for split, file, emotion in (("dev", "sound/anna_1.wav", "anger"), ("test", "sound/bert_1.wav", "joy")):
        database.splits[split] = audformat.Split(split)
        add_table(database, split, audformat.filewise_index([file]), "emotion", [emotion], split_id=split)
    database.save(str(tmp_path))
    found = read_corpus(audformat_corpus.CORPUS, tmp_path).utterances
    assert [utterance.split for utterance in found] == ["validation", None, "test"]
    database["test"]["emotion"].set(["anger"])
    database.save(str(tmp_path))
    with pytest.raises(ValueError, match=r"bert_1\.wav is 'joy' in table emotion and 'anger' in table test"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)


def test_audformat_without_emotion_or_speaker_lists_what_is_there(tmp_path):
    database = load_audformat(write_audformat(tmp_path))
    database["files"].drop_columns("speaker", inplace=True)
    database.save(str(tmp_path))
    with pytest.raises(ValueError, match=r"no column called 'speaker'.*emotion \(emotion\), files \(no column\)"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)
    database.drop_tables("emotion")
    database.save(str(tmp_path))
    with pytest.raises(ValueError, match=r"no column called 'emotion'.*the tables there are: files \(no column\)"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)


def test_audformat_columns_of_raters_are_not_taken_for_the_emotion(tmp_path):
    database = load_audformat(write_audformat(tmp_path, emotion="rater1"))
    database["emotion"]["rater2"] = sys.modules["audformat"].Column(scheme_id="emotion")
    database.save(str(tmp_path))
    with pytest.raises(ValueError, match=r"emotion \(rater1, rater2\), files \(speaker\)"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)
    database["emotion"]["emotion"] = sys.modules["audformat"].Column(scheme_id="emotion")
    database["emotion"]["emotion"].set(["joy", "joy", "joy"])
    database.save(str(tmp_path))
    assert emotions(read_corpus(audformat_corpus.CORPUS, tmp_path)) == {"joy": 3}


def test_audformat_names_a_missing_sound_and_a_file_without_speaker(tmp_path):
    database = load_audformat(write_audformat(tmp_path))
    database["files"].drop_columns("speaker", inplace=True)
    database["files"]["speaker"] = sys.modules["audformat"].Column(scheme_id="speaker")
    database["files"]["speaker"].set(["anna", None, "bert"])
    database.save(str(tmp_path))
    with pytest.raises(ValueError, match=r"anna_2\.wav: the database tells no speaker"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)
    (tmp_path / "sound" / "anna_1.wav").unlink()
    with pytest.raises(FileNotFoundError, match=r"anna_1\.wav: no such file, but table emotion lists it"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)


def test_an_audformat_folder_without_its_header_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no db\.yaml here; point --data-dir at"):
        read_corpus(audformat_corpus.CORPUS, tmp_path)


def test_without_the_package_audformat_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "db.yaml").write_text("name: x\n")
    monkeypatch.setitem(sys.modules, "audformat", None)
    with pytest.raises(ImportError, match=r'pip install "acrnn\[audformat\]"'):
        read_corpus(audformat_corpus.CORPUS, tmp_path)


def load_audformat(data_dir: Path):
    return sys.modules["audformat"].Database.load(str(data_dir), load_data=True)


def add_table(database, table_id: str, index, column: str, values: list, split_id: str | None = None) -> None:
    audformat = sys.modules["audformat"]
    database[table_id] = audformat.Table(index, split_id=split_id)
    database[table_id][column] = audformat.Column(scheme_id=column)
    database[table_id][column].set(values)
