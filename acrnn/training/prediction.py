"""Prediction on batches of one fixed size, so that the graph is compiled for one shape."""

from __future__ import annotations

import keras
import numpy as np


def predict_batch(model: keras.Model, inputs: dict[str, np.ndarray], batch_size: int) -> np.ndarray:
    """Returns the output of a model with one output for at most `batch_size` rows.

    A smaller batch is filled up with copies of its first row, whose outputs are dropped.

    Args:
        model: network.
        inputs: arrays [rows, …] by input name.
        batch_size: rows that the model is called with.
    """
    rows = len(next(iter(inputs.values())))
    missing = batch_size - rows
    filled = {name: np.concatenate([value, value[:1].repeat(missing, axis=0)]) for name, value in inputs.items()}
    return np.asarray(model.predict_on_batch(filled))[:rows]
