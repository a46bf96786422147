"""Cross-validation of a classical baseline: resumable fold by fold, into the same files as that of a network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from acrnn import files
from acrnn.baselines import svm
from acrnn.baselines.statistics import normalized_by_speaker
from acrnn.baselines.svm import Grid, Part
from acrnn.crossval.claim import claimed
from acrnn.crossval.environment import package_versions
from acrnn.crossval.experiment import chosen_folds
from acrnn.crossval.results import Results, write_results
from acrnn.crossval.run import Run, read_run, run_path, write_run
from acrnn.crossval.settings import CorpusInfo, Settings
from acrnn.folds import Fold, make_folds, split_sha256
from acrnn.records import UtteranceRow
from acrnn.training.estimator import Epoch

SEED = 0  # nothing is random; the name of a run's file has a seed
SpeakerStatistics = Literal["corpus", "speaker"]
_PACKAGES = ("acrnn", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Features:
    """Features of all utterances of a corpus.

    Attributes:
        values: float [utterances, features].
        rows: the utterances, in the same order.
        labels: emotions in class order.
        corpus: the corpus.
        sha256: hash of all that decides the values.
        frontend_fields: front end of the frames, ready for JSON.
        segment_fields: segment rule of the records; empty where there are none.
        functionals: names of the statistics over frames; empty where the front end includes them.
    """

    values: np.ndarray
    rows: Sequence[UtteranceRow]
    labels: tuple[str, ...]
    corpus: CorpusInfo
    sha256: str
    frontend_fields: dict
    segment_fields: dict
    functionals: tuple[str, ...] = ()


@dataclass(frozen=True)
class BaselineExperiment:
    """A baseline on a corpus, tested by a protocol.

    Attributes:
        name: key in BASELINES.
        grid: kernel and candidate hyper-parameters.
        features: features of the corpus.
        protocol: key in PROTOCOLS.
        speaker_statistics: "corpus" normalizes features by the training part alone; "speaker" first by mean and deviation
            of the speaker's own utterances, without labels, which is transductive for the test speakers.
    """

    name: str
    grid: Grid
    features: Features
    protocol: str = "leave-one-speaker-out"
    speaker_statistics: SpeakerStatistics = "corpus"

    def folds(self) -> tuple[Fold, ...]:
        """The folds of the protocol."""
        return make_folds(self.protocol, self.features.rows, self.features.labels)

    def settings(self) -> Settings:
        """The settings: everything that a run's result depends on besides the fold."""
        features = self.features
        functionals = {"functionals": list(features.functionals)} if features.functionals else {}
        return Settings(
            corpus=features.corpus,
            records_sha256=features.sha256,
            labels=features.labels,
            frontend_fields=features.frontend_fields,
            segment_fields=features.segment_fields,
            model=self.name,
            network_fields={},
            recipe_fields={},
            protocol=self.protocol,
            split_sha256=split_sha256(self.folds()),
            baseline={
                "classifier": "SVM",
                **self.grid.to_dict(),
                "class_weight": "balanced",
                "selection": "validation UAR",
                "posteriors": svm.POSTERIORS,
                **functionals,
            },
            speaker_statistics=self.speaker_statistics,
        )

    def values(self) -> np.ndarray:
        """The features [utterances, features], normalized by speaker if the experiment says so."""
        if self.speaker_statistics == "corpus":
            return self.features.values
        return normalized_by_speaker(self.features.values, [row.speaker for row in self.features.rows])


def cross_validate(
    experiment: BaselineExperiment,
    output_dir: Path,
    folds: Sequence[int] | None = None,
    announce: Callable[[str], None] = print,
) -> Results:
    """Runs what is missing of a baseline, writes results.json and returns the results.

    Args:
        experiment: the baseline.
        output_dir: its folder; finished folds in it are kept.
        folds: numbers of the folds to run; None for all.
        announce: takes a line for every finished fold.

    Raises:
        ValueError: the corpus cannot be split, the folder holds another experiment, or a result in it is damaged.
        OSError: another process works in the folder.
    """
    settings, all_folds = experiment.settings().to_dict(), experiment.folds()
    values, settings_sha256 = experiment.values(), files.sha256_of_json(settings)
    with claimed(output_dir, {"settings": settings, "planned_folds": len(all_folds)}, all_folds):
        for number in chosen_folds(folds, all_folds):
            if (path := run_path(output_dir, number, SEED)).exists():
                read_run(path)  # a damaged result is reported
                continue
            run = run_fold(experiment, values, number, all_folds[number], settings_sha256)
            write_run(output_dir, run)
            write_results(output_dir)
            announce(
                f"fold {number} ({run.fold_name}): UAR {100 * run.uar:.1f} ({run.hyperparameters}, {run.seconds:.0f} s)"
            )
        return write_results(output_dir)


def run_fold(
    experiment: BaselineExperiment, values: np.ndarray, number: int, fold: Fold, settings_sha256: str = ""
) -> Run:
    """Fits a baseline on a fold, selects by the validation part, and predicts the test part once.

    Args:
        experiment: the baseline.
        values: float [utterances, features], see `BaselineExperiment.values`.
        number: number of the fold.
        fold: the fold.
        settings_sha256: hash of the settings.
    """
    started = time.monotonic()
    labels = np.array([row.label for row in experiment.features.rows])
    index = {row.id: position for position, row in enumerate(experiment.features.rows)}
    train, validation, test = (
        np.sort([index[name] for name in part]) for part in (fold.train, fold.validation, fold.test)
    )
    selection = svm.select(
        Part(values[train], labels[train]),
        Part(values[validation], labels[validation]),
        experiment.grid,
        len(experiment.features.labels),
    )
    rows = [experiment.features.rows[position] for position in test]
    seconds = time.monotonic() - started
    return Run(
        fold=number,
        fold_name=fold.name,
        seed=SEED,
        **_speakers(experiment, train=train, validation=validation, test=test),
        best_epoch=1,
        curve=(Epoch(1, selection.loss, selection.validation_loss, selection.validation_uar, round(seconds, 3)),),
        utterances=[row.id for row in rows],
        speakers=[row.speaker for row in rows],
        labels=labels[test].tolist(),
        probabilities=selection.machine.posteriors(values[test]).round(6).tolist(),
        attention=(),
        seconds=round(time.monotonic() - started, 1),
        settings_sha256=settings_sha256,
        versions=package_versions(_PACKAGES),
        hyperparameters=svm.hyperparameters(selection.machine, experiment.grid),
    )


def _speakers(experiment: BaselineExperiment, **parts: np.ndarray) -> dict[str, Any]:
    rows = experiment.features.rows
    return {f"{name}_speakers": sorted({rows[position].speaker for position in part}) for name, part in parts.items()}
