"""Sound files in folders, and the files there that are not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from acrnn.audio import media
from acrnn.audio.kinds import CONTAINERS, DEMUXERS


def readable_suffixes() -> frozenset[str]:
    """Returns the suffixes of the sound files that can be read here: fewer where neither PyAV nor ffmpeg is installed."""
    return frozenset(CONTAINERS | DEMUXERS if media.is_installed() else CONTAINERS)


def sound_files(folder: str | Path) -> list[Path]:
    """Returns the sound files in a folder and its subfolders, sorted by path.

    Names that begin with a dot are skipped: they are resource forks of macOS ("._a.wav") and caches of tools.

    Raises:
        FileNotFoundError: the folder does not exist or holds no sound file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; check the path")
    suffixes = readable_suffixes()
    paths = sorted(path for path in visible_files(folder) if path.suffix.lower() in suffixes)
    if not paths:
        others = f"; {text}" if (text := left_out(folder)) else ""
        raise FileNotFoundError(
            f"{folder}: no sound file in it ({', '.join(sorted(suffixes))}){others}; check the path"
        )
    return paths


def left_out(folder: str | Path) -> str:
    """Describes the files in a folder and its subfolders that are not read: "2 .m4a, 1 .txt"; "" if there are none.

    Sound files that need a decoder which is not installed are named with the remedy.
    """
    suffixes = readable_suffixes()
    kinds = Counter(
        path.suffix.lower() or path.name for path in visible_files(Path(folder)) if path.suffix.lower() not in suffixes
    )
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    undecoded = ", ".join(sorted(kinds.keys() & DEMUXERS.keys()))
    return f"{counted} (to read {undecoded}, {media.REMEDY})" if undecoded else counted


def visible_files(folder: Path) -> Iterator[Path]:
    """Yields the files and broken links in a folder and its subfolders, without those with a hidden name or folder."""
    for entry in folder.iterdir():
        # each folder separately, since rglob on the whole would skip a folder that is a symbolic link
        for path in entry.rglob("*") if entry.is_dir() else (entry,):
            is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if not is_hidden and not path.is_dir():  # also broken links, which are refused by name
                yield path
