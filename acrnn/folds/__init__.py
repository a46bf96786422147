"""Folds of cross-validation and the protocols that make them. Every fold is checked for overlap when it is made."""

from acrnn.folds.checks import check_fold
from acrnn.folds.fold import Fold, split_sha256
from acrnn.folds.protocols import PROTOCOLS, Protocol, make_folds

__all__ = ["PROTOCOLS", "Fold", "Protocol", "check_fold", "make_folds", "split_sha256"]
