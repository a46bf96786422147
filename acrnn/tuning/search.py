"""A hyper-parameter search and its folder: the configurations to try, and the files of their fits.

A fit is identified by its hyper-parameters, fold and seed. A later search in the same folder that needs the fit again reads it
instead of training: after a kill, with other depths, folds or seeds, or without the state of KerasTuner.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from acrnn import files
from acrnn.crossval.experiment import Experiment, Prepared, chosen_folds
from acrnn.crossval.settings import Settings
from acrnn.errors import FieldError, UsageError
from acrnn.models import MODELS
from acrnn.recipes import Recipe
from acrnn.segments import POOLINGS
from acrnn.tuning.results import (
    FITS,
    REPEAT,
    TUNING,
    FitResult,
    Plan,
    SearchCoverage,
    SearchResults,
    Trial,
    Values,
    best_trial,
    read_tuning,
)

SEARCHES = ("grid", "hyperband", "bayesian", "random")
# Hyper-parameters that may be searched besides the depth; Chen et al. (2018) sweep none of them.
CHOICES: dict[str, tuple] = {
    "learning_rate": (1e-4, 3e-4, 1e-3, 3e-3),
    "pooling": tuple(POOLINGS),
    "dropout": (0.0, 0.2, 0.4),
}


@dataclass(frozen=True)
class Search:
    """A search for the best hyper-parameters by UAR on the validation speakers.

    Attributes:
        experiment: system, records, protocol and recipe; the test parts of its folds are never used.
        depths: numbers of convolution layers.
        also: keys of CHOICES that are searched as well.
        kind: one of SEARCHES.
        folds: numbers of the folds over which the validation UAR is averaged; None for all.
        seeds: random seeds.
        max_trials: number of trials of a random or Bayesian search.
    """

    experiment: Experiment
    depths: Sequence[int] = tuple(range(1, 8))
    also: Sequence[str] = ()
    kind: str = "grid"
    folds: Sequence[int] | None = None
    seeds: Sequence[int] = (0,)
    max_trials: int = 10

    def __post_init__(self):
        if self.kind not in SEARCHES:
            raise FieldError("kind", self.kind, f"it is unknown; choose from {', '.join(SEARCHES)}")
        for name in self.also:
            if name not in CHOICES:
                raise FieldError("also", name, f"it cannot be searched; choose from {', '.join(CHOICES)}")
        for name in self.space:
            if name in self.experiment.options:
                raise FieldError(name, self.experiment.options[name], "it is searched; leave it out")
        if self.experiment.mistake:
            raise UsageError(f"a search with the mistake {self.experiment.mistake!r} would select by leaked data")

    @property
    def space(self) -> dict[str, tuple]:
        """Values of each hyper-parameter, the depths first."""
        return {"conv_layers": tuple(self.depths), **{name: CHOICES[name] for name in CHOICES if name in self.also}}

    @property
    def size(self) -> int:
        """Number of configurations."""
        return math.prod(len(values) for values in self.space.values())

    def grid(self) -> list[Values]:
        """Returns all configurations, in the order of a grid search."""
        return [dict(zip(self.space, values, strict=True)) for values in itertools.product(*self.space.values())]


def configured(recipe: Recipe, values: Values) -> Recipe:
    """The recipe with these hyper-parameters; those that are not fields of a recipe become fields of the network's `Config`."""
    own = {item.name for item in fields(Recipe)}
    network = {name: value for name, value in values.items() if name not in own}
    return replace(
        recipe,
        **{name: value for name, value in values.items() if name in own},
        network={**recipe.network, **network},
    )


def title(values: Values) -> str:
    """Hyper-parameters as text: "conv_layers 3, learning_rate 0.001"."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


class SearchFolder:
    """A search with its records and folds, and its folder.

    Args:
        search: the search.
        folder: folder of its files; it belongs to one search.

    Raises:
        FileNotFoundError, ValueError: see `Prepared.of`; a fold does not exist, or a value of the space is out of range.
    """

    def __init__(self, search: Search, folder: Path):
        self.search, self.folder = search, folder
        for depth in search.depths:
            _check_depth(search.experiment, depth)
        if search.experiment.train_on_validation:
            problem = "a search compares validation UARs; leave it out"
            raise FieldError("train_on_validation", "", problem)
        self.prepared = Prepared.of(search.experiment)
        self.folds = chosen_folds(search.folds, self.prepared.folds)
        self.tasks = [(fold, seed) for seed in search.seeds for fold in self.folds]
        self._hashes: dict[str, str] = {}

    def settings(self) -> dict:
        """The settings that may not change within a folder, as a JSON object."""
        searched = sorted(self.search.space)
        return {**self.prepared.settings(), "search": self.search.kind, "searched": searched}

    def plan(self) -> Plan:
        """The part of the search that may change within a folder; KerasTuner then starts again and uses the finished fits."""
        space = {name: list(values) for name, values in self.search.space.items()}
        limit = self.search.max_trials if self.search.kind in ("random", "bayesian") else None
        return Plan(space, self.folds, list(self.search.seeds), limit)

    def read(self) -> SearchResults | None:
        """The results in tuning.json; None where there is no such file yet.

        Raises:
            ValueError: the file is damaged, or the folder belongs to another search.
        """
        if not (self.folder / TUNING).exists():
            return None
        results = read_tuning(self.folder)
        if changed := files.differences(results.settings_dict(), self.settings()):
            raise ValueError(
                f"{self.folder}: holds another search ({'; '.join(changed)}); "
                "choose another output folder or repeat its settings"
            )
        return results

    def check_plan(self) -> None:
        """Compares the plan with the plan in the chief's tuning.json.

        Raises:
            ValueError: there is no plan, or another one.
        """
        results = self.read()
        changed = (
            ["it has not begun"] if results is None else files.differences(asdict(results.plan), asdict(self.plan()))
        )
        if changed:
            raise ValueError(
                f"{self.folder}: the chief searches something else ({'; '.join(changed)}); give all processes the same "
                "search and an output folder that they share"
            )

    def experiment(self, values: Values) -> Prepared:
        """The experiment with these hyper-parameters."""
        changed = replace(self.search.experiment, recipe=configured(self.search.experiment.recipe, values))
        config = MODELS[changed.model].configure(self.prepared.records.manifest, **changed.network)
        return replace(self.prepared, experiment=changed, config=config)

    def settings_sha256(self, values: Values) -> str:
        """Hash of everything that a fit depends on besides its fold and seed."""
        name = title(values)
        if name not in self._hashes:
            self._hashes[name] = files.sha256_of_json(self.experiment(values).settings())
        return self._hashes[name]

    def fit_path(self, values: Values, fold: int, seed: int) -> Path:
        """Path of a fit's file."""
        name = "_".join(f"{key}-{value}" for key, value in values.items())
        return self.folder / FITS / f"{name}_fold{fold:02d}_seed{seed}.json"

    def write_fit(self, fit: FitResult) -> None:
        """Writes the file of a fit."""
        fit.write(self.fit_path(fit.hyperparameters, fit.fold, fit.seed))

    def read_fit(self, values: Values, fold: int, seed: int) -> FitResult | None:
        """Reads the file of a fit; None where there is none.

        Raises:
            ValueError: it is damaged, or belongs to another search.
        """
        path = self.fit_path(values, fold, seed)
        if not path.exists():
            return None
        fit = FitResult.read(path)
        if fit.settings_sha256 != self.settings_sha256(values) or (fit.fold, fit.seed) != (fold, seed):
            raise ValueError(f"{path}: a fit of another search; {REPEAT}")
        return fit

    def trial(self, name: str, values: Values, status: str) -> Trial:
        """A trial with its fits that are in the folder."""
        fits = [fit for task in self.tasks if (fit := self.read_fit(values, *task))]
        return Trial.of(name, values, status, fits, len(self.tasks))

    def write(self, trials: Iterable[tuple[str, Values, str]], planned: int, is_complete: bool) -> SearchResults:
        """Writes tuning.json and returns its content.

        Args:
            trials: (name, hyper-parameters, status) of each trial that was begun; see `Trial`.
            planned: number of planned trials, at most.
            is_complete: whether the search is over.
        """
        rows = tuple(self.trial(*trial) for trial in trials)
        coverage = SearchCoverage(
            trials=sum(row.status != "running" for row in rows),
            planned=len(rows) if is_complete else planned,
            folds=len(self.folds),
            of_folds=len(self.prepared.folds),
            seeds=len(self.search.seeds),
        )
        results = SearchResults(
            settings=Settings.from_dict(self.prepared.settings()),
            search=self.search.kind,
            searched=tuple(sorted(self.search.space)),
            plan=self.plan(),
            options=dict(self.search.experiment.options),
            is_complete=is_complete,
            coverage=coverage,
            best=best_trial(rows),
            trials=rows,
        )
        files.write_sealed_json(self.folder / TUNING, results.to_dict())
        return results


def _check_depth(experiment: Experiment, depth: int) -> None:
    if experiment.model not in MODELS:
        return  # `Prepared.of` refuses it
    try:
        MODELS[experiment.model].check_options(conv_layers=depth)
    except UsageError as error:
        problem = error.problem if isinstance(error, FieldError) else str(error)
        raise FieldError("depths", depth, problem) from error
