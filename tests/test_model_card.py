"""The card of a model: its page states the recipe, the network and the training data."""

from dataclasses import replace

import pytest

from acrnn import recipes
from acrnn.inference import locate
from acrnn.model_card import Card
from acrnn.models import MODELS
from acrnn.recipes import RECIPES


@pytest.fixture
def card():
    """The card of the included model: a reduced network, trained by the recipe "robust"."""
    return Card.read(locate.version_folder(locate.DEFAULT))


def test_a_reduced_network_is_named_with_every_size_that_differs_from_the_paper(card):
    assert card.network_name == "reduced network"
    assert "lstm_units 64 instead of 128" in card.network_summary() and "bands" not in card.network_summary()
    assert "pool_size 4 × 2 instead of 2 × 2" in card.markdown()


def test_the_network_of_the_paper_is_named_so(card):
    full = replace(card, network={**card.network, "lstm_units": 128, "linear_units": 768, "pool_size": [2, 2]})
    full = replace(full, network={**full.network, "first_filters": 128, "filters": 256})
    assert full.network_summary() == full.network_name == "the system's default network"
    assert "and the system's default network, as described above" in full.markdown()


def test_another_network_is_named_a_changed_one(card):
    changed = replace(card, network={**card.network, "conv_layers": 3, "filters": 256})
    assert changed.network_name == "changed network" and "conv_layers 3 instead of 1" in changed.network_summary()


def test_the_recipe_is_named_with_its_hyper_parameters_and_network_fields(card):
    tuned = replace(card, recipe=recipes.to_dict(RECIPES["tuned"]))
    assert tuned.recipe_name == "recipe tuned"
    assert tuned.recipe_summary() == (
        "recipe tuned (adam, learning rate 0.001, batch size 40, 60 epochs, normalization band, centered True)"
    )
    assert replace(card, recipe={**card.recipe, "learning_rate": 0.5}).recipe_name == "changed recipe"
    assert replace(card, recipe={}).recipe_summary() == "changed recipe"


def test_simulated_conditions_and_copies_at_other_speeds_are_stated(card):
    recipe = RECIPES["robust"]
    robust = replace(card, recipe=recipes.to_dict(recipe))
    conditions = "centered True, noise at 5 to 35 dB in 50 % of the segments, no frequencies above 3000 to 8000 Hz in 25 % of the segments"
    assert robust.recipe_summary().endswith(f"{conditions})")
    faster = replace(recipe, augmentation=replace(recipe.augmentation, speed=0.3))
    changed = replace(card, recipe=recipes.to_dict(faster))
    assert changed.recipe_summary().endswith(
        f"{conditions}, random speaking rates from 0.77 to 1.3 times the recorded rate)"
    )
    assert "Hz in" not in replace(card, recipe=recipes.to_dict(RECIPES["tuned"])).recipe_summary()
    copied = replace(card, fitted_on={**card.fitted_on, "speeds": [0.9, 1.0]})
    assert "with copies at the speeds 0.9, 1 |" in copied.markdown()


def test_a_card_of_a_system_that_is_not_installed_can_be_shown(card):
    foreign = replace(card, system="mine2027")
    assert "network of a system that is not installed" in foreign.markdown() and "mine2027" not in MODELS


def test_a_page_without_an_estimate_says_that_nothing_was_measured(card):
    page = replace(card, estimate=None, evaluations=()).markdown()
    assert "Not measured" in page and "UAR" not in page


def test_only_a_refitted_model_is_said_to_have_no_test_result(card):
    sentence = "so it has no test result of its own"
    assert sentence in card.markdown()
    assert sentence not in replace(card, fitted_on={**card.fitted_on, "fold": 0}).markdown()


def test_the_recipes_named_on_cards_exist(card):
    assert card.recipe_name.removeprefix("recipe ") in RECIPES
