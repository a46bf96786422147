"""Sound files in one folder per emotion, or with the emotion in their names: the simplest forms of your own corpus.

Licence, citation and counts are those of your data; the manifest of the records does not state them. With one folder per emotion,
a regular expression, `speaker_pattern`, finds the speaker in the path of each file. Without, a pattern with named fields,
`file_pattern`, finds both in the file name; see `file_names.py`. There are no transcripts; for these, see `manifest.py`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from acrnn import audio
from acrnn.errors import FieldError
from data_prep.corpora.base import Corpus, ReadOptions, Utterance
from data_prep.corpora.file_names import compile_pattern, listed, sound_files, warn_of_unmatched


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Returns an utterance for each sound file; its id is the path relative to data_dir without the extension.

    Args:
        data_dir: folder with <emotion>/…/<file>.wav (or another of `audio.readable_suffixes`), or with any folders if the names of
            the files state the emotion. Names that begin with a dot are ignored.
        options: with `speaker_pattern` or `file_pattern`; `skip_bad` leaves out files that `file_pattern` does not match.

    Raises:
        FieldError: the pattern is missing or wrong, or does not match the path of a file; or every folder has one speaker of
            its own, so that the folders seem to be speakers.
        ValueError: data_dir is not a folder, or a sound file lies outside the folders of the emotions.
    """
    if options.file_pattern is not None:
        return _by_file_names(data_dir, options.file_pattern, options)
    pattern = _compile(options.speaker_pattern)
    if not data_dir.is_dir():
        raise ValueError(f"{data_dir}: not a folder; name a folder with one folder per emotion")
    utterances = [_utterance(data_dir, path.relative_to(data_dir), pattern) for path in _sound_files(data_dir)]
    _refuse_folders_of_speakers(utterances, pattern)
    return utterances


def _refuse_folders_of_speakers(utterances: Sequence[Utterance], pattern: re.Pattern[str]) -> None:
    pairs = sorted({(utterance.emotion, utterance.speaker) for utterance in utterances})
    emotions, speakers = ({pair[position] for pair in pairs} for position in (0, 1))
    if len(pairs) > 1 and len(pairs) == len(emotions) == len(speakers):
        (first, speaker), (second, other) = pairs[:2]
        raise FieldError(
            "speaker_pattern",
            _quoted(pattern.pattern),
            f"every folder has one speaker of its own ({first}: {speaker!r}, {second}: {other!r}), so that emotions cannot be "
            "told from voices; if the folders are the speakers, list the files in a table with path, label and speaker for the "
            "corpus 'manifest', or sort them into one folder per emotion",
        )


def _by_file_names(data_dir: Path, text: str, options: ReadOptions) -> list[Utterance]:
    pattern = _compile_file_pattern(text)
    if options.speaker_pattern is not None:
        raise FieldError(
            "speaker_pattern", _quoted(options.speaker_pattern), "the file pattern states the speaker; leave one out"
        )
    matches = {path: pattern.fullmatch(path.relative_to(data_dir).as_posix()) for path in sound_files(data_dir)}
    unmatched = [path for path, match in matches.items() if not match]
    if unmatched and not options.skip_bad:
        raise FieldError(
            "file_pattern",
            _quoted(text),
            f"does not match {len(unmatched)} of {len(matches)} sound files in {data_dir}: {listed(data_dir, unmatched)}; "
            "correct the pattern, or leave the files out with the option skip_bad",
        )
    warn_of_unmatched(data_dir, unmatched)
    return [_named(data_dir, path, match) for path, match in matches.items() if match]


def _compile_file_pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = compile_pattern(text)
    except ValueError as error:
        raise FieldError("file_pattern", _quoted(text), str(error)) from error
    if missing := {"speaker", "emotion"} - set(pattern.groupindex):
        example = "'{speaker}_{emotion}_{take}.wav'"
        raise FieldError(
            "file_pattern", _quoted(text), f"no field {' and '.join(sorted(missing))}; write it as in {example}"
        )
    return pattern


def _named(data_dir: Path, path: Path, match: re.Match[str]) -> Utterance:
    return Utterance(
        id=path.relative_to(data_dir).with_suffix("").as_posix(),
        path=path,
        speaker=match["speaker"],
        session=match.groupdict().get("session", match["speaker"]),
        emotion=match["emotion"],
    )


def _compile(speaker_pattern: str | None) -> re.Pattern[str]:
    if speaker_pattern is None:
        raise FieldError(
            "speaker_pattern",
            "",
            "it is missing. Without speakers, a network would be tested on voices from its training set, and its recall "
            "would not hold for new speakers. Give a regular expression with the speaker as its group; for paths such as "
            "anger/anna_01.wav, '([^/_]+)_'",
        )
    try:
        pattern = re.compile(speaker_pattern)
    except re.error as error:
        raise FieldError("speaker_pattern", _quoted(speaker_pattern), f"not a regular expression ({error})") from error
    if pattern.groups == 0:
        raise FieldError(
            "speaker_pattern",
            _quoted(speaker_pattern),
            "no group; put parentheses around the speaker, as in '([^/_]+)_'",
        )
    return pattern


def _quoted(pattern: str) -> str:
    """A pattern as it was typed: `repr` doubles its backslashes."""
    return f"'{pattern}'"


def _sound_files(data_dir: Path) -> list[Path]:
    paths = audio.sound_files(data_dir)
    for path in paths:
        if path.parent == data_dir:
            raise ValueError(
                f"{path}: lies in no emotion's folder; move it into {data_dir}/<emotion>/, or give the pattern of the file "
                "names with the option file_pattern"
            )
    if others := audio.left_out(data_dir):
        warnings.warn(f"{data_dir}: left out, by their extensions: {others}", stacklevel=3)
    return paths


def _utterance(data_dir: Path, relative: Path, pattern: re.Pattern[str]) -> Utterance:
    match = pattern.search(relative.as_posix())
    speaker = match and match[1]
    if not speaker:
        problem = f"finds no speaker in {relative.as_posix()!r}; correct the pattern, or rename {data_dir / relative}"
        raise FieldError("speaker_pattern", _quoted(pattern.pattern), problem)
    return Utterance(
        id=relative.with_suffix("").as_posix(),
        path=data_dir / relative,
        speaker=speaker,
        session=speaker,
        emotion=relative.parts[0],
    )


CORPUS = Corpus(
    name="folder",
    title="sound files in one folder per emotion, or with the emotion in their names",
    version="one's own",
    licence="that of the data in the folders",
    citation="that of the data in the folders",
    homepage="none: the data are one's own",
    find_utterances=find_utterances,
    accepts=frozenset({"labels", "speaker_pattern", "file_pattern", "name", "licence", "citation"}),
)
