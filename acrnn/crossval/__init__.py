"""Cross-validation: experiments, their runs and their results."""

from acrnn.crossval.results import (
    EXPERIMENT,
    RESULTS,
    Results,
    collect_results,
    read_experiment,
    read_results,
    write_results,
)
from acrnn.crossval.run import Run
from acrnn.crossval.runner import (
    SPLIT,
    Experiment,
    Prepared,
    chosen_folds,
    cross_validate,
    run_tasks,
    versions,
)
from acrnn.crossval.settings import Settings

__all__ = [
    "EXPERIMENT",
    "RESULTS",
    "SPLIT",
    "Experiment",
    "Prepared",
    "Results",
    "Run",
    "Settings",
    "chosen_folds",
    "collect_results",
    "cross_validate",
    "read_experiment",
    "read_results",
    "run_tasks",
    "versions",
    "write_results",
]
