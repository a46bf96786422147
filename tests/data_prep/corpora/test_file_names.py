"""Patterns of file names: which names they match, their fields, and wrong patterns."""

from __future__ import annotations

import pytest
from support.corpus_trees import write_noise

from data_prep.corpora.file_names import compile_pattern, sound_files, without_copies


def fields(pattern, path, **codes):
    match = compile_pattern(pattern, codes).fullmatch(path)
    return match and match.groupdict()


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("{speaker}_{emotion}.wav", "anna_anger.wav", {"speaker": "anna", "emotion": "anger"}),
        (
            "{speaker}_{emotion}.wav",
            "2020/take 1/Jürgen B-anna_joy.WAV",
            {"speaker": "Jürgen B-anna", "emotion": "joy"},
        ),
        ("{speaker}_{emotion}", "anna_joy.flac", {"speaker": "anna", "emotion": "joy"}),
        ("{emotion}/{speaker}_{n}", "x/joy/anna_1.wav", {"emotion": "joy", "speaker": "anna", "n": "1"}),
        (r"{speaker:\d{2}}{emotion:[A-Z]}{version}", "03Fa.wav", {"speaker": "03", "emotion": "F", "version": "a"}),
        ("{speaker}/{emotion}/{speaker}_{n}", "a/joy/a_1.wav", {"speaker": "a", "emotion": "joy", "n": "1"}),
        ("{speaker:.+}_{emotion}.wav", "x/anna_maria_joy.wav", {"speaker": "anna_maria", "emotion": "joy"}),
        ("({speaker}) {emotion}+", "(anna) joy+.wav", {"speaker": "anna", "emotion": "joy"}),
    ],
)
def test_a_name_that_fits_gives_the_fields(pattern, path, expected):
    assert fields(pattern, path) == expected


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("{speaker}_{emotion}.wav", "anna_anger.flac"),
        ("{speaker}_{emotion}.wav", "anna_1_anger.wav"),  # a part too many
        ("{speaker}_{emotion}.wav", "_anger.wav"),
        ("{speaker}_{emotion}.wav", "anger.wav"),
        ("{speaker}_{emotion}", "anna_joy"),
        ("{speaker}_{emotion}", "anna_joy.2.wav"),
        ("x{speaker}_{emotion}", "yx1_joy.wav"),  # a name is matched from its first letter
        ("{speaker}/{emotion}/{speaker}_{n}", "a/joy/b_1.wav"),
        (r"{speaker:\d\d}_{emotion}", "1_joy.wav"),
        ("{a}.{b}", "axb.wav"),
    ],
)
def test_a_name_that_does_not_fit_is_not_matched(pattern, path):
    assert fields(pattern, path) is None


def test_the_codes_of_a_field_bound_it_and_the_longest_counts():
    codes = ["s", "sa", "a"]
    assert fields("{emotion}{n}", "sa1.wav", emotion=codes) == {"emotion": "sa", "n": "1"}
    assert fields("{emotion}{n}", "sx1.wav", emotion=codes) == {"emotion": "s", "n": "x1"}
    assert fields("{emotion}{n}", "x1.wav", emotion=codes) is None


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{speaker", "a brace has no other"),
        ("speaker}", "a brace has no other"),
        ("{}_{emotion}", "'' is not a name of a field; write names such as {speaker} in braces"),
        ("{speaker.name}", "'speaker.name' is not a name of a field"),
        (
            "{speaker}{emotion}",
            r"nothing separates the field 'speaker' from the next; put .*: \{speaker:\.\.\} for two characters",
        ),
        ("{speaker:(}_{emotion}", "not a regular expression .*unterminated"),
    ],
)
def test_a_wrong_pattern_is_refused_with_the_remedy(pattern, message):
    with pytest.raises(ValueError, match=message):
        compile_pattern(pattern)


def test_sound_files_are_found_at_any_depth_without_hidden_ones(tmp_path):
    for name in ("b.wav", "x/y/a.FLAC", "._b.wav", ".cache/c.wav", "x/._a.flac"):
        write_noise(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no sound")
    (tmp_path / "folder.wav").mkdir()
    assert [path.relative_to(tmp_path).as_posix() for path in sound_files(tmp_path)] == ["b.wav", "x/y/a.FLAC"]


def test_of_equal_files_with_one_id_the_one_at_the_least_depth_stays(tmp_path):
    paths = [write_noise(tmp_path / name) for name in ("a/a/1.wav", "b/1.wav", "b/2.wav")]
    other = write_noise(tmp_path / "c" / "1.wav", seed=1)
    assert without_copies({path: path.stem for path in [*paths, other]}) == [paths[1], paths[2], other]
