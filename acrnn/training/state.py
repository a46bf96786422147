"""Everything that training changes in a network, so that it can be copied and reset."""

from __future__ import annotations

import keras

from acrnn.text.embedding import embedding_of


def copy_state(source: keras.Model, target: keras.Model) -> None:
    """Copies weights and vocabulary from one network to another of the same architecture.

    Raises:
        ValueError: the architectures differ.
    """
    target.set_weights(source.get_weights())
    if embedding := embedding_of(source):
        embedding_of(target).vocabulary = embedding.vocabulary


def state_variables(model: keras.Model) -> list:
    """Returns weights and states of random generators, in the same order for every network built alike."""
    generators = [
        generator.state
        for layer in model._flatten_layers(include_self=False)
        for generator in getattr(layer, "_seed_generators", [])
    ]
    return [*model.weights, *generators]
