"""A corpus of one's own as folders: one folder per emotion, with the sound files anywhere below it."""

from __future__ import annotations

import re
from pathlib import Path

from acrnn.errors import UsageError
from data_prep.corpora.base import Corpus, ReadOptions, Utterance

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3"})


def find_utterances(data_dir: Path, options: ReadOptions) -> list[Utterance]:
    """Every sound file below the emotions' folders; the id is its path below data_dir without the extension.

    Args:
        data_dir: holds <emotion>/…/<file>.wav (or .flac, .ogg, .mp3). Names that begin with a dot are ignored.
        options: speaker_pattern tells the speaker; it is required.

    Raises:
        ValueError: the pattern is missing, is no regular expression with a group, or tells no speaker for a file;
            or a sound file lies outside the emotions' folders.
    """
    pattern = _compile(options.speaker_pattern)
    if not data_dir.is_dir():
        raise ValueError(f"{data_dir}: not a folder; --data-dir must hold one folder per emotion")
    return [_utterance(data_dir, path.relative_to(data_dir), pattern) for path in _sound_files(data_dir)]


def _compile(speaker_pattern: str | None) -> re.Pattern[str]:
    if speaker_pattern is None:
        raise UsageError(
            "--speaker-pattern is missing: without the speakers a network is tested on voices it was trained on, and "
            "its recall says nothing about a new speaker. Give a regular expression whose group is the speaker in a "
            "path such as anger/anna_01.wav: --speaker-pattern '([^/_]+)_'"
        )
    try:
        pattern = re.compile(speaker_pattern)
    except re.error as error:
        raise ValueError(f"--speaker-pattern {speaker_pattern!r}: not a regular expression ({error})") from error
    if pattern.groups == 0:
        raise ValueError(
            f"--speaker-pattern {speaker_pattern!r}: no group; put parentheses around the speaker, as in '([^/_]+)_'"
        )
    return pattern


def _sound_files(data_dir: Path) -> list[Path]:
    found = []
    for entry in sorted(data_dir.iterdir()):
        if _is_sound_file(entry.relative_to(data_dir)) and entry.is_file():
            raise ValueError(f"{entry}: lies in no emotion's folder; move it into {data_dir}/<emotion>/")
        # Each folder by itself: rglob on data_dir would pass over an emotion's folder that is a symbolic link.
        paths = entry.rglob("*") if entry.is_dir() else ()
        found += [path for path in paths if _is_sound_file(path.relative_to(data_dir)) and path.is_file()]
    return sorted(found)


def _is_sound_file(relative: Path) -> bool:
    # Hidden names are resource forks of a Mac ("._anna_01.wav") and the caches of tools.
    return relative.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in relative.parts)


def _utterance(data_dir: Path, relative: Path, pattern: re.Pattern[str]) -> Utterance:
    match = pattern.search(relative.as_posix())
    speaker = match and match[1]
    if not speaker:
        raise ValueError(
            f"{data_dir / relative}: --speaker-pattern {pattern.pattern!r} finds no speaker in {relative.as_posix()!r}"
            "; correct the pattern, or rename the file"
        )
    return Utterance(
        id=relative.with_suffix("").as_posix(),
        path=data_dir / relative,
        speaker=speaker,
        session=speaker,
        emotion=relative.parts[0],
    )


CORPUS = Corpus(
    name="folder",
    title="sound files in one folder per emotion",
    version="one's own",
    licence="that of the data in the folders",
    citation="that of the data in the folders",
    homepage="none: the data are one's own",
    find_utterances=find_utterances,
    accepts=frozenset({"labels", "speaker_pattern"}),
)
