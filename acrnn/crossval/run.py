"""The result of one run, a fold with a seed, and its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acrnn import files, metrics
from acrnn.reading import check_fields, foreign_errors
from acrnn.training.estimator import Epoch

RUNS = "runs"  # folder of the runs' files


@dataclass(frozen=True)
class UtteranceAttention:
    """Attention weights of one utterance.

    Attributes:
        utterance: id of the utterance.
        weights: float [segments, steps]; the weights of a segment sum to one.
    """

    utterance: str
    weights: list[list[float]]


@dataclass(frozen=True)
class ValidationPart:
    """Posteriors of the validation utterances, by the selected checkpoint: the data for choices such as weights of a fusion.

    Attributes:
        utterances, labels: ids and labels, in the same order.
        probabilities: posteriors, float [utterances, classes].
    """

    utterances: list[str]
    labels: list[int]
    probabilities: list[list[float]]

    @property
    def uar(self) -> float:
        """UAR of the validation utterances."""
        posteriors = np.array(self.probabilities)
        counts = metrics.confusion(np.array(self.labels), posteriors.argmax(axis=1), posteriors.shape[1])
        return float(metrics.uar(counts))


@dataclass(frozen=True)
class Run:
    """The result of one run, a fold with a seed.

    Attributes:
        fold, fold_name: number and name of the fold.
        seed: random seed.
        train_speakers, validation_speakers, test_speakers: speakers of the parts of the fold; a fold without a validation part
            has no validation speakers.
        best_epoch: number of the selected checkpoint's epoch, from 1; 0 for a fusion.
        curve: learning curve, a point for each epoch; empty for a fusion.
        utterances, speakers, labels: ids, speakers and labels of the test utterances, in the same order.
        probabilities: posteriors of the test utterances, float [utterances, classes].
        attention: attention weights of some test utterances.
        seconds: wall time.
        settings_sha256: hash of the experiment's settings.
        versions: versions of the software that computed the run.
        by_pooling: predicted labels of the test utterances by pooling method; None in files of earlier versions.
        hyperparameters: values that the validation part chose in this fold; None where it chose an epoch alone.
        peak_memory_mib: largest memory that the process had used by the end of the run; None where it is not known.
        validation: posteriors of the validation utterances; None in files of earlier versions.
    """

    fold: int
    fold_name: str
    seed: int
    train_speakers: list[str]
    validation_speakers: list[str]
    test_speakers: list[str]
    best_epoch: int
    curve: tuple[Epoch, ...]
    utterances: list[str]
    speakers: list[str]
    labels: list[int]
    probabilities: list[list[float]]
    attention: tuple[UtteranceAttention, ...]
    seconds: float
    settings_sha256: str
    versions: dict[str, str]
    by_pooling: dict[str, list[int]] | None = None
    peak_memory_mib: int | None = None
    validation: ValidationPart | None = None
    hyperparameters: dict[str, Any] | None = None

    @classmethod
    def from_dict(cls, values: Mapping) -> Run:
        """The run in a JSON object.

        Raises:
            TypeError, KeyError: a field is missing or unknown.
            ValueError: a value is of another type, or lists differ in length.
        """
        check_fields(cls, values, {"curve", "attention", "validation"})
        curve = tuple(Epoch(**check_fields(Epoch, point)) for point in values["curve"])
        attention = tuple(
            UtteranceAttention(**check_fields(UtteranceAttention, example)) for example in values["attention"]
        )
        validation = None
        if "validation" in values:
            validation = ValidationPart(**check_fields(ValidationPart, values["validation"]))
            _check_lengths(validation)
        run = cls(**{**values, "curve": curve, "attention": attention, "validation": validation})
        _check_lengths(run)
        if len(run.speakers) != len(run.labels) or not 0 <= run.best_epoch <= max(1, len(curve)):
            raise ValueError("the number of speakers or the best epoch does not fit")
        return run

    def to_dict(self) -> dict:
        """The run as a JSON object."""
        values = {name: value for name, value in vars(self).items() if value is not None}
        curve, attention = [point.to_dict() for point in self.curve], [asdict(item) for item in self.attention]
        validation = {} if self.validation is None else {"validation": asdict(self.validation)}
        return {**values, "curve": curve, "attention": attention, **validation}

    @property
    def predictions(self) -> np.ndarray:
        """Predicted labels of the test utterances, int [utterances]."""
        return np.argmax(self.probabilities, axis=1)

    @property
    def uar(self) -> float:
        """UAR of the test utterances."""
        return float(metrics.uar(self.confusion(len(self.probabilities[0]))))

    @property
    def validation_uar(self) -> float | None:
        """Validation UAR of the selected checkpoint; None without a validation part, NaN for a fusion that does not know it."""
        if self.curve:
            return self.curve[self.best_epoch - 1].validation_uar
        return float("nan") if self.validation is None else self.validation.uar

    def confusion(self, num_classes: int) -> np.ndarray:
        """Confusion counts of the test utterances, int [classes, classes]: rows are true labels."""
        return metrics.confusion(np.array(self.labels), self.predictions, num_classes)


def _check_lengths(part: Run | ValidationPart) -> None:
    """Refuses utterances, labels and posteriors that differ in number, and labels without a posterior."""
    classes = {len(row) for row in part.probabilities}
    equal = len(part.utterances) == len(part.labels) == len(part.probabilities)
    if not equal or len(classes) != 1 or not all(0 <= label < max(classes) for label in part.labels):
        raise ValueError("utterances, labels and posteriors do not fit together")


def run_path(folder: Path, fold: int, seed: int) -> Path:
    """Path of the result of a run."""
    return folder / RUNS / f"fold{fold:02d}_seed{seed}.json"


def write_run(folder: Path, run: Run) -> None:
    """Writes the result of a run, atomically and with a checksum of its content."""
    files.write_sealed_json(run_path(folder, run.fold, run.seed), run.to_dict())


def read_run(path: Path) -> Run:
    """Reads the result of a run.

    Raises:
        ValueError: the file is damaged or was changed; the message says to delete it.
    """
    remedy = "delete it and give the same command again: only this fold and seed is repeated"
    values = files.read_sealed_json(path, remedy)
    with foreign_errors(path, "written by another version", remedy):
        run = Run.from_dict(values)
    if path != run_path(path.parent.parent, run.fold, run.seed):
        raise ValueError(f"{path}: holds fold {run.fold}, seed {run.seed}; {remedy}")
    return run
