"""Results of runs: one file a (fold, seed), written when it is done, and their summary over folds and seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
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
    content = asdict(run)
    files.write_json(run_path(folder, run.fold, run.seed), {"sha256": files.sha256_of_json(content), **content}, None)


def read_run(path: Path) -> Run:
    """A run's result.

    Raises:
        ValueError: the file is damaged or was changed; the message says to delete it.
    """
    remedy = "delete it and give the same command again: only this fold and seed is repeated"
    values = files.read_json(path, remedy)
    if not isinstance(values, dict) or values.pop("sha256", None) != files.sha256_of_json(values):
        raise ValueError(f"{path}: damaged or changed by hand, its checksum does not fit; {remedy}")
    try:
        return Run(**values)
    except TypeError as error:
        raise ValueError(f"{path}: written by another version ({error}); {remedy}") from error


def summarise(runs: Sequence[Run], labels: Sequence[str], planned: int) -> dict:
    """Overall figures of some runs, over folds and seeds.

    Folds and seeds are kept apart: a fold's UAR is averaged over its seeds first, so `uar_fold_std` is the spread
    between speakers, and `uar_seed_std` the spread of the whole figure between seeds (None for a single seed).

    Args:
        runs: at least one.
        labels: emotions in class order.
        planned: (fold, seed) pairs of the whole protocol.
    """
    count = len(labels)
    confusions = {(run.fold, run.seed): run.confusion(count) for run in runs}
    folds, seeds = sorted({fold for fold, _ in confusions}), sorted({seed for _, seed in confusions})
    fold_uars = np.array(
        [np.mean([metrics.uar(confusions[f, s]) for f, s in confusions if f == fold]) for fold in folds]
    )
    seed_means = [np.mean([metrics.uar(c) for (_, s), c in confusions.items() if s == seed]) for seed in seeds]
    seed_pooled = [metrics.uar(sum(c for (_, s), c in confusions.items() if s == seed)) for seed in seeds]
    total = sum(confusions.values())
    by_speaker = speaker_confusions(runs, count)
    return {
        "uar_fold_mean": float(fold_uars.mean()),
        "uar_fold_std": float(fold_uars.std(ddof=1)) if len(folds) > 1 else None,
        "uar_fold_mean_interval": metrics.interval(lambda drawn: drawn.mean(axis=1), fold_uars),
        "uar_seed_std": float(np.std(seed_means, ddof=1)) if len(seeds) > 1 else None,
        "uar_pooled": float(np.mean(seed_pooled)),
        "uar_pooled_interval": metrics.interval(
            lambda drawn: metrics.uar(drawn.sum(axis=1)), np.array(list(by_speaker.values()))
        ),
        "wa": metrics.wa(total),
        "confusion": total.tolist(),
        "per_class": metrics.per_class(total, labels),
        "per_speaker": [
            {"speaker": speaker, "uar": float(metrics.uar(counts)), "utterances": int(counts.sum()) // len(seeds)}
            for speaker, counts in by_speaker.items()
        ],
        "coverage": {"folds": len(folds), "seeds": len(seeds), "runs": len(runs), "planned": planned},
        "seconds": round(sum(run.seconds for run in runs), 1),
    }


def speaker_confusions(runs: Iterable[Run], num_classes: int) -> dict[str, np.ndarray]:
    """Confusion counts of each test speaker, summed over seeds."""
    counts: dict[str, np.ndarray] = {}
    for run in runs:
        for speaker, label, prediction in zip(run.speakers, run.labels, run.predictions, strict=True):
            counts.setdefault(speaker, np.zeros((num_classes, num_classes), int))[label, prediction] += 1
    return dict(sorted(counts.items()))
