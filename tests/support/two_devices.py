"""Trains a small network on one device and on two virtual ones, and a system by the console command; prints the results as JSON.

    python tests/support/two_devices.py CORPUS RECORDS FOLDER

A program of its own: virtual devices must be there before TensorFlow computes anything.
"""

from __future__ import annotations

import json
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from acrnn.batches.sources import MemorySource
from acrnn.distribution import choice, devices
from acrnn.distribution.replicas import Replicas
from acrnn.layers import AttentionPooling, FeatureNormalization, FrameMask
from acrnn.recipes import Recipe
from acrnn.records import Segments
from acrnn.training.network import Network
from acrnn.training.state import state_variables
from experiments import run_cv

SEGMENTS, FRAMES, CLASSES, BATCH = 29, 12, 3, 7  # the last batch has one segment, less than one for each device
RECIPE = Recipe(
    learning_rate=0.5,
    optimizer="sgd",
    batch_size=BATCH,
    epochs=3,
    epoch_choice="last",
    class_weights=True,
    gradient_clip_norm=0.2,
)


class Batches(MemorySource):
    """Segments in random order, whose last batch is not filled."""

    def shuffled(self, batch_size, generator):
        order = generator.permutation(self.index)
        for start in range(0, len(order), batch_size):
            yield self._batch(order[start : start + batch_size])


def source():
    """Segments of different lengths, of classes of different sizes."""
    generator = np.random.default_rng(1)
    labels = np.minimum(generator.integers(0, 5, SEGMENTS), CLASSES - 1).astype(np.int32)
    features = generator.normal(labels[:, None, None, None], size=(SEGMENTS, FRAMES, 4, 1)).astype(np.float32)
    num_frames = generator.integers(2, FRAMES + 1, SEGMENTS).astype(np.int32)
    rows = np.arange(SEGMENTS)
    return Batches(Segments(features=features, num_frames=num_frames, labels=labels, utterances=rows), rows)


def build():
    """A network with two batch normalizations, one of them masked."""
    features = keras.Input((FRAMES, 4, 1), name="features")
    num_frames = keras.Input((), dtype="int32", name="num_frames")
    mask = FrameMask(FRAMES)(num_frames)
    x = FeatureNormalization(name="normalization")(features, mask)
    x = layers.Dense(8, name="frame")(layers.Reshape((FRAMES, 4))(x))
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9, name="frame_norm")(x, mask=mask))
    x, _ = AttentionPooling(name="attention")(x, mask=mask)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9, name="segment_norm")(layers.Dense(8, name="segment")(x)))
    return keras.Model(
        {"features": features, "num_frames": num_frames}, layers.Dense(CLASSES, dtype="float32", name="logits")(x)
    )


def fitted(kind: str) -> dict:
    """Loss curve and weights of a fit."""
    choice.demand(kind)
    devices.begin()
    network = Network(build, RECIPE)
    fits = [network.fit(source(), None, seed) for seed in (1, 0)]  # the second does not depend on the first
    values = zip(network.model.weights, network.model.get_weights(), strict=True)
    weights = {weight.path: value.tolist() for weight, value in values}
    return {"curve": [epoch.loss for epoch in fits[1].curve], "weights": weights, "versions": devices.versions()}


def dropped() -> list:
    """Which units dropout sets to zero on each replica."""
    units = keras.Input((64,), name="units")
    model = keras.Model(
        {"units": units}, layers.Dense(1, kernel_initializer="ones")(layers.Dropout(0.5, name="drop")(units))
    )
    model.compile("sgd", "mse")
    replicas = Replicas(model, state_variables)
    replicas.begin()
    drop = replicas.replica.get_layer("drop")
    masks = replicas.strategy.run(lambda: drop(tf.ones((1, 64)), training=True) == 0)
    return [mask.numpy().tolist() for mask in replicas.strategy.experimental_local_results(masks)]


def trained(corpus: str, records: str, folder: str, name: str, *options: str) -> int:
    """Status of the console command on two devices, with a system whose graph is small."""
    data = ["--dataset", "manifest", "--data-dir", corpus, "--records", records]
    small = ["--model", "han2014-dnn-elm", "--epochs", "1", "--network", "hidden_units=16", "--network", "elm_units=12"]
    runs = ["--folds", "0", "--output-dir", f"{folder}/{name}", "--distribute", choice.MIRRORED]
    return run_cv.main([*data, *small, *runs, *options])


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    results: dict = {kind: fitted(kind) for kind in (choice.NONE, choice.MIRRORED)}
    statuses = [trained(*sys.argv[1:], "run"), trained(*sys.argv[1:], "small", "--batch-size", "1")]
    print(json.dumps({**results, "dropped": dropped(), "statuses": statuses}))
