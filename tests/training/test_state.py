"""State of a network: copies between networks of one architecture, and its order."""

import numpy as np
import pytest
from support.networks import inputs_of, small_config, small_network

from acrnn.models import MODELS
from acrnn.text.embedding import embedding_of
from acrnn.text.vocabulary import Vocabulary
from acrnn.training.state import copy_state, state_variables


def test_a_copy_has_the_weights_the_vocabulary_and_the_logits_of_its_source():
    network = small_network("peng2021-text")
    embedding_of(network.model).adopt(Vocabulary(("a", "b", "c")))
    copy = MODELS["peng2021-text"].build(small_config("peng2021-text"))
    inputs = inputs_of(network)
    assert np.abs(np.asarray(copy(inputs)) - np.asarray(network.model(inputs))).max() > 1e-3
    copy_state(network.model, copy)
    np.testing.assert_allclose(np.asarray(copy(inputs)), np.asarray(network.model(inputs)), atol=1e-6)
    assert embedding_of(copy).vocabulary.words == ("a", "b", "c")


def test_a_network_of_another_architecture_is_refused():
    network = small_network("chen2018-3d")
    with pytest.raises(ValueError, match="weight"):
        copy_state(network.model, MODELS["chen2018-2d"].build(small_config("chen2018-2d")))


def test_two_networks_built_alike_have_their_state_in_the_same_order():
    networks = [small_network("lim2016-cnn").model for _ in range(2)]
    shapes = [[tuple(variable.shape) for variable in state_variables(model)] for model in networks]
    assert shapes[0] == shapes[1]
    assert len(shapes[0]) > len(networks[0].weights)  # the states of dropout too
