"""A search on disk: what is tried, one sealed file a fit, and tuning.json with a row a trial.

A fit is known by its hyperparameters, fold and seed, and by nothing else of the search: whoever needs it again, be it a
trial that was killed, another depth's search or KerasTuner with its state lost, reads it instead of training it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from acrnn import files, metrics
from acrnn.crossval.experiment import Experiment, Prepared, chosen_folds
from acrnn.errors import UsageError
from acrnn.models import MODELS
from acrnn.recipes import Recipe
from acrnn.segments import POOLINGS

TUNING, FITS = "tuning.json", "fits"
SEARCHES = ("grid", "hyperband", "bayesian", "random")
# What may be searched beside the depth; none of it is swept in Chen et al. (2018).
CHOICES: dict[str, tuple] = {
    "learning_rate": (1e-4, 3e-4, 1e-3, 3e-3),
    "pooling": tuple(POOLINGS),
    "dropout": (0.0, 0.2, 0.4),
}
Values = Mapping[str, object]  # hyperparameters by name; "epochs" among them where Hyperband sets a budget


@dataclass(frozen=True)
class Search:
    """What is searched, and on what.

    Attributes:
        experiment: system, records, protocol and recipe; the test parts of its folds are never used.
        depths: numbers of convolution layers.
        also: keys of CHOICES that are searched as well.
        kind: one of SEARCHES.
        folds: which folds the objective is a mean over, by number; None for all.
        seeds: which seeds.
        max_trials: of a random or Bayesian search, which stops there.
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
            raise UsageError(f"--search {self.kind}: it is unknown; choose from {', '.join(SEARCHES)}")
        for name in self.also:
            if name not in CHOICES:
                raise UsageError(f"--also {name}: it cannot be searched; choose from {', '.join(CHOICES)}")
        for name in self.space:
            if name in self.experiment.options:
                raise UsageError(f"--{name.replace('_', '-')}: it is searched; leave it out")
        if self.experiment.mistake:
            raise UsageError(f"a search with the mistake {self.experiment.mistake!r} would choose by leaked data")

    @property
    def space(self) -> dict[str, tuple]:
        """The values of each hyperparameter, the depths first."""
        return {"conv_layers": tuple(self.depths), **{name: CHOICES[name] for name in CHOICES if name in self.also}}

    @property
    def size(self) -> int:
        """How many configurations there are."""
        return math.prod(len(values) for values in self.space.values())


def configured(recipe: Recipe, values: Values) -> Recipe:
    """A recipe with these hyperparameters; what is no field of a recipe is one of the network's `Config`."""
    own = {item.name for item in fields(Recipe)}
    network = {name: value for name, value in values.items() if name not in own}
    return replace(
        recipe,
        **{name: value for name, value in values.items() if name in own},
        network={**recipe.network, **network},
    )


def title(values: Values) -> str:
    """Hyperparameters as people read them: "conv_layers 3, learning_rate 0.001"."""
    return ", ".join(f"{name} {value}" for name, value in values.items())


def read_tuning(folder: Path) -> dict:
    """What tuning.json in a folder says.

    Raises:
        FileNotFoundError, ValueError: it is not there, damaged, or no search's.
    """
    remedy = "search first: python experiments/tune_depth.py --dataset CORPUS"
    found = files.read_sealed_json(folder / TUNING, remedy)
    if found.get("format") != "acrnn-tuning":
        raise ValueError(f"{folder / TUNING}: not the result of a search; {remedy}")
    return found


class SearchFolder:
    """A search with everything that follows from it, and its folder.

    Args:
        search: what is searched.
        folder: where its files lie; one search's only.

    Raises:
        FileNotFoundError, ValueError: see `Prepared.of`; there is no such fold; a value of the space is out of range.
    """

    def __init__(self, search: Search, folder: Path):
        self.search, self.folder = search, folder
        for depth in search.depths:
            _check_depth(search.experiment, depth)
        self.prepared = Prepared.of(search.experiment)
        self.folds = chosen_folds(search.folds, self.prepared.folds)
        self.tasks = [(fold, seed) for seed in search.seeds for fold in self.folds]
        self._hashes: dict[str, str] = {}

    def settings(self) -> dict:
        """What may not change within a folder."""
        searched = sorted(self.search.space)
        return {**self.prepared.settings(), "search": self.search.kind, "searched": searched}

    def plan(self) -> dict:
        """What may grow within a folder, since its fits stay what they are; KerasTuner then begins anew with them."""
        space = {name: list(values) for name, values in self.search.space.items()}
        limit = self.search.max_trials if self.search.kind in ("random", "bayesian") else None
        return {"space": space, "folds": self.folds, "seeds": list(self.search.seeds), "max_trials": limit}

    def read(self) -> dict | None:
        """What tuning.json says of this search; None where there is none yet.

        Raises:
            ValueError: it is damaged, or the folder belongs to another search.
        """
        if not (self.folder / TUNING).exists():
            return None
        found = read_tuning(self.folder)
        if changed := files.differences(found["settings"], self.settings()):
            raise ValueError(
                f"{self.folder}: holds another search ({'; '.join(changed)}); "
                "choose another --output-dir or repeat its settings"
            )
        return found

    def check_plan(self) -> None:
        """Compares the plan with the one that a chief wrote.

        Raises:
            ValueError: there is none, or another.
        """
        found = self.read()
        if found is None or (changed := files.differences(found["plan"], self.plan())):
            told = "nothing" if found is None else "; ".join(changed)
            raise ValueError(
                f"{self.folder}: the chief searches something else ({told}); give all processes the same options, and "
                "an --output-dir that they share"
            )

    def experiment(self, values: Values) -> Prepared:
        """The experiment with these hyperparameters."""
        changed = replace(self.search.experiment, recipe=configured(self.search.experiment.recipe, values))
        config = MODELS[changed.model].configure(self.prepared.records.manifest, **changed.network)
        return replace(self.prepared, experiment=changed, config=config)

    def settings_sha256(self, values: Values) -> str:
        """Hash of all that a fit depends on beside its fold and seed."""
        name = title(values)
        if name not in self._hashes:
            self._hashes[name] = files.sha256_of_json(self.experiment(values).settings())
        return self._hashes[name]

    def fit_path(self, values: Values, fold: int, seed: int) -> Path:
        """Where a fit lies."""
        name = "_".join(f"{key}-{value}" for key, value in values.items())
        return self.folder / FITS / f"{name}_fold{fold:02d}_seed{seed}.json"

    def write_fit(self, values: Values, fold: int, seed: int, content: Mapping) -> None:
        """Writes a fit, atomically, sealed with a checksum."""
        path = self.fit_path(values, fold, seed)
        named = {"hyperparameters": dict(values), "fold": fold, "seed": seed}
        files.write_sealed_json(path, {**named, **content, "settings_sha256": self.settings_sha256(values)})

    def read_fit(self, values: Values, fold: int, seed: int) -> dict | None:
        """A fit that is there, or None.

        Raises:
            ValueError: it is damaged, or of another search.
        """
        path = self.fit_path(values, fold, seed)
        if not path.exists():
            return None
        remedy = "delete it and give the same command again: only this fit is repeated"
        found = files.read_sealed_json(path, remedy)
        if found["settings_sha256"] != self.settings_sha256(values) or (found["fold"], found["seed"]) != (fold, seed):
            raise ValueError(f"{path}: a fit of another search; {remedy}")
        return found

    def row(self, name: str, values: Values, status: str) -> dict:
        """A trial as tuning.json tells it, from the fits that are there."""
        fits = [fit for task in self.tasks if (fit := self.read_fit(values, *task))]
        done = [fit for fit in fits if not fit["error"]]
        by_fold = [
            np.mean([fit["validation_uar"] for fit in done if fit["fold"] == fold])
            for fold in sorted({fit["fold"] for fit in done})
        ]
        return {
            "trial": name,
            "hyperparameters": dict(values),
            "status": status,
            "validation_uar": float(np.mean(by_fold)) if done else None,
            "validation_uar_interval": _listed(metrics.mean_interval(np.array(by_fold))) if done else None,
            "coverage": {"fits": len(done), "planned": len(self.tasks)},
            "fits": [
                {name: fit[name] for name in ("fold", "seed", "validation_uar", "best_epoch", "seconds")}
                for fit in done
            ],
            "seconds": round(sum(fit["seconds"] for fit in fits), 1),
            "errors": [fit["error"] for fit in fits if fit["error"]],
        }

    def write(self, trials: Iterable[tuple[str, Values, str]], planned: int, is_complete: bool) -> dict:
        """Writes tuning.json and returns what it says.

        Args:
            trials: (name, hyperparameters, status) of each that was begun; status is "complete", "failed" or "running".
            planned: how many trials there will be, at most.
            is_complete: whether the search is over.
        """
        rows = [self.row(*trial) for trial in trials]
        content = {
            "format": "acrnn-tuning",
            "settings": self.settings(),
            "plan": self.plan(),
            "options": dict(self.search.experiment.options),
            "is_complete": is_complete,
            "coverage": {
                "trials": sum(row["status"] != "running" for row in rows),
                "planned": len(rows) if is_complete else planned,
                "folds": len(self.folds),
                "of_folds": len(self.prepared.folds),
                "seeds": len(self.search.seeds),
            },
            "best": best_row(rows),
            "trials": rows,
        }
        files.write_sealed_json(self.folder / TUNING, content)
        return files.read_sealed_json(self.folder / TUNING, "")


def best_row(rows: Sequence[dict]) -> dict | None:
    """The complete trial with the highest validation UAR, of equal ones the first; None where there is none."""
    complete = [row for row in rows if row["status"] == "complete" and is_covered(row)]
    return max(complete, key=lambda row: row["validation_uar"], default=None)


def _listed(bounds: tuple[float, float] | None) -> list[float] | None:
    """As JSON gives it back, so that rows can be compared."""
    return None if bounds is None else list(bounds)


def is_covered(row: dict) -> bool:
    """Whether all fits of a trial are there."""
    return row["coverage"]["fits"] == row["coverage"]["planned"]


def _check_depth(experiment: Experiment, depth: int) -> None:
    if experiment.model not in MODELS:
        return  # `Prepared.of` says so
    try:
        MODELS[experiment.model].check_options(conv_layers=depth)
    except UsageError as error:
        raise UsageError(f"--depths {depth}: {error}") from error
