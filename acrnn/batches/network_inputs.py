"""What a network takes: its inputs by name, made of what is known of utterances. The one place where they meet."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np

from acrnn.records.auxiliary_inputs import NAMES
from acrnn.text.embedding import embedding_of


def auxiliary_inputs_of(model: keras.Model) -> tuple[str, ...]:
    """What a network takes beside the sound: some of `auxiliary_inputs.NAMES`."""
    takes = {"text": "tokens" in model.input, "speaker_embedding": "speaker_embedding" in model.input}
    return tuple(name for name in NAMES if takes[name])


def fed(model: keras.Model, known: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Inputs of a network.

    Args:
        model: which; its own inputs say what is needed.
        known: "features", "num_frames" and companions by their names, one row an utterance; more than needed does no harm.

    Raises:
        ValueError: a companion is missing.
    """
    for name in auxiliary_inputs_of(model):
        if name not in known:
            raise ValueError(f"{name}: the network takes it, and it is not given; give one for every utterance")
    values = dict(known)
    if "tokens" in model.input:
        values["tokens"], values["num_words"] = embedding_of(model).vocabulary.ids(known["text"])
    return {name: values[name] for name in model.input}
