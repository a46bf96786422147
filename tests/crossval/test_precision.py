"""The precision "auto": the faster one, chosen once for an output folder, and stated by the results."""

import shutil
from dataclasses import replace

import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn.crossval import Experiment, Prepared, cross_validate, runner
from acrnn.errors import FieldError
from acrnn.recipes import Recipe
from acrnn.training import precision

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=1, precision="auto")


def quiet(line):
    pass


@pytest.fixture(scope="module")
def experiment(tiny_records):
    return Experiment(tiny_records, "chen2018-3d", RECIPE, options=TINY_NETWORK, save_models=False)


@pytest.mark.parametrize(("bfloat16_seconds", "chosen"), [(0.5, "mixed_bfloat16"), (0.9, "float32"), (1.7, "float32")])
def test_bfloat16_is_chosen_where_it_is_clearly_faster(monkeypatch, bfloat16_seconds, chosen):
    monkeypatch.setattr(precision, "_seconds", {"float32": 1.0, "bfloat16": bfloat16_seconds}.get)
    precision.faster.cache_clear()
    assert precision.faster() == chosen
    precision.faster.cache_clear()


def test_a_measurement_takes_the_time_of_a_few_products():
    assert 0 < precision._seconds("float32") < 1
    assert 0 < precision._seconds("bfloat16") < 1


def test_results_state_the_precision_and_a_folder_keeps_it(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "faster", lambda: "mixed_bfloat16")
    results = cross_validate(experiment, tmp_path / "out", folds=[0], announce=quiet)
    assert results.settings.recipe.precision == "mixed_bfloat16"
    monkeypatch.setattr(runner, "faster", lambda: "float32")
    shutil.copytree(tmp_path / "out", tmp_path / "moved")
    results = cross_validate(experiment, tmp_path / "moved", folds=[0], announce=quiet)
    assert results.settings.recipe.precision == "mixed_bfloat16"
    other = replace(experiment, recipe=replace(RECIPE, precision="float32"))
    with pytest.raises(ValueError, match="precision"):
        cross_validate(other, tmp_path / "moved", folds=[0], announce=quiet)


def test_a_system_of_one_precision_gets_it_without_a_measurement(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "faster", lambda: pytest.fail("measured"))
    elm = replace(experiment, model="han2014-dnn-elm", options={})
    assert runner._with_precision(elm, tmp_path).recipe.precision == "float32"


def test_the_choice_is_made_before_an_experiment_is_prepared(experiment):
    with pytest.raises(FieldError, match="only a cross-validation measures it"):
        Prepared.of(experiment)
