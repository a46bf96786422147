"""Networks with uneven posteriors, as if trained, and sounds for them: what tests of exports compare."""

import json
from dataclasses import asdict, replace

import keras
import numpy as np
from support.networks import SMALL, texts
from support.tiny_corpus import tiny_sound

from acrnn import frontends, records, segments
from acrnn.batches.network_inputs import network_inputs
from acrnn.crossval.settings import Settings
from acrnn.export.ensembles.members import joined
from acrnn.export.speaker_normalization import normalized
from acrnn.export.trained_model import TrainedModel
from acrnn.frontends import FRONTENDS
from acrnn.models import MODELS
from acrnn.segments import RULES
from acrnn.text.embedding import embedding_of
from acrnn.text.vocabulary import Vocabulary
from acrnn.training.state import copy_state

LABELS = ("anger", "fear", "neutral", "sadness")
SECONDS = (0.025, 0.1, 0.5, 2.99, 3.0, 3.015, 3.02, 4.2, 7.5, 60.0)


def sounds():
    """Tones in noise and noise, of all lengths from one window to a minute, one of them with digital silence."""
    kinds = ("high", "low", "noisy")
    # with these seeds no frame has two equally good pitch periods, between which DNN-ELM in float32 may choose another
    waveforms = [tiny_sound(kinds[n % 3], seconds, 100 + n).astype(np.float32) for n, seconds in enumerate(SECONDS)]
    waveforms[5][10000:20000] = 0
    return waveforms


def _sharpen(network, features, rule):
    """Fits the last layer so that the logits of successive sounds lie far apart."""
    last = network.layers[-1]
    before = keras.Model(network.input, last.input)
    fixed = "features" in network.input and network.input["features"].shape[1] is not None
    parts = [rule.cut(each) if fixed else (each[None], np.array([len(each)], np.int32)) for each in features]
    inputs = [
        {"features": part[:1], "num_frames": n[:1], "text": [text]}
        for (part, n), text in zip(parts, texts(len(parts)), strict=True)
    ]
    if fixed:  # in one compiled call: every step of a recurrent layer would be a call of its own
        whole = {name: np.concatenate([each[name] for each in inputs]) for name in inputs[0]}
        hidden = before.predict_on_batch(network_inputs(network, whole))
    else:
        hidden = np.stack([np.asarray(before(network_inputs(network, each)))[0] for each in inputs])
    mean = hidden.mean(axis=0) if last.use_bias else 0.0
    targets = 4.0 * np.eye(len(LABELS))[np.arange(len(hidden)) % len(LABELS)]
    kernel = np.linalg.pinv(hidden - mean, rcond=0.03 if last.use_bias else 1e-5) @ (targets - targets.mean(axis=0))
    last.set_weights([kernel, -mean @ kernel] if last.use_bias else [kernel])


def sharp(system, trim_db=None, prior=None, **sizes):
    """A small network of a system with random weights but uneven posteriors, as if trained in an experiment."""
    spec, rule = replace(FRONTENDS[MODELS[system].frontend], trim_db=trim_db), RULES[MODELS[system].segments]
    manifest = records.Manifest({}, LABELS, spec, rule, "float32", (), "", "", {})
    recipe = MODELS[system].recipe
    config = MODELS[system].configure(manifest, **{**recipe.network, **SMALL[MODELS[system].config], **sizes})
    keras.utils.set_random_seed(1)
    network = MODELS[system].estimator(config, recipe).model
    extracted = [spec.extract(waveform) for waveform in sounds()[:-1]]
    if prior:
        extracted = [normalized(features, prior) for features in extracted]
    if "features" in network.input:
        network.get_layer("normalization").adapt((features[None], [len(features)]) for features in extracted)
    if embedding := embedding_of(network):
        embedding.adopt(Vocabulary.fit(texts(12)[:-1], 19))
    _sharpen(network, extracted, rule)
    settings = {
        "model": system,
        "network": json.loads(json.dumps(asdict(config))),
        "recipe": asdict(recipe),
        "labels": list(LABELS),
        "frontend": frontends.to_dict(spec),
        "segments": segments.to_dict(rule),
        "corpus": {"name": "none", "title": "Nothing", "version": "1", "licence": "none", "citation": "nobody"},
        "records_sha256": "",
        "protocol": "",
        "split_sha256": "",
    }
    return TrainedModel.of_network(
        network, Settings.from_dict(settings), {"speakers": ["a", "b"], "epochs": 1, "seed": 0}, prior
    )


def as_ensemble(trained, count=2):
    """An ensemble of a network and of others with its weights times random factors from 0.7 to 1.3."""
    models, generator = [trained], np.random.default_rng(0)
    for seed in range(1, count):
        network = trained.system.build(trained.settings.config)
        copy_state(trained.model, network)
        network.set_weights([each * generator.uniform(0.7, 1.3, each.shape) for each in network.get_weights()])
        origin = {**trained.origin, "seed": seed, "epochs": seed + 1}
        models.append(TrainedModel.of_network(network, trained.settings, origin, trained.prior))
    return joined(models)
