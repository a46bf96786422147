"""Summary of runs over folds and seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from acrnn import metrics
from acrnn.crossval.run import Run
from acrnn.metrics import Interval


@dataclass(frozen=True)
class Coverage:
    """The part of a protocol that is finished.

    Attributes:
        folds, seeds: numbers of folds and seeds with a finished run.
        runs: number of finished runs.
        planned: number of runs of these seeds over all folds of the protocol.
    """

    folds: int
    seeds: int
    runs: int
    planned: int


@dataclass(frozen=True)
class ClassScores:
    """Scores of one emotion; None where a score is undefined.

    Attributes:
        emotion: name of the class.
        precision, recall, f1: shares from 0 to 1.
        support: number of test utterances of the class.
    """

    emotion: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True)
class SpeakerScore:
    """Score of one test speaker.

    Attributes:
        speaker: the speaker.
        uar: unweighted average recall over the classes of this speaker.
        utterances: number of test utterances.
    """

    speaker: str
    uar: float
    utterances: int


@dataclass(frozen=True)
class Overall:
    """Summary over folds and seeds; all scores are shares from 0 to 1, for the intervals see `metrics.INTERVALS`.

    Attributes:
        uar_fold_mean: mean of the folds' UARs; a fold's UAR is the mean over its seeds.
        uar_fold_std: sample standard deviation over folds; None for a single fold.
        uar_fold_mean_interval: interval of `uar_fold_mean`; None for fewer than three folds.
        uar_seed_std: standard deviation of the fold mean between seeds with all folds; None for fewer than two seeds.
        uar_pooled: UAR of the test utterances of all folds together.
        uar_pooled_interval: interval of `uar_pooled`; None for fewer than three speakers.
        wa: weighted accuracy, the share of correct test utterances.
        confusion: counts over all runs, int [classes, classes]: rows are true labels.
        per_class: scores of each class, all folds together.
        per_speaker: score of each test speaker.
        coverage: the finished part of the protocol.
        seconds: wall time of all runs together.
    """

    uar_fold_mean: float
    uar_fold_std: float | None
    uar_fold_mean_interval: Interval | None
    uar_seed_std: float | None
    uar_pooled: float
    uar_pooled_interval: Interval | None
    wa: float
    confusion: list[list[int]]
    per_class: tuple[ClassScores, ...]
    per_speaker: tuple[SpeakerScore, ...]
    coverage: Coverage
    seconds: float

    def to_dict(self) -> dict:
        """The summary as a JSON object."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def summarize(runs: Sequence[Run], labels: Sequence[str], planned_folds: int) -> Overall:
    """Summary of some runs over folds and seeds.

    A fold and a speaker are averaged over their seeds first, so that each counts once even while some seeds are missing, and
    the variance between seeds is part of the spread between folds and speakers, from which the intervals follow.

    Args:
        runs: at least one.
        labels: emotions in class order.
        planned_folds: number of folds of the protocol.
    """
    count = len(labels)
    confusions = {(run.fold, run.seed): run.confusion(count) for run in runs}
    folds, seeds = sorted({run.fold for run in runs}), sorted({run.seed for run in runs})
    by_fold = [np.mean([confusions[key] for key in confusions if key[0] == fold], axis=0) for fold in folds]
    fold_uars = np.array([np.mean([metrics.uar(confusions[key]) for key in confusions if key[0] == f]) for f in folds])
    pooled, by_speaker = np.sum(by_fold, axis=0), speaker_confusions(runs, count)
    return Overall(
        uar_fold_mean=float(fold_uars.mean()),
        uar_fold_std=float(fold_uars.std(ddof=1)) if len(folds) > 1 else None,
        uar_fold_mean_interval=metrics.share(metrics.mean_interval(fold_uars)),
        uar_seed_std=_seed_deviation(confusions, folds, seeds),
        uar_pooled=float(metrics.uar(pooled)),
        uar_pooled_interval=metrics.share(metrics.jackknife_interval(metrics.uar, np.array(list(by_speaker.values())))),
        wa=metrics.wa(pooled),
        confusion=np.sum(list(confusions.values()), axis=0).tolist(),
        per_class=tuple(ClassScores(**row) for row in metrics.per_class(pooled, labels)),
        per_speaker=tuple(
            SpeakerScore(speaker, float(metrics.uar(counts)), round(float(counts.sum())))
            for speaker, counts in by_speaker.items()
        ),
        coverage=Coverage(len(folds), len(seeds), len(runs), planned_folds * len(seeds)),
        seconds=round(sum(run.seconds for run in runs), 1),
    )


def _seed_deviation(confusions: Mapping[tuple[int, int], np.ndarray], folds: list, seeds: list) -> float | None:
    """Standard deviation of the fold mean between the seeds with all folds; None for fewer than two."""
    by_seed = [[metrics.uar(confusions[key]) for key in confusions if key[1] == seed] for seed in seeds]
    means = [np.mean(uars) for uars in by_seed if len(uars) == len(folds)]
    return float(np.std(means, ddof=1)) if len(means) > 1 else None


def speaker_confusions(runs: Iterable[Run], num_classes: int) -> dict[str, np.ndarray]:
    """Confusion counts [classes, classes] of each test speaker, averaged over the seeds that tested the speaker."""
    counts: dict[tuple[str, int], np.ndarray] = {}
    for run in runs:
        for speaker, label, prediction in zip(run.speakers, run.labels, run.predictions, strict=True):
            of_seed = counts.setdefault((speaker, run.seed), np.zeros((num_classes, num_classes)))
            of_seed[label, prediction] += 1
    speakers = sorted({speaker for speaker, _ in counts})
    return {s: np.mean([counts[key] for key in counts if key[0] == s], axis=0) for s in speakers}
