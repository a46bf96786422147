"""Learning curves for other programs: TensorBoard and MLflow."""

from acrnn.tracking.tracker import Subject, Tracker
from acrnn.tracking.tracking import NOTHING, Trackers, Tracking

__all__ = ["NOTHING", "Subject", "Tracker", "Trackers", "Tracking"]
