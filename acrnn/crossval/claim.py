"""The claim of an experiment to its output folder: other settings are refused, processes of the same experiment share it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from acrnn import files
from acrnn.crossval.results import EXPERIMENT
from acrnn.crossval.run import RUNS
from acrnn.folds import Fold, split_sha256
from acrnn.output import lock

SPLIT = "split.json"


@contextmanager
def claimed(
    output_dir: Path, description: Mapping, folds: Sequence[Fold] | None = None, is_shared: bool = False
) -> Iterator[None]:
    """Claims a folder for an experiment until the block ends.

    Writes the description and the split, and removes temporary files and locks of killed processes. A folder that another experiment
    claimed is free again when it has no run and no process works in it.

    Args:
        output_dir: folder of the experiment, made if it does not exist.
        description: content of experiment.json: a JSON object with the key "settings".
        folds: folds for split.json; None writes no such file.
        is_shared: other processes may work on the same experiment meanwhile.

    Raises:
        FolderInUseError: another process works here, on an experiment with other settings or one that is not shared.
        ValueError: the folder holds runs of an experiment with other settings, or a file in it is damaged.
        OSError: the folder cannot be written.
    """

    def claim(others: list[str]) -> None:
        if others and not is_shared:
            raise lock.FolderInUseError(lock.in_use(output_dir, others[0]))
        files.make_folder(output_dir / RUNS)
        _write_description(output_dir, description, others)
        if folds is not None:
            _write_split(output_dir / SPLIT, folds)
        if not others:
            files.remove_partial(output_dir)
            files.remove_partial(output_dir / RUNS)
            lock.remove_left(output_dir / RUNS)

    with lock.shared(output_dir, claim):
        yield


def _write_description(output_dir: Path, description: Mapping, others: Sequence[str]) -> None:
    path = output_dir / EXPERIMENT
    has_runs = any((output_dir / RUNS).glob("fold*_seed*.json"))
    if path.exists() and (has_runs or others):
        changed = files.differences(settings_at(path), description["settings"])
        if changed and others:
            raise lock.FolderInUseError(
                f"{output_dir}: {others[0]} works here on another experiment ({'; '.join(changed)}); "
                "choose another output folder"
            )
        if changed:
            raise ValueError(
                f"{output_dir}: holds another experiment ({'; '.join(changed)}); "
                f"choose another output folder or repeat its settings{_records_hint(changed)}"
            )
        return
    (output_dir / SPLIT).unlink(missing_ok=True)  # of an experiment without runs
    files.write_sealed_json(path, dict(description))


def settings_at(path: Path) -> dict:
    """Returns the settings in an experiment.json.

    Raises:
        ValueError: the file is damaged.
    """
    return files.read_sealed_json(path, "choose another output folder, or delete this one to begin anew").get(
        "settings", {}
    )


def _records_hint(changed: Sequence[str]) -> str:
    """Returns the remedy for records that differ from those of the experiment by rounding errors; empty for other differences."""
    if len(changed) != 1 or not changed[0].startswith("records_sha256"):
        return ""
    return (
        "; if the records come from the same recordings by the same options, their features differ by rounding errors of another "
        "kind of processor: prepare them again with the environment variable OPENBLAS_CORETYPE=Haswell, or SkylakeX if the "
        "experiment began on a processor with AVX-512"
    )


def _write_split(path: Path, folds: Sequence[Fold]) -> None:
    if path.exists():
        check_split(path, split_sha256(folds))
    else:
        files.write_json(path, [fold.to_dict() for fold in folds])


def check_split(path: Path, sha256: str) -> None:
    """Compares a split.json with the hash of the split in the settings of its experiment.

    Raises:
        ValueError: the file is damaged.
    """
    _read_split(path, sha256)


def train_ids(folder: Path, sha256: str, fold: int) -> list[str]:
    """Returns the ids of the training utterances of a fold, from the split.json of its experiment.

    Args:
        folder: output folder of the experiment.
        sha256: hash of the split in its settings.
        fold: number of the fold.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged.
    """
    return _read_split(folder / SPLIT, sha256)[fold]["train"]


def _read_split(path: Path, sha256: str) -> list[dict]:
    remedy = "delete it and give the command of the experiment again"
    folds = files.read_json(path, remedy)
    if files.sha256_of_json(folds) != sha256:
        raise ValueError(f"{path}: damaged or changed by hand, it is not the split of the experiment; {remedy}")
    return folds
