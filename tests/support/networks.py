"""Small networks of every system in MODELS, with inputs and sources for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from acrnn import recipes, records
from acrnn.batches.network_inputs import network_inputs
from acrnn.batches.sources import MemorySource
from acrnn.frontends import FRONTENDS
from acrnn.models import MODELS, chen2018, han2014, lim2016, peng2021, zhang2021
from acrnn.records.auxiliary_inputs import AuxiliaryInputs
from acrnn.segments import RULES

FRAMES, CLASSES = 40, 4
SMALL = {
    chen2018.Config: {
        "conv_layers": 2, "first_filters": 4, "filters": 6, "linear_units": 8, "lstm_units": 4, "dense_units": 8
    },
    lim2016.Config: {"filters": (2, 3), "dense_units": 8, "lstm_units": 4, "series_units": 4},
    han2014.Config: {"hidden_units": 16, "elm_units": 12, "context_frames": 5},
    zhang2021.Config: {
        "context_frames": 16, "shift_frames": 8, "image_size": 67, "width": 0.06, "fc_units": 16, "lstm_units": 4,
        "dense_units": (8, 8),
    },
    zhang2021.BaselineConfig: {"filters": (4, 6), "lstm_units": 6},
    peng2021.Config: {
        "audio_kernels": (3, 4), "text_kernels": (2, 3), "filters": 4, "dense_units": 8, "embedding_size": 6, "max_words": 20
    },
}  # fmt: skip


def small_config(name, **options):
    system = MODELS[name]
    spec = FRONTENDS[system.frontend]
    rule = replace(RULES[system.segments], frames=FRAMES, hop_frames=FRAMES)
    labels = tuple("abcdefg"[:CLASSES])
    manifest = records.Manifest({}, labels, spec, rule, "float32", (), "", "", {})
    return system.configure(manifest, **{**SMALL[system.config], **options})


def small_network(name, **recipe):
    recipe = recipes.Recipe(**{"batch_size": 4, "learning_rate": 1e-2, "epochs": 1, **recipe})
    return MODELS[name].estimator(small_config(name), recipe)


def inputs(count=4, seed=0, frames=FRAMES, shape=(40, 3)):
    generator = np.random.default_rng(seed)
    num_frames = generator.integers(12, FRAMES // 2, size=count).astype(np.int32) * 2
    features = generator.normal(size=(count, frames, *shape)).astype(np.float32)
    for segment, real in zip(features, num_frames, strict=True):
        segment[real:] = 0
    return {"features": features, "num_frames": num_frames}


def texts(count=4, seed=0):
    """Two to nine words of ten, one of which, in a text of its own, no training text has."""
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(list("abcdefghij"), generator.integers(2, 10))) for _ in range(count - 1)] + [
        "new"
    ]


def known(network, count=4, seed=0):
    """What there is to know of utterances whose sound has as many bands and channels as the network's front end gives."""
    features = network.model.input.get("features")
    sound = inputs(count, seed, shape=(1, 1) if features is None else features.shape[2:])
    return {**sound, "text": texts(count, seed)}


def inputs_of(network, count=4, seed=0):
    """Inputs, those that the network takes."""
    return network_inputs(network.model, known(network, count, seed))


def source_of(network, count=12):
    """The same as utterances of one segment, whose classes take turns."""
    rows = np.arange(count)
    sound = {name: known(network, count)[name] for name in ("features", "num_frames")}
    data = records.Segments(**sound, labels=rows % CLASSES, utterances=rows)
    return MemorySource(data, rows, AuxiliaryInputs(texts(count)))
