"""Settings, runs and results without any training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from acrnn.crossval.results import Results
from acrnn.crossval.run import Run
from acrnn.crossval.settings import Settings
from acrnn.crossval.summary import summarize
from acrnn.training.estimator import Epoch

EMODB = {"name": "emodb", "subset": "all", "complete": True}


def settings_of(**fields) -> Settings:
    """Settings of the 3-D ACRNN on the whole of Emo-DB, with other JSON fields as given."""
    defaults = {
        "corpus": EMODB,
        "records_sha256": "",
        "labels": ("a", "b"),
        "frontend": {},
        "segments": {},
        "model": "chen2018-3d",
        "network": {},
        "recipe": {},
        "protocol": "leave-one-speaker-out",
        "split_sha256": "",
    }
    settings = {**defaults, **fields}
    return Settings.from_dict({**settings, "network": {"num_classes": len(settings["labels"]), **settings["network"]}})


def run_of(
    fold: int = 0,
    fold_name: str = "speaker a",
    curve: Sequence[float] = (0.5,),
    best_epoch: int = 1,
    labels: Sequence[int] = (0, 1),
    probabilities: Sequence[Sequence[float]] = ((1, 0), (0, 1)),
) -> Run:
    """A run; its learning curve has these validation UARs."""
    return Run(
        fold=fold,
        fold_name=fold_name,
        seed=0,
        train_speakers=["c"],
        validation_speakers=["b"],
        test_speakers=["a"],
        best_epoch=best_epoch,
        curve=tuple(Epoch(number, 1.0, 1.0, uar, 1.0) for number, uar in enumerate(curve, start=1)),
        utterances=[f"{fold}-{number}" for number in range(len(labels))],
        speakers=["a"] * len(labels),
        labels=list(labels),
        probabilities=[list(row) for row in probabilities],
        attention=(),
        seconds=1.0,
        settings_sha256="",
        versions={},
    )


def results_of(runs: Sequence[Run], planned_folds: int = 1, **fields) -> Results:
    """Results of some runs; the other fields are those of `settings_of`."""
    settings = settings_of(**fields)
    return Results(settings, planned_folds, ({},), summarize(runs, settings.labels, planned_folds), tuple(runs))


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and modification time of every file in a folder, by path."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}
