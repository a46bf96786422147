"""Results of runs: one file a (fold, seed), written when it is done, and their summary over folds and seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from acrnn import files, metrics


@dataclass(frozen=True)
class Run:
    """What one fold and seed gave.

    Attributes:
        fold, fold_name, seed: which.
        train_speakers, validation_speakers, test_speakers: who was where.
        best_epoch, curve: from `training.Fit`.
        utterances, speakers, labels, probabilities: of the test part, in the same order; probabilities in class order.
        attention: for some test utterances, attention weights by segment: {"utterance", "weights": [[…], …]}.
        seconds: wall time of the run.
        settings_sha256: of the experiment's settings; a run belongs to no other experiment.
        versions: of what computed it.
        by_pooling: predictions of the test part by each way of pooling segments, the recipe's among them; empty in files
            that an earlier version wrote.
        peak_memory_mib: the most that the process had held when the run was done, those before it included; None where
            the system does not tell, and in files that an earlier version wrote.
    """

    fold: int
    fold_name: str
    seed: int
    train_speakers: list[str]
    validation_speakers: list[str]
    test_speakers: list[str]
    best_epoch: int
    curve: list[dict]
    utterances: list[str]
    speakers: list[str]
    labels: list[int]
    probabilities: list[list[float]]
    attention: list[dict]
    seconds: float
    settings_sha256: str
    versions: dict[str, str]
    by_pooling: dict[str, list[int]] = field(default_factory=dict)
    peak_memory_mib: int | None = None

    @property
    def predictions(self) -> np.ndarray:
        return np.argmax(self.probabilities, axis=1)

    def confusion(self, num_classes: int) -> np.ndarray:
        return metrics.confusion(np.array(self.labels), self.predictions, num_classes)


def run_path(folder: Path, fold: int, seed: int) -> Path:
    """Where the result of a fold and seed lies."""
    return folder / "runs" / f"fold{fold:02d}_seed{seed}.json"


def write_run(folder: Path, run: Run) -> None:
    """Writes a run's result, atomically, with a checksum of its content."""
    files.write_sealed_json(run_path(folder, run.fold, run.seed), asdict(run))


def read_run(path: Path) -> Run:
    """A run's result.

    Raises:
        ValueError: the file is damaged or was changed; the message says to delete it.
    """
    remedy = "delete it and give the same command again: only this fold and seed is repeated"
    values = files.read_sealed_json(path, remedy)
    try:
        run = Run(**values)
    except TypeError as error:
        raise ValueError(f"{path}: written by another version ({error}); {remedy}") from error
    if path != run_path(path.parent.parent, run.fold, run.seed):
        raise ValueError(f"{path}: holds fold {run.fold}, seed {run.seed}; {remedy}")
    return run


def summarize(runs: Sequence[Run], labels: Sequence[str], planned_folds: int) -> dict:
    """Overall figures of some runs, over folds and seeds.

    Folds and seeds are kept apart: a fold is averaged over its seeds first, so every fold counts once even while some
    seeds are still missing. `uar_fold_std` is the spread between folds, `uar_seed_std` the spread of the fold mean
    between the seeds that have all folds (None for fewer than two).

    Args:
        runs: at least one.
        labels: emotions in class order.
        planned_folds: folds of the whole protocol.
    """
    count = len(labels)
    confusions = {(run.fold, run.seed): run.confusion(count) for run in runs}
    folds, seeds = sorted({run.fold for run in runs}), sorted({run.seed for run in runs})
    by_fold = [np.mean([confusions[key] for key in confusions if key[0] == fold], axis=0) for fold in folds]
    fold_uars = np.array([np.mean([metrics.uar(confusions[key]) for key in confusions if key[0] == f]) for f in folds])
    by_seed = [[metrics.uar(confusions[key]) for key in confusions if key[1] == seed] for seed in seeds]
    seed_means = [np.mean(uars) for uars in by_seed if len(uars) == len(folds)]
    by_speaker = speaker_confusions(runs, count)
    return {
        "uar_fold_mean": float(fold_uars.mean()),
        "uar_fold_std": float(fold_uars.std(ddof=1)) if len(folds) > 1 else None,
        "uar_fold_mean_interval": metrics.mean_interval(fold_uars),
        "uar_seed_std": float(np.std(seed_means, ddof=1)) if len(seed_means) > 1 else None,
        "uar_pooled": float(metrics.uar(sum(by_fold))),
        "uar_pooled_interval": metrics.interval(metrics.uar, np.array(list(by_speaker.values()))),
        "wa": metrics.wa(sum(by_fold)),
        "confusion": sum(confusions.values()).tolist(),
        "per_class": metrics.per_class(sum(by_fold), labels),
        "per_speaker": [
            {"speaker": speaker, "uar": float(metrics.uar(counts)), "utterances": round(float(counts.sum()))}
            for speaker, counts in by_speaker.items()
        ],
        "coverage": {
            "folds": len(folds),
            "seeds": len(seeds),
            "runs": len(runs),
            "planned": planned_folds * len(seeds),
        },
        "seconds": round(sum(run.seconds for run in runs), 1),
    }


def speaker_confusions(runs: Iterable[Run], num_classes: int) -> dict[str, np.ndarray]:
    """Confusion counts of each test speaker, averaged over the seeds that tested him or her."""
    counts: dict[tuple[str, int], np.ndarray] = {}
    for run in runs:
        for speaker, label, prediction in zip(run.speakers, run.labels, run.predictions, strict=True):
            of_seed = counts.setdefault((speaker, run.seed), np.zeros((num_classes, num_classes)))
            of_seed[label, prediction] += 1
    speakers = sorted({speaker for speaker, _ in counts})
    return {s: np.mean([counts[key] for key in counts if key[0] == s], axis=0) for s in speakers}
