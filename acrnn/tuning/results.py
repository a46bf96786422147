"""Results of a search: one sealed file for each fit, and tuning.json with a row for each trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from acrnn import files, metrics
from acrnn.crossval.settings import Settings
from acrnn.reading import check_fields, foreign_errors
from acrnn.training.estimator import Epoch

TUNING, FITS = "tuning.json", "fits"
_FORMAT = "acrnn-tuning"
Values = Mapping[str, object]  # hyper-parameters by name; "epochs" among them where Hyperband sets a budget


@dataclass(frozen=True)
class FitResult:
    """The file of one fit: a configuration on one fold with one seed.

    Attributes:
        hyperparameters: the configuration.
        fold, seed: number of the fold, and random seed.
        error: message of a fit that failed; None for a fit that did not.
        validation_uar: validation UAR of the selected checkpoint; None for a failed fit.
        best_epoch: number of the selected checkpoint's epoch, from 1; None for a failed fit.
        curve: learning curve.
        seconds: wall time.
        versions: versions of the software that computed the fit.
        worker: name of the process.
        settings_sha256: hash of the settings of the experiment with these hyper-parameters.
    """

    hyperparameters: Values
    fold: int
    seed: int
    error: str | None
    validation_uar: float | None
    best_epoch: int | None
    curve: tuple[Epoch, ...]
    seconds: float
    versions: Mapping[str, str]
    worker: str
    settings_sha256: str

    @classmethod
    def read(cls, path: Path) -> FitResult:
        """Reads the file of a fit.

        Raises:
            ValueError: the file is damaged or was changed; the message says to delete it.
        """
        values = files.read_sealed_json(path, REPEAT)
        with foreign_errors(path, "written by another version", REPEAT):
            check_fields(cls, values, {"curve"})
            curve = tuple(Epoch(**check_fields(Epoch, point)) for point in values["curve"])
            return cls(**{**values, "curve": curve})

    def write(self, path: Path) -> None:
        """Writes the file of a fit, atomically and with a checksum of its content."""
        values = {**vars(self), "hyperparameters": dict(self.hyperparameters), "versions": dict(self.versions)}
        files.write_sealed_json(path, {**values, "curve": [point.to_dict() for point in self.curve]})


REPEAT = "delete it and give the same command again: only this fit is repeated"


@dataclass(frozen=True)
class FitSummary:
    """A finished fit of a trial; see `FitResult`."""

    fold: int
    seed: int
    validation_uar: float
    best_epoch: int
    seconds: float


@dataclass(frozen=True)
class FitCoverage:
    """Numbers of finished and of planned fits of a trial."""

    fits: int
    planned: int


@dataclass(frozen=True)
class Trial:
    """One configuration of a search.

    Attributes:
        trial: KerasTuner's name of the trial.
        hyperparameters: the configuration.
        status: "complete", "failed" or "running".
        validation_uar: mean validation UAR over folds, each the mean over its seeds; None while no fit is finished.
        validation_uar_interval: Student's t interval over folds; None for fewer than three folds.
        coverage: numbers of fits.
        fits: the finished fits.
        seconds: wall time of all fits together.
        errors: messages of the failed fits.
    """

    trial: str
    hyperparameters: Values
    status: str
    validation_uar: float | None
    validation_uar_interval: tuple[float, float] | None
    coverage: FitCoverage
    fits: tuple[FitSummary, ...]
    seconds: float
    errors: tuple[str, ...]

    @classmethod
    def of(cls, name: str, values: Values, status: str, fits: Sequence[FitResult], planned: int) -> Trial:
        """The trial with these fits.

        Args:
            name, values, status: see the attributes.
            fits: finished and failed fits.
            planned: number of planned fits.
        """
        done = [fit for fit in fits if not fit.error]
        summaries = [{item.name: getattr(fit, item.name) for item in fields(FitSummary)} for fit in done]
        return cls(
            trial=name,
            hyperparameters=dict(values),
            status=status,
            validation_uar=float(_uar_by_fold(done).mean()) if done else None,
            validation_uar_interval=_interval(done),
            coverage=FitCoverage(len(done), planned),
            fits=tuple(FitSummary(**summary) for summary in summaries),
            seconds=round(sum(fit.seconds for fit in fits), 1),
            errors=tuple(fit.error for fit in fits if fit.error),
        )

    @classmethod
    def from_dict(cls, values: Mapping) -> Trial:
        """The trial in a JSON object.

        Raises:
            TypeError, KeyError: a field is missing or unknown.
        """
        check_fields(cls, values, {"fits", "coverage", "validation_uar_interval"})
        fits = tuple(FitSummary(**check_fields(FitSummary, fit)) for fit in values["fits"])
        return cls(
            **{
                **values,
                "validation_uar_interval": _interval(fits),  # earlier versions wrote another one
                "coverage": FitCoverage(**check_fields(FitCoverage, values["coverage"])),
                "fits": fits,
                "errors": tuple(values["errors"]),
            }
        )

    def to_dict(self) -> dict:
        """The trial as a JSON object."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @property
    def is_covered(self) -> bool:
        """True when all planned fits are finished."""
        return self.coverage.fits == self.coverage.planned


def _uar_by_fold(fits: Sequence[FitResult | FitSummary]) -> np.ndarray:
    """Validation UAR of each fold, float [folds], averaged over its seeds."""
    folds = sorted({fit.fold for fit in fits})
    return np.array([np.mean([fit.validation_uar for fit in fits if fit.fold == fold]) for fold in folds])


def _interval(fits: Sequence[FitResult | FitSummary]) -> metrics.Interval | None:
    return metrics.share(metrics.mean_interval(_uar_by_fold(fits)))


@dataclass(frozen=True)
class Plan:
    """The part of a search that may change within its folder, since finished fits are used again.

    Attributes:
        space: values of each hyper-parameter.
        folds, seeds: folds and seeds of the objective.
        max_trials: largest number of trials of a random or Bayesian search; None for the other kinds.
    """

    space: Mapping[str, list]
    folds: list[int]
    seeds: list[int]
    max_trials: int | None


@dataclass(frozen=True)
class SearchCoverage:
    """The finished part of a search.

    Attributes:
        trials: number of trials that have ended.
        planned: number of planned trials, at most.
        folds: number of folds of the objective.
        of_folds: number of folds of the protocol.
        seeds: number of seeds.
    """

    trials: int
    planned: int
    folds: int
    of_folds: int
    seeds: int


@dataclass(frozen=True)
class SearchResults:
    """Results of a search, complete or not.

    Attributes:
        settings: settings of the experiment whose hyper-parameters are searched.
        search: kind of the search.
        searched: names of the searched hyper-parameters.
        plan: values, folds and seeds of the search.
        options: fields of the system's `Config` that the experiment sets.
        is_complete: whether the search is over.
        coverage: the finished part.
        best: the complete trial with the best validation UAR; None where there is none.
        trials: the trials that were begun.
    """

    settings: Settings
    search: str
    searched: tuple[str, ...]
    plan: Plan
    options: Mapping[str, object]
    is_complete: bool
    coverage: SearchCoverage
    best: Trial | None
    trials: tuple[Trial, ...]

    @classmethod
    def from_dict(cls, values: Mapping) -> SearchResults:
        """The results in a JSON object.

        Raises:
            ValueError: a field is missing or unknown, or the object holds something else.
        """
        if values.get("format") != _FORMAT:
            raise ValueError("not the result of a search")
        try:
            check_fields(cls, values, {"search", "searched", "settings", "plan", "coverage", "best", "trials"})
            settings = dict(values["settings"])
            return cls(
                search=settings.pop("search"),
                searched=tuple(settings.pop("searched")),
                settings=Settings.from_dict(settings),
                plan=Plan(**check_fields(Plan, values["plan"])),
                options=values["options"],
                is_complete=values["is_complete"],
                coverage=SearchCoverage(**check_fields(SearchCoverage, values["coverage"])),
                best=None if values["best"] is None else Trial.from_dict(values["best"]),
                trials=tuple(Trial.from_dict(trial) for trial in values["trials"]),
            )
        except (TypeError, KeyError) as error:
            raise ValueError(f"a field is missing or unknown ({error})") from error

    def to_dict(self) -> dict:
        """The results as a JSON object."""
        return {
            "format": _FORMAT,
            "settings": self.settings_dict(),
            "plan": asdict(self.plan),
            "options": dict(self.options),
            "is_complete": self.is_complete,
            "coverage": asdict(self.coverage),
            "best": self.best and self.best.to_dict(),
            "trials": [trial.to_dict() for trial in self.trials],
        }

    def settings_dict(self) -> dict:
        """The settings that may not change within a folder, as a JSON object."""
        return {**self.settings.to_dict(), "search": self.search, "searched": list(self.searched)}


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial with the best validation UAR, the first of equal ones; None where there is none."""
    complete = [trial for trial in trials if trial.status == "complete" and trial.is_covered]
    return max(complete, key=lambda trial: trial.validation_uar, default=None)


def read_tuning(folder: Path) -> SearchResults:
    """Reads tuning.json of a search's folder.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or holds something else.
    """
    remedy = "search first, with acrnn tune"
    values = files.read_sealed_json(folder / TUNING, remedy)
    with foreign_errors(folder / TUNING, "not the results of a search", remedy):
        return SearchResults.from_dict(values)
