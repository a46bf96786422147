"""The inputs of a network by name, made from the features and the auxiliary inputs of utterances."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np

from acrnn.records.auxiliary_inputs import NAMES
from acrnn.text.embedding import embedding_of


def auxiliary_inputs_of(model: keras.Model) -> tuple[str, ...]:
    """Returns the auxiliary inputs that a network needs, some of `auxiliary_inputs.NAMES`."""
    needs = {"text": "tokens" in model.input, "speaker_embedding": "speaker_embedding" in model.input}
    return tuple(name for name in NAMES if needs[name])


def network_inputs(model: keras.Model, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the inputs of a network for a batch: its own among the values, and token ids for texts.

    Args:
        model: the network, with named inputs.
        values: "features" float32 [batch, frames, bands, channels], "num_frames" int32 [batch] and auxiliary inputs by
            name: "text" strings [batch], "speaker_embedding" float32 [batch, size]. Others are ignored.

    Raises:
        ValueError: an auxiliary input is missing.
    """
    for name in auxiliary_inputs_of(model):
        if name not in values:
            raise ValueError(f"{name} is missing; the network needs it for every utterance")
    values = dict(values)
    if "tokens" in model.input:
        values["tokens"], values["num_words"] = embedding_of(model).vocabulary.ids(values["text"])
    return {name: values[name] for name in model.input}
