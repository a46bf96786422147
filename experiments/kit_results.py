"""The results that a kit brings back: checked, then added to a folder; nothing there is overwritten."""

from __future__ import annotations

import re
import tarfile
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from acrnn import files
from acrnn.crossval.claim import SPLIT, check_split, claimed
from acrnn.crossval.results import EXPERIMENT, collect_results, read_experiment, write_results
from acrnn.crossval.run import RUNS
from acrnn.errors import FileError
from acrnn.reading import check_regular, foreign_errors
from acrnn.reports.tables import summary

KIT = "kit.json"
_COPY = "copy it again from the machine, where run.sh writes it"
_FILE = re.compile(rf"(?:[\w+@=,-][\w.+@=,-]*/)*(?:{EXPERIMENT}|{SPLIT}|{RUNS}/fold\d+_seed\d+\.json)", re.ASCII)


def collect(archive: Path, output_dir: Path) -> Iterator[str]:
    """Adds the results in an archive to a folder; everything is checked before the first file is written.

    Args:
        archive: results.tar of a kit.
        output_dir: folder of the experiment, or of the study.

    Yields:
        Two texts for each experiment: the number of its runs that were added, and the summary of its results.

    Raises:
        ValueError: the archive is damaged, holds something else, or disagrees with the results in the folder.
    """
    with tempfile.TemporaryDirectory() as temporary:
        _extract(archive, Path(temporary))
        kit = files.read_sealed_json(Path(temporary, KIT), _COPY)
        folders = sorted({path.parent.parent for path in Path(temporary).rglob(f"{RUNS}/*.json")})
        if not folders:
            raise FileError(f"{archive}: no run is finished in it; give the command run.sh again there")
        targets = {folder: output_dir / folder.relative_to(temporary) for folder in folders}
        with foreign_errors(archive, "not the results of a kit", _COPY):
            added = {folder: _new_runs(folder, target, kit["records"]) for folder, target in targets.items()}
        for folder, target in targets.items():
            yield from _add(folder, target, added[folder])


def _extract(archive: Path, folder: Path) -> None:
    """Extracts the results files of an archive; any other entry is refused."""
    check_regular(archive, _COPY)
    with foreign_errors(archive, "damaged or no archive of results", _COPY), tarfile.open(archive, "r:") as entries:
        for entry in entries:
            is_plain = entry.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
            if not is_plain or not (entry.name == KIT or _FILE.fullmatch(entry.name)):
                raise FileError(f"{archive}: {entry.name!r} is no results file of a kit; {_COPY}")
            content = entries.extractfile(entry)
            path = folder / entry.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read() if content else b"")


def _new_runs(folder: Path, target: Path, records: Mapping[str, str]) -> list[Path]:
    """Returns the runs that the target lacks, after the experiment is checked and compared with that of the target."""
    settings, _ = read_experiment(folder)
    if settings.records_sha256 not in records.values():
        raise FileError(f"{folder.name}: an experiment on other records than those of the kit; {_COPY}")
    check_split(folder / SPLIT, settings.split_sha256)
    collect_results(folder)  # reads every run and compares it with the settings
    runs = sorted((folder / RUNS).iterdir())
    if (target / EXPERIMENT).exists() and any((target / RUNS).glob("*.json")):
        earlier = read_experiment(target)[0]
        if changed := files.differences(earlier.to_dict(), settings.to_dict()):
            raise FileError(f"{target}: holds another experiment ({'; '.join(changed)}); choose another folder")
    return _without_equal(runs, target / RUNS)


def _without_equal(runs: Collection[Path], there: Path) -> list[Path]:
    """Returns the runs that do not exist there; one that exists with another content is refused."""
    existing = [run for run in runs if (there / run.name).exists()]
    if others := [run.name for run in existing if run.read_bytes() != (there / run.name).read_bytes()]:
        raise FileError(f"{there / others[0]}: there already, with other numbers; choose another folder, or delete it")
    return [run for run in runs if run not in existing]


def _add(folder: Path, target: Path, runs: Collection[Path]) -> Iterator[str]:
    """Copies runs into the folder of their experiment and writes its results."""
    description = files.read_sealed_json(folder / EXPERIMENT, _COPY)
    with claimed(target, description):
        for source in (folder / SPLIT, *runs):
            path = target / source.relative_to(folder)
            if not path.exists():
                files.write_text(path, source.read_text(encoding="utf-8"))
        results = write_results(target)
    yield f"{target}: {len(runs)} runs added, {len(results.runs) - len(runs)} were there"
    yield summary(results)
