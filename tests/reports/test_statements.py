"""Generated sentences agree with the settings that they are about, for every system, recipe, protocol and leak; nothing trains."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from support.networks import small_config
from support.results import results_of, run_of, settings_of

from acrnn import files, recipes
from acrnn.batches.speaker_statistics import Choice
from acrnn.crossval import read_results
from acrnn.crossval.leakage import MISTAKES
from acrnn.errors import UsageError
from acrnn.folds import PROTOCOLS
from acrnn.frontends import FRONTENDS
from acrnn.inference import locate
from acrnn.inference.description import origin
from acrnn.model_card import FORMATS, Card
from acrnn.models import MODELS
from acrnn.recipes import CHEN2018, DEPARTURES, RECIPES, TUNED, departed
from acrnn.reports.html import normalization_sentence, write_report
from acrnn.reports.pictures import selection_caption
from acrnn.reports.tables import system_title, trained
from acrnn.segments import RULES
from experiments import ablation, readme_tables

ROOT = Path(__file__).parents[2]
INCLUDED = Card.read(locate.version_folder(locate.DEFAULT))
ONE_SPEAKER = "speakers that the network was not trained on"


# Every system with its recipe, and every recipe with a system.
def system_for(recipe):
    """The first system that a recipe fits."""
    for name, system in MODELS.items():
        try:
            system.check_recipe(recipe)
            system.check_options(**recipe.network)
        except UsageError:
            continue
        return name
    raise AssertionError(f"no system for {recipe}")


CASES = [(name, system.recipe) for name, system in MODELS.items()] + [
    (system_for(recipe), recipe)
    for name, recipe in RECIPES.items()
    if name not in MODELS and recipe not in [system.recipe for system in MODELS.values()]
]


def config_of(name, recipe, **options):
    """Fields of the default network of a system, as in its settings."""
    system = MODELS[name]
    parts = {**system.variant, **recipe.network, **options}
    return json.loads(json.dumps(asdict(system.config(len(INCLUDED.labels), **parts))))


def settings_for(name, recipe, network=None, **fields):
    network = network or config_of(name, recipe)
    values = {"model": name, "recipe": json.loads(json.dumps(recipes.to_dict(recipe))), "network": network}
    return settings_of(**{"labels": INCLUDED.labels, **values, **fields})


def card_for(name, recipe, network=None, estimate=None):
    """The card of a model of these settings, with the figures of the included one."""
    settings, system = settings_for(name, recipe, network), MODELS[name]
    return replace(
        INCLUDED,
        system=name,
        summary=system.summary,
        frontend=FRONTENDS[system.frontend],
        rule=RULES[system.segments],
        pooling=recipe.pooling,
        whole_utterances=system.whole_utterances,
        recipe=settings.recipe_fields,
        network=settings.network_fields,
        estimate={**INCLUDED.estimate, **(estimate or {})},
    )


def line(page, title):
    """The cell beside a title in the first table of a card."""
    return re.search(rf"^\| {title} \| (.*) \|$", page, re.MULTILINE)[1]


def numbers(text):
    return [int(number) for number in re.findall(r"\d+", text)]


@pytest.mark.parametrize(("name", "recipe"), CASES)
def test_the_length_of_training_is_that_of_the_recipe(name, recipe):
    expected = [recipe.max_steps] if recipe.max_steps else []
    length, _, precision = trained(settings_for(name, recipe)).rpartition(", ")
    assert numbers(length) == expected + [stage.epochs for stage in recipe.stages]
    assert ("steps" in length) == bool(recipe.max_steps) and precision == recipe.precision


@pytest.mark.parametrize(("name", "recipe"), CASES)
def test_the_caption_of_the_learning_curves_states_how_the_checkpoint_is_selected(name, recipe):
    text = selection_caption(settings_for(name, recipe))
    assert ("without selection" in text) == (recipe.epoch_choice == "last")
    assert ("best UAR on the validation part is selected" in text) == (recipe.epoch_choice == "validation-uar")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_report_does_not_state_the_opposite_of_its_leak(mistake):
    settings = settings_for("chen2018-3d", CHEN2018, mistake=mistake)
    assert system_title(settings).startswith(f"LEAKS ({mistake})")
    leak = MISTAKES[mistake]
    assert ("on the test speakers" in selection_caption(settings)) == leak.test_selects
    assert ("training part alone" in normalization_sentence(settings)) != leak.normalized_on_everything


@pytest.mark.parametrize("choice", ["corpus", "utterance", "speaker", "enrolment:3"])
def test_a_report_states_whose_statistics_normalize_the_features(choice, tmp_path):
    fields = {} if choice == "corpus" else {"speaker_statistics": choice}
    settings = settings_for("chen2018-3d", CHEN2018, **fields)
    text = normalization_sentence(settings)
    assert text == Choice.parse(choice).sentence
    assert ("transductive" in text) == (choice == "speaker") and (" 3 " in text) == (choice == "enrolment:3")
    assert (Choice.parse(choice).title in system_title(settings)) == (choice != "corpus")


@pytest.mark.parametrize(("name", "recipe"), CASES)
def test_a_card_states_the_recipe_its_rates_and_its_length(name, recipe):
    card = card_for(name, recipe)
    text = line(card.markdown(), "training")
    assert f"learning rate {recipe.learning_rate}," in text and f"batch size {recipe.batch_size}," in text
    assert f", {recipe.length}" in text and text.startswith(f"{card.recipe_name} (")
    assert RECIPES[card.recipe_name.removeprefix("recipe ")] == recipe
    assert card_for(name, replace(recipe, momentum=0.123)).recipe_name == "changed recipe"


@pytest.mark.parametrize(("name", "recipe"), CASES)
def test_a_card_states_the_segments_and_their_pooling_only_where_there_are_segments(name, recipe):
    text = line(card_for(name, recipe).markdown(), "segments")
    assert (f"pooled by {recipe.pooling}" in text) != MODELS[name].whole_utterances
    assert (text == "whole utterances") == MODELS[name].whole_utterances


@pytest.mark.parametrize("name", MODELS)
def test_a_card_and_a_title_tell_the_systems_network_from_a_smaller_one(name):
    system, recipe = MODELS[name], MODELS[name].recipe
    assert card_for(name, recipe).network_name == "the system's default network"
    assert "reduced" not in system_title(settings_for(name, recipe))
    if system.reduced:
        smaller = config_of(name, recipe, **system.reduced)
        assert card_for(name, recipe, smaller).network_name == "reduced network"
        assert "reduced network" in system_title(settings_for(name, recipe, smaller))
        for field in system.reduced:
            shown = card_for(name, recipe, smaller).network_summary()
            assert field in shown
    small = json.loads(json.dumps(asdict(small_config(name))))
    assert card_for(name, recipe, small).network_name == "changed network"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_figures_are_said_to_be_of_new_speakers_only_under_a_protocol_of_new_speakers(protocol):
    card = card_for("chen2018-3d", CHEN2018, estimate={"protocol": protocol})
    for text in (card.markdown(), origin(card)):
        assert (ONE_SPEAKER in text) == PROTOCOLS[protocol].speaker_independent
    leaking = replace(card, estimate={**card.estimate, "mistake": "test-selected-epoch"})
    assert ONE_SPEAKER not in leaking.markdown() and "deliberate leak (test-selected-epoch)" in origin(leaking)


def test_figures_on_another_corpus_are_on_the_card_and_in_the_line_of_predictions():
    card = replace(card_for("chen2018-3d", CHEN2018), estimate=None, evaluations=())
    figures = {"corpus": "Other, a corpus", "emotions": ["fear", "joy"], "speakers": 24, "utterances": 90}
    rows = [{"enrolled": 0, "uar": 0.4, "interval": [0.3, 0.5]}, {"enrolled": 5, "uar": 0.45, "interval": None}]
    tested = replace(card, evaluations=({**figures, "results": rows},))
    assert "; 40.0 % on 90 recordings of Other; expect less on recordings of other kinds" in origin(tested)
    page = tested.markdown()
    assert "90 recordings of 24 speakers of another corpus" in page and "chance is 50.0 %" in page
    assert "| none | 40.0 % (95 % interval over speakers: 30.0 to 50.0) |\n| 5 | 45.0 % |" in page
    assert "Apart from the above, its performance was not" in page and "Apart from" not in card.markdown()
    assert Card.from_dict(tested.to_dict()) == tested and "evaluations" not in card.to_dict()
    assert "not measured on other speakers" in origin(card) and "not measured on other speakers" not in origin(tested)


@pytest.mark.parametrize("key", FORMATS)
def test_the_table_of_formats_states_the_arithmetic_of_each_format(key):
    form = FORMATS[key]
    bits = {"int8": "8-bit weights", "float16": "16-bit weights"}.get(key.rpartition("-")[2])
    assert (bits or "float32" if key != "saved-model" else "TensorFlow") in form.title
    assert form.title.startswith({"onnx": "ONNX", "litert": "LiteRT", "saved": "TensorFlow"}[key.partition("-")[0]])
    table = (ROOT / "experiments" / "results" / "formats.md").read_text(encoding="utf-8")
    assert f"| {key} | {form.title} |" in table


def test_the_ablation_calls_a_departure_kept_if_the_recipe_tuned_has_it():
    steps = {step.name: step for step in ablation.ladder()}
    recipe, reference = CHEN2018, "chen2018"
    for departure in DEPARTURES:
        step = steps[departure.name.replace(",", "").replace(" ", "-")]
        assert ("(kept)" in step.title, "(not kept)" in step.title) == (departure.kept, not departure.kept)
        assert step.reference == reference
        assert step.recipe == departed(recipe, [replace(departure, kept=True)])
        if departure.kept:
            recipe, reference = step.recipe, step.name
    assert recipe == TUNED == RECIPES["tuned"]


@pytest.mark.parametrize("conv_layers", [1, 5])
def test_the_ablation_states_depth_and_size_of_its_networks(conv_layers):
    full = settings_for("chen2018-3d", CHEN2018, config_of("chen2018-3d", CHEN2018, conv_layers=conv_layers))
    assert f", {conv_layers} convolution layer" in ablation.network_title(full) and "full" in ablation.network_title(
        full
    )
    reduced = config_of("chen2018-3d", CHEN2018, **MODELS["chen2018-3d"].reduced)
    text = ablation.network_title(settings_for("chen2018-3d", CHEN2018, reduced))
    assert "full size" not in text and "lstm_units 64" in text


@pytest.mark.parametrize("folder", readme_tables.emodb_folders(), ids=lambda path: path.name)
def test_a_row_of_the_readme_names_the_recipe_and_the_length_that_its_results_had(folder):
    settings = read_results(folder).settings
    row = readme_tables._short_row(folder, read_results(folder), None)
    if settings.baseline or settings.fusion:
        assert row[0].endswith("; classical baseline") == bool(settings.baseline) and "; recipe" not in row[0]
        return
    title = recipes.title_of(settings.recipe_fields)
    assert row[0].endswith(f"; {title}")
    if title != "changed recipe":
        name, _, length = title.removeprefix("recipe ").partition(", ")
        assert (length or RECIPES[name].length) == settings.recipe.length
        same = replace(RECIPES[name], epochs=settings.recipe.epochs, precision=settings.recipe.precision)
        written = json.loads(json.dumps(recipes.to_dict(same)))
        assert {name: written[name] for name in settings.recipe_fields} == settings.recipe_fields


def test_the_table_of_systems_states_front_end_and_recipe_of_each():
    page = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")
    rows = [row.split(" | ") for row in re.findall(r"^\| (`.*`) \|$", page, re.MULTILINE)]
    listed = {key: row for row in rows for key in re.findall(r"`([\w-]+)`", row[0])}
    for name, system in MODELS.items():
        _, _, frontend, recipe = listed[name]
        assert f"`{system.frontend}`" in f"`{frontend.strip('`')}`" and system.recipe == RECIPES[recipe.strip("`")], (
            name
        )


def test_the_page_of_recipes_lists_each_of_them():
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)) == set(RECIPES)


def test_the_report_has_the_sentences_of_its_settings(tmp_path):
    results = results_of([run_of()], recipe=recipes.to_dict(RECIPES["tuned"]), speaker_statistics="speaker")
    files.write_sealed_json(tmp_path / "results.json", results.to_dict())
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert selection_caption(results.settings) in text and normalization_sentence(results.settings) in text
