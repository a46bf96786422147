"""Classical baselines: support vector machines on statistics of utterances. Imports neither Keras nor TensorFlow."""

from acrnn.baselines.registry import BASELINES, Baseline

__all__ = ["BASELINES", "Baseline"]
