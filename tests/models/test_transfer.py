"""Weights of a network that was trained on another corpus, as the initial weights of every system of one stage."""

from dataclasses import replace

import numpy as np
import pytest
from support.networks import CLASSES, small_config, small_network, source_of

from acrnn.models import MODELS
from acrnn.text.embedding import embedding_of
from acrnn.training.pretraining import transferred

LABELS = tuple("abcdefg"[:CLASSES])
# The layers whose weights are new where the emotions differ.
NEW = {
    "chen2018-3d": {"logits"},
    "lim2016-tdcnn": {"logits"},
    "zhang2021-2cnn-lstm": {"logits"},
    "peng2021-bimodal": {"logits", "embedding"},
    "han2014-dnn-elm": {"window_logits", "elm_hidden", "elm_output"},
}


def other_network(name, num_classes):
    """Returns the network of a system for another number of classes, with weights that are easy to recognize."""
    model = MODELS[name].build(replace(small_config(name), num_classes=num_classes))
    model.set_weights([np.full(weight.shape, number / 100, np.float32) for number, weight in enumerate(model.weights)])
    return model


@pytest.mark.parametrize("name", NEW)
def test_all_layers_but_the_output_start_from_the_pre_trained_network(name):
    network, other = small_network(name), other_network(name, 3)
    labels = ("x", "y", "z")
    network.initial_weights = transferred(other.get_weights(), network.model, other, LABELS, labels)
    random = network.build(seed=2)
    network.reset(seed=2)
    assert network.fit(source_of(network), source_of(network), 2).curve
    network.reset(seed=2)
    new = set()
    for weight, start, fresh in zip(network.model.weights, other.weights, random.weights, strict=True):
        if weight.shape == start.shape and np.array_equal(np.array(weight), np.array(start)):
            continue
        np.testing.assert_array_equal(np.array(weight), np.array(fresh))
        new.add(weight.path.split("/")[0])
    assert new == {embedding_of(network.model).name if layer == "embedding" else layer for layer in NEW[name]}


@pytest.mark.parametrize("name", NEW)
def test_the_output_layer_is_kept_where_both_corpora_have_the_same_emotions(name):
    network, same, wider = small_network(name), other_network(name, CLASSES), other_network(name, CLASSES + 1)
    values = transferred(same.get_weights(), network.model, wider, LABELS, LABELS)
    embedding = embedding_of(network.model)
    missing = [weight for weight, value in zip(network.model.weights, values, strict=True) if value is None]
    assert [weight.path for weight in missing] == [weight.path for weight in (embedding.weights if embedding else [])]


def test_the_same_emotions_in_another_order_are_reordered_in_each_output():
    name = "chen2018-3d"
    network, wider = small_network(name), other_network(name, CLASSES + 1)
    weights = network.model.get_weights()
    kernel = [weight.path for weight in network.model.weights].index("logits/kernel")
    values = transferred(weights, network.model, wider, LABELS, LABELS[::-1])
    np.testing.assert_array_equal(values[kernel], weights[kernel][:, ::-1])
    np.testing.assert_array_equal(values[kernel + 1], weights[kernel + 1][::-1])
    for number, weight in enumerate(network.model.weights):
        if "logits" not in weight.path:
            np.testing.assert_array_equal(values[number], weights[number])


def test_statistics_of_posteriors_in_another_order_start_at_random():
    """The ELM of Han et al. has four inputs for each class, which a permutation of classes does not reorder alone."""
    name = "han2014-dnn-elm"
    network, wider = small_network(name), other_network(name, CLASSES + 1)
    values = transferred(network.model.get_weights(), network.model, wider, LABELS, LABELS[::-1])
    paths = [weight.path for weight, value in zip(network.model.weights, values, strict=True) if value is None]
    assert paths == ["elm_hidden/kernel"]
