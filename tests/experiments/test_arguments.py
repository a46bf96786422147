"""The options of the experiments: two helps, and an option for every field of a recipe that has a single value."""

from dataclasses import asdict, fields
from typing import get_args, get_origin, get_type_hints

import pytest

from acrnn.models import MODELS
from acrnn.recipes import OPTIONAL_COUNTS, RECIPES, Recipe, SecondStage
from experiments import arguments, from_options, run_cv
from experiments.recipe_options import option_names

# A value for each field that differs from its default in every recipe.
CHANGED = {
    "optimizer": "sgd", "learning_rate": 0.5, "momentum": 0.7, "batch_size": 7, "epochs": 3, "patience": 2,
    "pooling": "mean", "class_weights": True, "oversampling": True, "gradient_clip_norm": 2.5, "schedule": "cosine",
    "warmup_epochs": 4, "decay": 0.25, "weight_decay": 0.125, "label_smoothing": 0.05, "averaging": 0.5,
    "epoch_choice": "last", "segment_weights": "new-frames", "precision": "mixed_bfloat16", "balanced_draw": 9, "max_steps": 11,
    "random_enrolment": True,
}  # fmt: skip


def parsed(*options):
    return arguments.parsed(run_cv._parser(), ["--dataset", "emodb", *options])


def as_options(name, value):
    option = f"--{name.replace('_', '-')}"
    return [option] if value is True else [option, str(value)]


def test_the_short_help_is_a_page_with_the_options_that_matter(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        run_cv.main(["--help"])
    text = capsys.readouterr().out
    assert len(text.splitlines()) <= 45
    assert "python experiments/run_cv.py --dataset toy" in text
    for option in ("--dataset", "--model", "--recipe", "--folds", "--seeds", "--jobs", "--output-dir", "--help-all"):
        assert f"  {option}" in text
    for option in ("--stage2-epochs", "--audio-kernels", "--imagenet-weights", "--momentum", "--asr"):
        assert option not in text


def test_the_full_help_has_every_option_and_the_choices(capsys):
    with pytest.raises(SystemExit) as stop:
        run_cv.main(["--help-all"])
    text = " ".join(capsys.readouterr().out.split()).replace("- ", "-")
    assert stop.value.code == 0
    for action in run_cv._parser()._actions:
        for name in [*action.option_strings, *(action.choices or ())]:
            assert str(name) in text, name
    assert text.index("--dataset") < text.index("--learning-rate") < text.index("--stage2-learning-rate")


@pytest.mark.parametrize("name", CHANGED)
def test_an_option_sets_its_field_and_nothing_else(name):
    recipe = from_options.recipe_of(parsed(*as_options(name, CHANGED[name])), "chen2018-3d")
    expected = {**asdict(MODELS["chen2018-3d"].recipe), name: CHANGED[name]}
    assert asdict(recipe) == expected
    assert type(getattr(recipe, name)) is type(CHANGED[name])


def test_every_field_of_a_recipe_with_a_single_value_has_an_option():
    assert set(option_names(Recipe)) == set(CHANGED)
    assert {item.name for item in fields(Recipe)} - set(CHANGED) == {"augmentation", "network"}
    assert option_names(SecondStage) == [item.name for item in fields(SecondStage)]


def test_an_option_has_the_choices_of_its_field():
    choices = {action.dest: action.choices for action in run_cv._parser()._actions}
    literals = {
        name: get_args(kind) for name, kind in get_type_hints(Recipe).items() if "Literal" in str(get_origin(kind))
    }
    assert set(literals) == {"optimizer", "pooling", "schedule", "epoch_choice", "precision", "segment_weights"}
    for name, values in literals.items():
        assert tuple(choices[name]) == values


def test_a_field_that_a_recipe_sets_to_true_can_be_switched_off():
    assert RECIPES["zhang2021"].class_weights
    assert not from_options.recipe_of(parsed("--no-class-weights"), "zhang2021").class_weights


@pytest.mark.parametrize("name", OPTIONAL_COUNTS)
def test_zero_switches_an_optional_count_off(name):
    options = parsed("--recipe", "chen2018-original", *as_options(name, 0))
    assert getattr(from_options.recipe_of(options, "chen2018-3d"), name) is None


def test_the_second_stage_has_options_of_its_own():
    recipe = from_options.recipe_of(parsed("--stage2-epochs", "3", "--epochs", "2"), "zhang2021")
    assert [stage.epochs for stage in recipe.stages] == [2, 3]
    assert recipe.stages[1].learning_rate == RECIPES["zhang2021"].second_stage.learning_rate


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--averaging", "1.5"], "error: --averaging 1.5: it must lie from 0 up to below 1"),
        (["--decay", "-1"], "error: --decay -1.0: it must be a number from 0 up"),
        (["--stage2-epochs", "3"], "error: --stage2-epochs 3: the recipe trains in one stage"),
        (["--tuning", "elsewhere"], "error: --tuning elsewhere: it goes with --model best only"),
        (["--conv-layers", "9"], "error: --conv-layers 9: "),
    ],
)
def test_an_error_about_a_field_names_its_option(options, message, capsys):
    assert run_cv.main(["--dataset", "toy", *options]) == 2
    assert message in capsys.readouterr().err


def test_a_synthetic_corpus_is_learned_by_the_reduced_network_unless_asked_otherwise():
    assert parsed("--dataset", "toy").reduced and parsed("--dataset", "toy").epochs == 10
    assert not parsed("--dataset", "toy", "--no-reduced").reduced
    assert not parsed("--dataset", "toy", "--model", "han2014-dnn-elm").reduced  # it has no reduced network
    assert not parsed("--dataset", "emodb").reduced and parsed("--dataset", "emodb", "--reduced").reduced


def test_a_synthetic_corpus_is_trained_on_whole_unless_a_draw_is_asked_for():
    original = ["--dataset", "toy", "--model", "chen2018-original"]
    assert from_options.recipe_of(parsed(*original), "chen2018-original").balanced_draw is None
    asked = from_options.recipe_of(parsed(*original, "--balanced-draw", "50"), "chen2018-original")
    assert asked.balanced_draw == 50


@pytest.mark.parametrize("option", ["--warmup-epochs", "--patience", "--label-smoothing"])
def test_a_value_that_is_no_number_is_refused(option, capsys):
    with pytest.raises(SystemExit) as stop:
        parsed(option, "some")
    assert stop.value.code == 2
    assert option in capsys.readouterr().err
