"""Recipes of two stages: the paper's numbers, the way through JSON, the refit, and systems that they do not fit."""

import json
from dataclasses import asdict, replace

import pytest
from support.zhang2021 import RECIPE, make_network

from acrnn import recipes
from acrnn.crossval import Experiment, Prepared
from acrnn.errors import UsageError
from acrnn.recipes import RECIPES, ZHANG2021, Recipe
from acrnn.recipes.initial_weights import InitialWeights


def test_a_recipe_of_one_stage_is_refused(record_set):
    with pytest.raises(UsageError, match="^recipe: it has one stage, but DCNN-BLSTM .* in two"):
        Prepared.of(Experiment(record_set.folder, "zhang2021", Recipe()))


def test_a_stage_goes_to_its_end(record_set):
    with pytest.raises(UsageError, match="^patience 3: two-stage training has no early stopping"):
        make_network(record_set, replace(RECIPE, patience=3))


def test_the_recipe_has_the_papers_numbers_in_each_stage():
    first, second = ZHANG2021.stages
    assert (first.batch_size, first.epochs, first.learning_rate) == (128, 20, 1e-4)
    assert (second.batch_size, second.epochs, second.learning_rate) == (16, 30, 5e-6)
    assert first.optimizer == second.optimizer == "nadam" and first.class_weights and second.class_weights
    assert ZHANG2021.total_epochs == 50


def test_recipes_of_two_stages_survive_the_way_through_json_and_those_of_one_are_as_they_were():
    values = json.loads(json.dumps(asdict(ZHANG2021)))
    assert recipes.from_dict(values) == ZHANG2021 and recipes.name_of(values) == "zhang2021"
    faster = asdict(ZHANG2021.with_second_stage({"learning_rate": 3e-4}))
    assert recipes.name_of(json.loads(json.dumps(faster))) == "changed"
    one_stage = [recipe for recipe in RECIPES.values() if len(recipe.stages) == 1]
    assert not [recipe for recipe in one_stage if "second_stage" in asdict(recipe)]
    with pytest.raises(UsageError, match="stage2_batch_size 3: the recipe trains in one stage"):
        Recipe().with_second_stage({"batch_size": 3})


def test_a_recipe_that_nobody_validates_ends_each_stage_at_the_median_of_what_was_chosen():
    def run(first, second):
        uars = [0.9 if n == first else 0.5 for n in range(1, 21)] + [0.9 if n == second else 0.5 for n in range(1, 31)]
        curve = [{"epoch": n, "validation_uar": uar, "validation_loss": 1.0} for n, uar in enumerate(uars, 1)]
        return {"curve": curve, "best_epoch": 20 + second}

    settled = ZHANG2021.settled([run(4, 10), run(6, 12), run(20, 30)])
    assert (settled.epochs, settled.second_stage.epochs, settled.epoch_choice) == (6, 12, "last")
    assert replace(ZHANG2021, epoch_choice="last").settled([]) == replace(ZHANG2021, epoch_choice="last")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"initial_weights": InitialWeights("time-arrow")},
            "initial weights .pre-trained on .*: 3-D ACRNN .* starts from random weights or from another corpus",
        ),
        ({"recipe": ZHANG2021}, "^recipe: it has two stages, but 3-D ACRNN .* in one"),
    ],
)
def test_systems_of_one_stage_refuse_what_means_nothing_for_them(options, message, tiny_records):
    with pytest.raises(UsageError, match=message):
        Prepared.of(replace(Experiment(tiny_records, "chen2018-3d", Recipe()), **options))
