"""Command-line options of the trackers."""

from __future__ import annotations

import argparse
from pathlib import Path

from acrnn.tracking.tracking import Tracking


def add_tracking_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the trackers to a parser; `tracking_from` reads them."""
    group = parser.add_argument_group("tracking")
    group.add_argument(
        "--tensorboard", type=Path, metavar="DIR", help="write learning curves for TensorBoard below this folder"
    )
    group.add_argument(
        "--mlflow", metavar="DIR_OR_URI", help="write runs into an MLflow store, or to a server (extra [mlflow])"
    )


def tracking_from(options: argparse.Namespace) -> Tracking:
    """Returns the destinations to which the options send the learning curves; nowhere for a script without the options.

    Raises:
        ImportError: the extra of MLflow is not installed.
    """
    return Tracking(getattr(options, "tensorboard", None), getattr(options, "mlflow", None))
