"""Results of an experiment: all of its runs with their settings and their summary, read from its folder and written to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from acrnn import files
from acrnn.crossval.run import RUNS, Run, read_run
from acrnn.crossval.settings import Settings
from acrnn.crossval.summary import Overall, summarize
from acrnn.reading import check_fields, check_type, foreign_errors
from acrnn.records import RecordSet

EXPERIMENT, RESULTS = "experiment.json", "results.json"
_FORMAT = "acrnn-results"


@dataclass(frozen=True)
class Results:
    """Results of an experiment, complete or not.

    Attributes:
        settings: settings of the experiment.
        planned_folds: number of folds of the protocol.
        versions: software versions of the runs, each combination once.
        overall: summary over folds and seeds.
        runs: the finished runs.
    """

    settings: Settings
    planned_folds: int
    versions: tuple[Mapping[str, str], ...]
    overall: Overall
    runs: tuple[Run, ...]

    @classmethod
    def from_dict(cls, values: Mapping) -> Results:
        """The results in a JSON object; the summary is computed from its runs.

        Raises:
            ValueError: a value is of another type, or the object holds something else.
            TypeError, KeyError: a field is missing or unknown.
        """
        if values.get("format") != _FORMAT:
            raise ValueError("not a results file of this package")
        check_fields(cls, values, {"settings", "overall", "runs"})
        settings, runs = Settings.from_dict(values["settings"]), tuple(map(Run.from_dict, values["runs"]))
        planned_folds, versions = values["planned_folds"], tuple(values["versions"])
        # Not read from the file: earlier versions wrote other intervals.
        return cls(settings, planned_folds, versions, summarize(runs, settings.labels, planned_folds), runs)

    def to_dict(self) -> dict:
        """The results as a JSON object."""
        return {
            "format": _FORMAT,
            "settings": self.settings.to_dict(),
            "planned_folds": self.planned_folds,
            "versions": list(self.versions),
            "overall": self.overall.to_dict(),
            "runs": [run.to_dict() for run in self.runs],
        }


def read_results(folder: Path) -> Results:
    """Reads results.json of an experiment's folder.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or holds something else.
    """
    path = folder / RESULTS
    if not path.is_file():
        where = "holds no" if folder.is_dir() else "no such folder; it should hold the"
        raise FileNotFoundError(f"{folder}: {where} {RESULTS} of an experiment; choose its folder, or run it first")
    values = files.read_sealed_json(path, "give the command of the experiment again")
    with foreign_errors(path, "not the results of an experiment", "choose the folder of one"):
        return Results.from_dict(values)


def collect_results(folder: Path) -> Results:
    """Results computed from the finished runs of an experiment's folder; writes nothing.

    Raises:
        FileNotFoundError: the folder holds no experiment, or no finished run.
        ValueError: a file in it is damaged.
    """
    settings, planned_folds = read_experiment(folder)
    paths = sorted((folder / RUNS).glob("fold*_seed*.json"))
    if not paths:
        raise FileNotFoundError(f"{folder}: no run is finished yet; give the command of the experiment again")
    runs = tuple(read_run(path) for path in paths)
    settings_sha256 = files.sha256_of_json(settings.to_dict())
    for path, run in zip(paths, runs, strict=True):
        if run.settings_sha256 != settings_sha256:
            raise ValueError(f"{path}: a run of another experiment; move it away, and give the command again")
    versions = tuple(dict(kind) for kind in dict.fromkeys(tuple(run.versions.items()) for run in runs))
    return Results(settings, planned_folds, versions, summarize(runs, settings.labels, planned_folds), runs)


def write_results(folder: Path) -> Results:
    """Collects the results of an experiment's folder, writes them to its results.json and returns them.

    Raises:
        FileNotFoundError, ValueError: see `collect_results`.
    """
    results = collect_results(folder)
    files.write_sealed_json(folder / RESULTS, results.to_dict())
    return results


def read_experiment(folder: Path) -> tuple[Settings, int]:
    """Settings of the experiment of a folder, and its number of folds.

    Raises:
        FileNotFoundError: the folder holds no experiment.
        ValueError: its description is damaged.
    """
    remedy = "choose the folder of an experiment, or delete this one to begin anew"
    path = folder / EXPERIMENT
    values = files.read_sealed_json(path, remedy)
    with foreign_errors(path, "not the description of an experiment", remedy):
        check_type(values["planned_folds"], int, "planned_folds")
        return Settings.from_dict(values["settings"]), values["planned_folds"]


def records_of(settings: Settings, folder: Path) -> RecordSet:
    """Returns the record set of an experiment.

    Args:
        settings: settings of the experiment.
        folder: folder of the records.

    Raises:
        FileNotFoundError: the folder holds no records.
        ValueError: they are damaged, or not those of the experiment.
    """
    record_set = RecordSet(folder)
    if record_set.manifest.content_sha256 != settings.records_sha256:
        raise ValueError(f"{folder}: not the records of the experiment; name the record set that it was run on")
    return record_set
