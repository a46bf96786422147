"""Training on the validation speakers of a fold, for recipes that need none of them."""

from dataclasses import replace

import pytest
from support.tiny_corpus import TINY_NETWORK
from support.zhang2021 import RECIPE as TWO_STAGES

from acrnn import figures
from acrnn.crossval import Experiment, Prepared, cross_validate, read_results
from acrnn.errors import FieldError
from acrnn.recipes import Recipe
from acrnn.records import RecordSet
from acrnn.reports.comparison import late_validation_uar, validation_uar
from acrnn.reports.html import write_report
from acrnn.tuning.search import Search, SearchFolder
from data_prep.__main__ import main as data_prep_main
from experiments import run_cv

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=1, epoch_choice="last")


@pytest.fixture(scope="module")
def experiment(tiny_records):
    options = {"options": TINY_NETWORK, "save_models": False, "train_on_validation": True}
    return Experiment(tiny_records, "chen2018-3d", RECIPE, **options)


@pytest.fixture(scope="module")
def finished(experiment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nine")
    cross_validate(experiment, folder, folds=[0, 1], announce=lambda line: None)
    return folder


def test_the_validation_speakers_train_and_the_test_part_stays(experiment, tiny_records):
    folds = Prepared.of(experiment).folds
    before = Prepared.of(replace(experiment, train_on_validation=False)).folds
    order = [row.id for row in RecordSet(tiny_records).utterances]
    for fold, original in zip(folds, before, strict=True):
        assert (fold.test, fold.validation) == (original.test, ())
        assert fold.train == tuple(name for name in order if name in {*original.train, *original.validation})
        assert not set(fold.train) & set(fold.test) and len(fold.train) + len(fold.test) == len(order)


def test_copies_at_other_speeds_of_the_validation_speakers_train_and_those_of_test_speakers_do_not(
    tiny_corpus, tmp_path
):
    out = tmp_path / "records"
    command = ["manifest", "--data-dir", str(tiny_corpus), "--out", str(out), "--jobs", "1", "--speeds", "0.9,1.0,1.1"]
    assert data_prep_main(command) == 0
    rows = {row.id: row for row in RecordSet(out).utterances}
    chosen = Experiment(out, "chen2018-3d", RECIPE, speeds=(1.0, 1.1), train_on_validation=True)
    for fold in Prepared.of(chosen).folds:
        tested = {rows[name].speaker for name in fold.test}
        wanted = [row.id for row in rows.values() if row.speaker not in tested and row.speed in (1.0, 1.1)]
        assert list(fold.train) == wanted and {rows[name].speed for name in fold.test} == {1.0}


def test_results_and_report_state_it_and_have_no_validation_uar(finished):
    results = read_results(finished)
    assert results.settings.to_dict()["train_on_validation"] is True
    for run in results.runs:
        assert (len(run.train_speakers), run.validation_speakers, run.validation_uar) == (4, [], None)
    report = write_report(finished).read_text()
    assert "trained on the validation speakers too" in report
    assert "there is no validation part" in report and "none: its speakers are in the training part" in report
    assert len(figures.learning_curves(results.runs).axes) == 1
    for uar in (validation_uar, late_validation_uar):
        with pytest.raises(ValueError, match="so there is no validation UAR"):
            uar(results)


@pytest.mark.parametrize(
    "recipe",
    [
        replace(RECIPE, epoch_choice="validation-uar"),
        replace(RECIPE, patience=3),
        replace(TWO_STAGES, epoch_choice="validation-uar"),
    ],
)
def test_a_recipe_that_needs_the_validation_speakers_is_refused(experiment, recipe, tiny_records):
    model = "zhang2021" if len(recipe.stages) > 1 else "chen2018-3d"
    changed = Experiment(tiny_records, model, recipe, train_on_validation=True)
    with pytest.raises(FieldError, match="the recipe selects its epochs by the validation speakers"):
        Prepared.of(changed)


def test_a_leak_a_search_and_a_nested_selection_are_refused(experiment, tmp_path, capsys):
    with pytest.raises(FieldError, match="a deliberate leak is measured with a validation part"):
        Prepared.of(replace(experiment, mistake="test-selected-epoch"))
    with pytest.raises(FieldError, match="a search compares validation UARs"):
        SearchFolder(Search(replace(experiment, options={}), (1,)), tmp_path)
    command = ["--dataset", "toy", "--train-on-validation", "--nested", "centered,chen2018"]
    assert run_cv.main(command) == 2
    assert "--train-on-validation: the validation speakers select the recipe" in capsys.readouterr().err


def test_a_fit_without_a_validation_part_needs_the_last_epoch(experiment):
    from acrnn.batches.sources import Feeder
    from acrnn.crossval.fold_run import make_estimator

    prepared = Prepared.of(
        replace(experiment, recipe=replace(RECIPE, epoch_choice="validation-uar"), train_on_validation=False)
    )
    estimator, _ = make_estimator(prepared, None)
    train = Feeder(prepared.records).source(prepared.folds[0].train)
    with pytest.raises(FieldError, match="checkpoint selection needs a validation part; choose the last epoch"):
        estimator.fit(train, None, 0)
