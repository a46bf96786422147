"""Recipes: published values, errors that name the field, learning rate schedules, departures."""

import hashlib
import json
from dataclasses import asdict, fields, replace

import numpy as np
import pytest

from acrnn import recipes
from acrnn.errors import FieldError
from acrnn.recipes import CHEN2018, DEPARTURES, RECIPES, TUNED, ZHANG2021, Departure, Recipe, SecondStage, departed
from acrnn.recipes.augmentation import Augmentation


def test_chen2018_has_the_values_of_the_paper():
    """Chen et al. (2018), Section III-A."""
    assert (CHEN2018.optimizer, CHEN2018.learning_rate, CHEN2018.momentum) == ("nadam", 1e-4, 0.9)
    assert (CHEN2018.batch_size, CHEN2018.epoch_choice, CHEN2018.pooling) == (40, "validation-uar", "max")
    assert CHEN2018.augmentation is None and CHEN2018.schedule == "constant"
    assert CHEN2018.label_smoothing == CHEN2018.weight_decay == 0


def test_the_constant_schedule_is_constant():
    assert {Recipe(learning_rate=0.3, warmup_epochs=5).rate(done) for done in (0, 0.5, 29.9)} == {0.3}


def test_decay_divides_the_learning_rate_of_every_schedule():
    assert Recipe(learning_rate=0.3, decay=0.5).rate(7, steps_done=4) == pytest.approx(0.1)
    cosine = {"learning_rate": 0.3, "schedule": "cosine", "epochs": 10}
    assert Recipe(**cosine, decay=0.5).rate(5, 2) == pytest.approx(Recipe(**cosine).rate(5) / 2)
    with pytest.raises(FieldError, match=r"^decay -1: it must be a number from 0 up"):
        Recipe(decay=-1)


def test_the_cosine_schedule_warms_up_and_falls_to_zero():
    recipe = Recipe(learning_rate=2.0, schedule="cosine", warmup_epochs=2, epochs=12)
    rates = np.array([recipe.rate(done) for done in np.linspace(0, 12, 121)])
    assert rates.argmax() == 20 and rates.max() == pytest.approx(2.0, rel=0.06)
    assert recipe.rate(2) == 2.0 and recipe.rate(7) == pytest.approx(1.0) and recipe.rate(12) == pytest.approx(0)
    assert 0 < rates[0] < 0.2 and (np.diff(rates[:21]) > 0).all() and (np.diff(rates[21:]) < 0).all()


def test_the_tuned_recipe_is_the_paper_with_all_kept_departures():
    assert departed(CHEN2018, DEPARTURES) == TUNED
    assert len({departure.name for departure in DEPARTURES}) == len(DEPARTURES)
    kept = [departure for departure in DEPARTURES if departure.kept]
    for count in range(len(kept)):
        assert departed(CHEN2018, kept[: count + 1]) != departed(CHEN2018, kept[:count])


def test_a_departure_that_was_not_kept_changes_nothing():
    dropped = Departure("a", "b", {"epochs": 3, "network": {"dropout": 0.2}}, kept=False)
    assert departed(CHEN2018, [dropped]) == CHEN2018


def test_departures_merge_network_fields_and_do_not_change_the_recipe_they_start_from():
    before = Recipe(network={"dropout": 0.1, "normalization": "band"})
    after = departed(before, [Departure("a", "b", {"epochs": 3, "network": {"dropout": 0.2}})])
    assert after.network == {"dropout": 0.2, "normalization": "band"} and after.epochs == 3
    assert before.network == {"dropout": 0.1, "normalization": "band"}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_conversion_to_a_dict(name):
    assert recipes.from_dict(asdict(RECIPES[name])) == RECIPES[name]
    assert recipes.from_dict(recipes.to_dict(RECIPES[name])) == RECIPES[name]


# Hashes of the recipes as version 0.1 wrote them into the settings of experiments; resumable folders depend on them.
HASHES = {
    "literal": "b7ac588ecbce",
    "chen2018": "0446d0059b80",
    "han2014": "83aa19d37b2e",
    "zhang2021": "dc8efd915faa",
    "zhang2021-faster": "1abfd015d22e",
    "zhang2021-2cnn-lstm": "9c091f019a6f",
    "lim2016": "04f000b06d36",
    "peng2021": "a3606113b714",
    "centered": "c266f83098e4",
    "tuned": "0791e36cfa8b",
}


@pytest.mark.parametrize("name", HASHES)
def test_a_recipe_without_later_fields_is_written_as_before(name):
    text = json.dumps(recipes.to_dict(RECIPES[name]), sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == HASHES[name]


def test_a_recipe_with_later_fields_of_its_augmentation_writes_them_and_keeps_its_name():
    assert "noise" not in recipes.to_dict(TUNED)["augmentation"]
    values = json.loads(json.dumps(recipes.to_dict(RECIPES["robust"])))
    assert (values["augmentation"]["noise"], values["augmentation"]["narrow"]) == (0.5, 0.25)
    assert (values["augmentation"]["lowest_snr_db"], values["augmentation"]["lowest_cutoff_hz"]) == (5.0, 3000.0)
    assert recipes.name_of(values) == "robust" and recipes.name_of(recipes.to_dict(TUNED)) == "tuned"
    assert recipes.name_of({**values, "augmentation": {**values["augmentation"], "noise": 0.4}}) == "changed"


def test_the_recipe_of_the_authors_code_draws_segments_and_counts_steps():
    values = recipes.to_dict(RECIPES["chen2018-original"])
    assert (values["balanced_draw"], values["max_steps"]) == (300, 5000)
    steps_of_a_pass = 300 * 2 // values["batch_size"]  # with two classes, the fewest
    assert steps_of_a_pass * values["epochs"] >= values["max_steps"]


def test_results_of_the_earlier_recipe_of_the_authors_code_read_and_are_not_named_after_the_present_one():
    earlier = {"optimizer": "adam", "learning_rate": 1e-5, "batch_size": 60, "epochs": 30, "pooling": "max-logits"}
    values = {**json.loads(json.dumps(recipes.to_dict(Recipe()))), **earlier}
    assert recipes.from_dict(values).balanced_draw is None
    assert recipes.name_of(values) == "changed"


def test_a_refit_trains_the_median_of_the_selected_epochs_without_a_limit_of_steps():
    settled = RECIPES["chen2018-original"].settled([{"best_epoch": epoch} for epoch in (40, 90, 140)])
    assert (settled.epochs, settled.max_steps, settled.balanced_draw) == (90, None, 300)


@pytest.mark.parametrize(
    ("changes", "epochs"),
    [
        ({}, 143),
        ({"balanced_draw": None}, 295),
        ({"balanced_draw": None, "batch_size": 10}, 50),
        ({"max_steps": None}, 500),
    ],
)
def test_the_number_of_epochs_to_expect_follows_from_the_limit_of_steps(changes, epochs):
    recipe = replace(
        RECIPES["chen2018-original"], **changes
    )  # 5000 steps; 300 segments of 7 classes are 35 steps of 60
    assert recipe.epochs_with(1000, 7) == epochs


def test_a_dict_of_another_version_is_refused():
    with pytest.raises(ValueError, match="not a recipe of this version"):
        recipes.from_dict({"moonphase": 3})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate 0.0: it must be a number above 0"),
        ({"label_smoothing": 1.0}, "label_smoothing 1.0: it must lie from 0 up to below 1"),
        ({"averaging": -0.1}, "averaging -0.1"),
        ({"weight_decay": float("nan")}, "weight_decay nan"),
        ({"pooling": "median"}, "pooling median: it is unknown; choose from"),
        ({"balanced_draw": 0}, "balanced_draw 0: it must be a whole number above 0"),
        ({"max_steps": -1}, "max_steps -1: it must be a whole number above 0"),
    ],
)
def test_values_out_of_range_are_named(wrong, message):
    with pytest.raises(FieldError, match=message) as refused:
        Recipe(**wrong)
    assert {refused.value.field: refused.value.value} == pytest.approx(wrong, nan_ok=True)


def test_an_error_in_the_second_stage_names_the_option_of_that_stage():
    with pytest.raises(FieldError, match=r"stage2_learning_rate -1: it must be a number above 0"):
        ZHANG2021.with_second_stage({"learning_rate": -1})
    with pytest.raises(FieldError, match=r"stage2_epochs 3: the recipe trains in one stage"):
        CHEN2018.with_second_stage({"epochs": 3})
    assert CHEN2018.with_second_stage({}) == CHEN2018


def test_an_augmentation_is_part_of_a_recipe():
    recipe = Recipe(augmentation=Augmentation(speed=0.1))
    assert asdict(recipe)["augmentation"]["speed"] == 0.1


@pytest.mark.parametrize("name", RECIPES)
def test_the_name_of_a_recipe_does_not_depend_on_epochs_and_precision(name):
    values = {**json.loads(json.dumps(asdict(RECIPES[name]))), "epochs": 3, "precision": "mixed_bfloat16"}
    assert recipes.name_of(values) == name
    assert recipes.name_of({**values, "learning_rate": 0.123}) == "changed"


@pytest.mark.parametrize("settings", [Recipe, SecondStage], ids=lambda settings: settings.__name__)
def test_every_field_has_one_help_text_for_the_command_line_and_an_entry_in_the_docstring(settings):
    for item in fields(settings):
        text = item.metadata["help"]
        assert text and "\n" not in text and not text.endswith("."), item.name
        assert f"        {item.name}: " in settings.__doc__, item.name
