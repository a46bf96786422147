"""Test-time augmentation of a finished experiment: its networks predict every utterance again, at several speeds. Nothing is trained.

Copies at other speeds are other views of the same recording, as in training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acrnn import files
from acrnn.batches.sources import Feeder
from acrnn.batches.speaker_statistics import ENROLMENT
from acrnn.crossval.claim import claimed
from acrnn.crossval.environment import peak_memory_mib, versions
from acrnn.crossval.prediction.parts import PartPrediction
from acrnn.crossval.prediction.utterances import check_speeds
from acrnn.crossval.results import Results, collect_results, records_of, write_results
from acrnn.crossval.run import Run, ValidationPart, read_run, run_path, write_run
from acrnn.crossval.settings import Settings
from acrnn.errors import FieldError, UsageError
from acrnn.models import load_network
from acrnn.records import RecordSet
from acrnn.training.state import copy_state


@dataclass(frozen=True)
class ValidationUar:
    """UAR of the validation part of a run, by which speeds are chosen.

    Attributes:
        fold, seed: the run.
        at_one_speed: of the recordings alone.
        at_speeds: of the mean over the speeds.
    """

    fold: int
    seed: int
    at_one_speed: float
    at_speeds: float


def predict_again(
    folder: Path, records: Path, speeds: Sequence[float], output_dir: Path, announce: Callable[[str], None] = print
) -> Results:
    """Predicts the test and validation parts of an experiment at several speeds, and writes an experiment of these predictions.

    Runs that the output folder has already are kept.

    Args:
        folder: experiment with saved networks.
        records: its record set, with copies at the speeds.
        speeds: two or more of the playing speeds of the training, 1 among them, in ascending order.
        output_dir: folder of the new experiment, whose settings have `test_speeds`.
        announce: takes a line for every run.

    Raises:
        FileNotFoundError: the experiment, the records or a network is missing.
        ValueError: they do not belong together, the records have no such copies, or the output folder holds another experiment.
    """
    results = collect_results(folder)
    networks = _Networks(folder, results, records, speeds)
    settings = replace(results.settings, test_speeds=tuple(speeds)).to_dict()
    sha256 = files.sha256_of_json(settings)
    with claimed(output_dir, {"settings": settings, "planned_folds": results.planned_folds}):
        for run in results.runs:
            path = run_path(output_dir, run.fold, run.seed)
            if path.exists():
                _check_networks(path, run, folder)
            else:
                again = replace(networks.tested(run), settings_sha256=sha256)
                write_run(output_dir, again)
                announce(f"fold {run.fold} ({run.fold_name}), seed {run.seed}: UAR {100 * again.uar:.1f}")
        return write_results(output_dir)


def validation_uars(
    folder: Path, records: Path, speeds: Sequence[float], announce: Callable[[str], None] = print
) -> list[ValidationUar]:
    """UAR of the validation parts of an experiment at one speed and at several. Does not predict the test parts.

    Args:
        folder, records, speeds, announce: see `predict_again`.

    Raises:
        FileNotFoundError, ValueError: see `predict_again`; or the experiment has no validation parts.
    """
    results = collect_results(folder)
    if not all(run.validation for run in results.runs):
        raise UsageError(f"{folder}: its runs hold no predictions of validation speakers; choose another experiment")
    networks = _Networks(folder, results, records, speeds)
    uars = []
    for run in results.runs:
        announce(f"fold {run.fold} ({run.fold_name}), seed {run.seed}")
        one, several = run.validation, networks.validated(run)
        uars.append(ValidationUar(run.fold, run.seed, *(part.uar for part in (one, several) if part)))
    return uars


class _Networks:
    """The saved networks of an experiment, which predict at several speeds."""

    def __init__(self, folder: Path, results: Results, records: Path, speeds: Sequence[float]):
        settings, self.folder = results.settings, folder
        estimator = settings.system.estimator(settings.config, settings.recipe)
        record_set = records_of(settings, records)
        _check(settings, folder, record_set, speeds)
        feeder = Feeder(record_set, speaker_statistics=settings.normalized_by)
        self.model = estimator.model
        self.prediction = PartPrediction(estimator, feeder, settings.recipe, speeds)

    def tested(self, run: Run) -> Run:
        """Returns a run with the predictions of its network at these speeds; time and memory include those of the training."""
        started = time.monotonic()
        self._load(run)
        # without an enrolment the normalization does not depend on the training part
        test = self.prediction.test((), run.utterances)
        validation = self._validation(run)
        return replace(
            run,
            **test,
            validation=validation,
            seconds=round(run.seconds + time.monotonic() - started, 1),
            versions=versions(),
            peak_memory_mib=max(filter(None, (run.peak_memory_mib, peak_memory_mib())), default=None),
        )

    def validated(self, run: Run) -> ValidationPart | None:
        """Returns the validation part of a run, predicted at these speeds."""
        self._load(run)
        return self._validation(run)

    def _validation(self, run: Run) -> ValidationPart | None:
        return self.prediction.validation(run.validation.utterances) if run.validation else None

    def _load(self, run: Run) -> None:
        path = run_path(self.folder, run.fold, run.seed).with_suffix(".keras")
        copy_state(load_network(path), self.model)


def _check(settings: Settings, folder: Path, record_set: RecordSet, speeds: Sequence[float]) -> None:
    if settings.test_speeds:
        raise UsageError(
            f"{folder}: predicted at several speeds already; name the experiment that trained the networks"
        )
    if settings.mistake:
        raise UsageError(f"{folder}: leaks on purpose ({settings.mistake}); choose another experiment")
    if settings.normalized_by.kind == ENROLMENT:
        raise UsageError(
            f"{folder}: normalized by {settings.normalized_by.title}, which copies at other speeds do not have; choose an "
            "experiment with other speaker statistics"
        )
    check_speeds(record_set, speeds, settings.speeds)
    if len(speeds) < 2:
        raise FieldError("speeds", ", ".join(f"{speed:g}" for speed in speeds), "name two or more, 1 among them")


def _check_networks(path: Path, run: Run, folder: Path) -> None:
    """Refuses a run of an earlier call whose network is no longer that of the experiment; learning curves tell them apart."""
    if read_run(path).curve != run.curve:
        raise ValueError(
            f"{path}: predicted by another network than that in {folder} now; delete it and give the command again"
        )
