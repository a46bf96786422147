"""KerasTuner's oracles for a search. Imported where used, since KerasTuner is an extra.

Two oracles are corrected for searches with few configurations and for searches that go on after a kill; see their docstrings.
"""

from __future__ import annotations

import itertools
import math

import keras_tuner
from keras_tuner import oracles

from acrnn.tuning.results import Values
from acrnn.tuning.search import Search

OBJECTIVE = "validation_uar"
_STATUS = {"COMPLETED": "complete", "FAILED": "failed", "INVALID": "failed"}


class Grid(oracles.GridSearchOracle):
    """Every configuration once, in order; the next one follows from the trials alone.

    KerasTuner's own oracle keeps its position in lists that it does not save, so that it ends or fails after a restart.
    """

    def populate_space(self, trial_id: str) -> dict:
        """The first configuration that has no trial."""
        space = self.get_space().space
        tried = [trial.hyperparameters.values for trial in self.trials.values()]
        for combination in itertools.product(*(choice.values for choice in space)):
            values = dict(zip((choice.name for choice in space), combination, strict=True))
            if values not in tried:
                return {"status": "RUNNING", "values": values}
        return {"status": "STOPPED", "values": None}


class Hyperband(oracles.HyperbandOracle):
    """Hyperband with brackets that begin with at most all configurations, each bracket with any of them.

    KerasTuner's own oracle waits for as many configurations as the formula gives and never tries one twice, so that it ends in
    its first round.
    """

    def _get_size(self, bracket_num: int, round_num: int) -> int:
        configurations = math.prod(len(choice.values) for choice in self.hyperparameters.space)
        return min(super()._get_size(bracket_num, round_num), math.ceil(configurations / self.factor**round_num))

    def _compute_values_hash(self, values: dict) -> str:
        bracket = values.get("tuner/bracket", self._current_bracket)
        return f"{bracket}-{super()._compute_values_hash(values)}"

    def planned(self) -> int:
        """Number of planned trials."""
        return sum(self._get_size(b, r) for b in range(self._get_num_brackets()) for r in range(b + 1))


def make_oracle(search: Search) -> keras_tuner.Oracle:
    """The oracle of a search.

    All values are texts, since KerasTuner rounds numbers to 32 bits between processes and does not recognize them afterwards.
    """
    space = keras_tuner.HyperParameters()
    for name, values in search.space.items():
        space.Choice(name, [str(value) for value in values])
    # seed 0 would be a random one; the limit of failures would end a chief while it holds its lock
    shared = {"hyperparameters": space, "seed": 1, "max_consecutive_failed_trials": 10**9}
    objective = keras_tuner.Objective(OBJECTIVE, "max")
    limit = min(search.max_trials, search.size)
    oracle = {
        "grid": lambda: Grid(objective, **shared),
        "hyperband": lambda: Hyperband(objective, max_epochs=search.experiment.recipe.epochs, **shared),
        "bayesian": lambda: oracles.BayesianOptimizationOracle(
            objective, max_trials=limit, num_initial_points=max(1, limit // 2), **shared
        ),
        "random": lambda: oracles.RandomSearchOracle(objective, max_trials=limit, **shared),
    }[search.kind]()
    oracle._max_collisions = 100 * search.size  # drawing the last configuration of a small space takes many attempts
    oracle.verbose = 0
    return oracle


def planned_trials(search: Search, oracle: keras_tuner.Oracle) -> int:
    """Number of planned trials, at most."""
    if isinstance(oracle, Hyperband):
        return oracle.planned()
    return search.size if search.kind == "grid" else oracle.max_trials


def hyperparameters(search: Search, raw: dict) -> Values:
    """Values of the search from KerasTuner's texts; Hyperband's budget becomes "epochs"."""
    values = {name: {str(value): value for value in search.space[name]}[raw[name]] for name in search.space}
    return {**values, "epochs": int(raw["tuner/epochs"])} if "tuner/epochs" in raw else values


def trials_of(search: Search, oracle: keras_tuner.Oracle) -> list[tuple[str, Values, str]]:
    """Name, hyper-parameters and status of every trial that was begun, in order."""
    return [
        (name, hyperparameters(search, trial.hyperparameters.values), _STATUS.get(trial.status, "running"))
        for name, trial in sorted(oracle.trials.items())
    ]
