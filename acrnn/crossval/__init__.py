"""Cross-validation: experiments, their runs and their results."""

from acrnn.crossval.runner import (
    EXPERIMENT,
    RESULTS,
    SPLIT,
    Experiment,
    Prepared,
    chosen_folds,
    collect,
    cross_validate,
    read_experiment,
    run_tasks,
    versions,
)

__all__ = [
    "EXPERIMENT",
    "RESULTS",
    "SPLIT",
    "Experiment",
    "Prepared",
    "chosen_folds",
    "collect",
    "cross_validate",
    "read_experiment",
    "run_tasks",
    "versions",
]
