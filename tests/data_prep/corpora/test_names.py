"""Names of speakers and emotions: one written in two ways, or a missing one, is refused; others are not."""

import pytest
import soundfile

from data_prep.corpora import CORPORA, read_corpus
from data_prep.corpora.base import Corpus, ReadOptions, Utterance


def read(tmp_path, *pairs, sessions=None):
    """Reads a corpus with an utterance for every pair of speaker and emotion."""
    sessions = sessions or [speaker for speaker, _ in pairs]
    utterances = [
        Utterance(f"u{number}", tmp_path / f"{number}.wav", speaker, session, emotion)
        for number, ((speaker, emotion), session) in enumerate(zip(pairs, sessions, strict=True))
    ]
    corpus = Corpus("own", "one's own", "1", "", "", "", lambda data_dir, options: utterances)
    return read_corpus(corpus, tmp_path, ReadOptions())


@pytest.mark.parametrize(
    ("first", "second"),
    [("01", "1"), ("1.0", "1"), ("Anna", "anna"), ("anna ", "anna"), ("s01", "S1"), ("a  b", "a b"), ("Ａ", "a")],
)
def test_a_speaker_written_in_two_ways_is_refused_with_both_files(tmp_path, first, second):
    with pytest.raises(ValueError, match="differ in writing only") as error:
        read(tmp_path, (first, "angry"), ("other", "sad"), (second, "angry"))
    message = str(error.value)
    assert (
        f"speaker {first!r} of {tmp_path / '0.wav'} (u0) and speaker {second!r} of {tmp_path / '2.wav'} (u2)" in message
    )
    assert "write the speaker one way" in message


@pytest.mark.parametrize(("first", "second"), [("Angry", "angry"), ("angry ", "angry"), ("ANGRY", "Angry")])
def test_an_emotion_written_in_two_ways_is_refused(tmp_path, first, second):
    with pytest.raises(
        ValueError, match=r"emotion 'A?.*0\.wav \(u0\) and emotion .*1\.wav \(u1\) differ in writing only"
    ):
        read(tmp_path, ("anna", first), ("ben", second), ("ben", "sad"))


def test_a_session_written_in_two_ways_is_refused(tmp_path):
    with pytest.raises(ValueError, match="session '1' .* and session '01' .* differ in writing only"):
        read(tmp_path, ("anna", "angry"), ("ben", "sad"), sessions=["1", "01"])


@pytest.mark.parametrize("name", ["", " ", "nan", "NaN", "none", "None", "null", "<NA>"])
def test_a_missing_speaker_or_emotion_is_no_name(tmp_path, name):
    with pytest.raises(ValueError, match=r"1\.wav \(u1\): its speaker is .*, which is no name"):
        read(tmp_path, ("anna", "angry"), (name, "sad"))
    with pytest.raises(ValueError, match=r"1\.wav \(u1\): its emotion is .*, which is no name"):
        read(tmp_path, ("anna", "angry"), ("ben", name))


def test_names_that_differ_in_more_are_accepted(tmp_path):
    pairs = [
        ("03", "happy"),
        ("08", "happiness"),
        ("10", "neu"),
        ("1", "neutral"),
        ("100", "sad"),
        ("Ses01F", "sad"),
        ("0", "sad"),
    ]
    selection = read(tmp_path, *pairs, ("Ses01M", "sad"), ("Nancy", "nonetheless"), ("1.5", "sad"), ("15", "sad"))
    assert len(selection.utterances) == 11


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ("01", "angry", "1", "sad"),
            r"speaker '01' of .*manifest\.csv, line 2 and speaker '1' of .*manifest\.csv, line 3",
        ),
        (("anna", "Sad", "ben", "sad"), r"emotion 'Sad' of .*manifest\.csv, line 2 and emotion 'sad' of .*line 3"),
        (("anna", "sad", "ben", "nan"), r"manifest\.csv, line 3: its emotion is 'nan', which is no name"),
    ],
)
def test_every_reader_is_checked_and_a_table_is_refused_with_the_lines(rows, message, tmp_path):
    for name in ("a", "b", "c"):
        soundfile.write(tmp_path / f"{name}.wav", [0.0, 0.1], 16000)
    first, second = rows[:2], rows[2:]
    lines = [
        f"{name}.wav,{emotion},{speaker}"
        for name, (speaker, emotion) in zip("abc", (first, second, ("2", "joy")), strict=True)
    ]
    (tmp_path / "manifest.csv").write_text("\n".join(["path,label,speaker", *lines]))
    with pytest.raises(ValueError, match=message):
        read_corpus(CORPORA["manifest"], tmp_path)
