"""Sound files in folders, and the files there that are not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# Containers that libsndfile may report for an extension; files with other extensions are not checked.
CONTAINERS = {
    ".wav": {"WAV", "WAVEX", "RF64", "W64", "NIST"},
    ".flac": {"FLAC"},
    ".ogg": {"OGG"},
    ".oga": {"OGG"},
    ".opus": {"OGG"},
    ".mp3": {"MP3", "MPEG"},
    ".aiff": {"AIFF"},
    ".aif": {"AIFF"},
}
SUFFIXES = frozenset(CONTAINERS)


def sound_files(folder: str | Path) -> list[Path]:
    """Returns the sound files in a folder and its subfolders, sorted by path.

    Names that begin with a dot are skipped: they are resource forks of macOS ("._a.wav") and caches of tools.

    Raises:
        FileNotFoundError: the folder does not exist or holds no sound file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; check the path")
    paths = sorted(path for path in _visible_files(folder) if is_sound_file(path))
    if not paths:
        others = f"; {text}" if (text := left_out(folder)) else ""
        raise FileNotFoundError(f"{folder}: no sound file in it ({', '.join(CONTAINERS)}){others}; check the path")
    return paths


def is_sound_file(path: Path) -> bool:
    """True if a name ends like that of a sound file that is read."""
    return path.suffix.lower() in SUFFIXES


def left_out(folder: str | Path) -> str:
    """Describes the files in a folder and its subfolders that are not read: "2 .m4a, 1 .txt"; "" if there are none."""
    kinds = Counter(
        path.suffix.lower() or path.name for path in _visible_files(Path(folder)) if not is_sound_file(path)
    )
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))


def _visible_files(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        # each folder separately, since rglob on the whole would skip a folder that is a symbolic link
        for path in entry.rglob("*") if entry.is_dir() else (entry,):
            is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if not is_hidden and not path.is_dir():  # also broken links, which are refused by name
                yield path
