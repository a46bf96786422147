"""Cross-validation: experiments, their runs and their results."""

from acrnn.crossval.experiment import Experiment, Prepared
from acrnn.crossval.results import Results, collect_results, read_experiment, read_results, write_results
from acrnn.crossval.run import Run
from acrnn.crossval.runner import cross_validate
from acrnn.crossval.settings import Settings

__all__ = [
    "Experiment",
    "Prepared",
    "Results",
    "Run",
    "Settings",
    "collect_results",
    "cross_validate",
    "read_experiment",
    "read_results",
    "write_results",
]
