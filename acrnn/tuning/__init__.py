"""Hyper-parameter search with KerasTuner inside the training parts of the folds."""

from acrnn.tuning.results import SearchResults, read_tuning
from acrnn.tuning.runner import tune
from acrnn.tuning.search import Search

__all__ = ["Search", "SearchResults", "read_tuning", "tune"]
