r"""File names that state the speaker and the emotion: patterns with named fields, and the reader of such a corpus.

A pattern describes the end of a path: "{speaker}_{sentence}_{emotion}.wav". A field in braces stands for text without a slash
and without the characters beside the field in the pattern; {number:\d+} stands for what its regular expression matches. A field
that occurs twice has the same text both times. A pattern without an extension matches every kind of sound file.
"""

from __future__ import annotations

import filecmp
import re
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from string import Formatter

from acrnn import audio
from data_prep.corpora.base import ReadOptions, Subset, Utterance
from data_prep.corpora.emodb import EMOTIONS as EMODB

_LISTED = 10  # files in a message


def compile_pattern(pattern: str, codes: Mapping[str, Iterable[str]] = {}) -> re.Pattern[str]:
    """Returns the regular expression of a pattern, to be matched in full with a relative path with slashes.

    Args:
        pattern: pattern of file names, as described above.
        codes: the texts that a field without an expression can have, by the name of the field.

    Raises:
        ValueError: a brace is missing, a name or an expression is wrong, or nothing separates two fields.
    """
    suffix = PurePath(pattern).suffix
    suffix = suffix if suffix.lower() in audio.SUFFIXES else ""
    extension = f"(?i:{re.escape(suffix)})" if suffix else r"\.[^./]+"
    try:
        parts = list(Formatter().parse(pattern.removesuffix(suffix)))
    except ValueError as error:
        raise ValueError("a brace has no other; write {speaker} for a field, and a brace itself twice") from error
    expression = _expression(parts, codes)
    try:
        return re.compile(f"(?:.*/)?{expression}{extension}")
    except re.error as error:
        raise ValueError(f"an expression in it is not a regular expression ({error})") from error


def _expression(parts: Sequence[tuple], codes: Mapping[str, Iterable[str]]) -> str:
    expression, names = "", set()
    for (literal, name, own, conversion), (following, *_) in zip(parts, [*parts[1:], (".",)], strict=True):
        expression += re.escape(literal)
        if name is None:
            continue
        if not name.isidentifier() or conversion:
            raise ValueError(f"{name!r} is not a name of a field; write names such as {{speaker}} in braces")
        if name in names:
            expression += f"(?P={name})"
        elif own or name in codes:
            expression += f"(?P<{name}>{own or _one_of(codes[name])})"
        elif not following:
            raise ValueError(
                f"nothing separates the field {name!r} from the next; put a character between them, or say by a regular expression "
                f"what belongs to it: {{{name}:..}} for two characters"
            )
        else:
            expression += f"(?P<{name}>[^{re.escape('/' + literal[-1:] + following[0])}]+)"
        names.add(name)
    return expression


def _one_of(texts: Iterable[str]) -> str:
    return "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))


def sound_files(data_dir: Path, suffixes: Collection[str] | None = None) -> list[Path]:
    """Returns the sound files at any depth below a folder, sorted, without those with a hidden name or folder.

    Hidden names are resource forks from macOS ("._anna_01.wav") and caches of tools.

    Args:
        data_dir: the folder.
        suffixes: suffixes of sound files; None for all that can be read here.

    Raises:
        ValueError: data_dir is not a folder.
    """
    if not data_dir.is_dir():
        raise ValueError(f"{data_dir}: not a folder; name the folder with the sound files")
    suffixes = audio.readable_suffixes() if suffixes is None else suffixes
    return sorted(path for path in audio.visible_files(data_dir) if path.suffix.lower() in suffixes and path.is_file())


def without_copies(ids: Mapping[Path, str]) -> list[Path]:
    """Returns the files without those that have the id and the bytes of another; of these, the one at the least depth stays.

    Args:
        ids: id of the utterance, by file.
    """
    first: dict[str, Path] = {}
    kept = []
    for path in sorted(ids, key=lambda path: (len(path.parts), path)):
        other = first.setdefault(ids[path], path)
        if other is path or not filecmp.cmp(path, other, shallow=False):
            kept.append(path)
    return sorted(kept)


def listed(data_dir: Path, paths: Sequence[Path]) -> str:
    """Returns the names of files for a message: the first ones, and the number of the others."""
    names = [path.relative_to(data_dir).as_posix() for path in paths[:_LISTED]]
    more = f" and {len(paths) - _LISTED} others" if len(paths) > _LISTED else ""
    return ", ".join(names) + more


def warn_of_unmatched(data_dir: Path, paths: Sequence[Path]) -> None:
    """Warns of sound files that are left out, since no pattern matches them, and lists them all."""
    if paths:
        names = "\n".join(f"  {path.relative_to(data_dir).as_posix()}" for path in paths)
        warnings.warn(f"{data_dir}: left out {len(paths)} sound files with other names:\n{names}", stacklevel=3)


def subsets_of(counts: Mapping[str, int]) -> dict[str, Subset]:
    """Returns the subsets "all" and "emodb-6", the emotions that Emo-DB has as well, of the published counts by emotion."""
    shared = {emotion: count for emotion, count in counts.items() if emotion in EMODB.values()}
    return {"all": Subset(tuple(counts), counts), "emodb-6": Subset(tuple(shared), shared)}


@dataclass(frozen=True)
class FileNames:
    """File names of a published corpus; its method `find_utterances` is the reader of the corpus.

    Attributes:
        patterns: one for each layout of the release; the first that matches a file counts. They have the fields speaker and
            emotion.
        example: a file name, for messages.
        meanings: code in the name → meaning, by field; a field without an entry means its text.
        id: id of an utterance, with the texts of fields in braces.
        text: transcript, with the meanings of fields in braces; None for no transcripts.
    """

    patterns: tuple[str, ...]
    example: str
    meanings: Mapping[str, Mapping[str, str]]
    id: str
    text: str | None = None
    _compiled: tuple[re.Pattern[str], ...] = field(init=False, repr=False)

    def __post_init__(self):
        compiled = tuple(compile_pattern(pattern, self.meanings) for pattern in self.patterns)
        object.__setattr__(self, "_compiled", compiled)

    def find_utterances(self, data_dir: Path, options: ReadOptions) -> list[Utterance]:
        """Returns the utterances at any depth below data_dir; a second file with the same name and bytes is left out.

        Args:
            data_dir: folder of the corpus.
            options: with `skip_bad`, sound files with other names are left out with a warning.

        Raises:
            FileNotFoundError: no sound file has a name of the corpus.
            ValueError: a sound file has another name, or data_dir is not a folder.
        """
        found = {path: self._fields(path.relative_to(data_dir)) for path in sound_files(data_dir)}
        matched = {path: fields for path, fields in found.items() if fields}
        if not matched:
            raise FileNotFoundError(
                f"{data_dir}: no sound file such as {self.example} here or in a folder below; unpack the corpus there"
            )
        unmatched = [path for path in found if path not in matched]
        if unmatched and not options.skip_bad:
            raise ValueError(
                f"{data_dir}: {len(unmatched)} sound files have no name such as {self.example}: "
                f"{listed(data_dir, unmatched)}; remove or rename them, or leave them out with the option skip_bad"
            )
        warn_of_unmatched(data_dir, unmatched)
        kept = without_copies({path: self.id.format(**fields) for path, fields in matched.items()})
        return [self._utterance(path, matched[path]) for path in kept]

    def _fields(self, relative: Path) -> dict[str, str] | None:
        matches = (pattern.fullmatch(relative.as_posix()) for pattern in self._compiled)
        return next((match.groupdict() for match in matches if match), None)

    def _utterance(self, path: Path, fields: Mapping[str, str]) -> Utterance:
        meanings = {name: self.meanings.get(name, {}).get(text, text) for name, text in fields.items()}
        return Utterance(
            id=self.id.format(**fields),
            path=path,
            speaker=meanings["speaker"],
            session=meanings["speaker"],
            emotion=meanings["emotion"],
            text=self.text and self.text.format(**meanings),
        )
