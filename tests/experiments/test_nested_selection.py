"""Nested selection: the recipe of a fold follows from its validation speakers alone, and its test part counts."""

from dataclasses import replace

import pytest
from support.results import results_of, run_of

from acrnn import studies
from acrnn.crossval.summary import summarize
from experiments import nested_selection, run_cv
from experiments.nested_selection import NESTED

RIGHT, WRONG = [[1, 0], [0, 1]], [[0, 1], [1, 0]]  # posteriors of two utterances with the labels 0 and 1


def candidate(validation, posteriors, losses=None, recipe=None):
    """Results with a fold and a speaker for each validation UAR; its epoch before the selected one is far better."""
    runs = []
    for fold, (uar, probabilities) in enumerate(zip(validation, posteriors, strict=True)):
        run = run_of(
            fold=fold, fold_name=f"speaker s{fold}", curve=(0.99, uar), best_epoch=2, probabilities=probabilities
        )
        epoch = replace(run.curve[1], validation_loss=losses[fold] if losses else 1.0)
        speakers = {"speakers": [f"s{fold}"] * 2, "test_speakers": [f"s{fold}"], "validation_speakers": [f"v{fold}"]}
        runs.append(replace(run, curve=(run.curve[0], epoch), **speakers))
    return results_of(runs, planned_folds=len(runs), recipe=recipe or {})


def test_every_fold_has_the_recipe_that_is_best_on_its_validation_speakers():
    candidates = {"a": candidate([0.9, 0.5, 0.7], [WRONG] * 3), "b": candidate([0.8, 0.6, 0.6], [RIGHT] * 3)}
    choices = nested_selection.selected(candidates)
    assert choices == {0: "a", 1: "b", 2: "a"}
    nested = nested_selection.composed(candidates, choices)
    assert [run.uar for run in nested.runs] == [0, 1, 0]
    assert nested.overall.uar_fold_mean == pytest.approx(1 / 3) == nested.overall.uar_pooled
    assert nested.overall.coverage.runs == 3


@pytest.mark.parametrize("posteriors", [RIGHT, WRONG])
def test_the_test_part_changes_no_selection(posteriors):
    other = WRONG if posteriors == RIGHT else RIGHT
    candidates = {"a": candidate([0.9, 0.5], [posteriors] * 2), "b": candidate([0.8, 0.6], [other] * 2)}
    assert nested_selection.selected(candidates) == {0: "a", 1: "b"}


def test_of_equal_recipes_the_lower_validation_loss_decides_and_then_the_order():
    candidates = {
        "a": candidate([0.7, 0.7], [RIGHT] * 2, losses=[2.0, 1.0]),
        "b": candidate([0.7, 0.7], [WRONG] * 2, losses=[1.0, 1.0]),
    }
    assert nested_selection.selected(candidates) == {0: "b", 1: "a"}


def test_seeds_are_averaged_before_a_recipe_is_selected():
    def of_seeds(first, second):
        results = candidate([first], [RIGHT])
        other = replace(candidate([second], [WRONG]).runs[0], seed=1)
        return nested_selection.with_runs(results, [*results.runs, other])

    candidates = {"a": of_seeds(0.9, 0.1), "b": of_seeds(0.6, 0.6)}
    assert nested_selection.selected(candidates) == {0: "b"}
    assert len(nested_selection.composed(candidates, {0: "b"}).runs) == 2


def test_only_folds_that_all_candidates_have_are_compared():
    candidates = {"a": candidate([0.9, 0.5, 0.7], [RIGHT] * 3), "b": candidate([0.8, 0.6], [RIGHT] * 2)}
    common = nested_selection.comparable(candidates)
    assert [len(results.runs) for results in common.values()] == [2, 2]
    assert common["a"].overall == summarize(common["a"].runs, ("a", "b"), 3)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"split_sha256": "other"}, "b: its split_sha256 is other, that of the first experiment "),
        ({"model": "chen2018-2d"}, "b: its model is chen2018-2d, that of the first experiment chen2018-3d"),
        ({"mistake": "random-split"}, "b: it leaks on purpose"),
    ],
)
def test_experiments_that_cannot_be_compared_are_refused(change, problem):
    results = candidate([0.5], [RIGHT])
    other = replace(results, settings=replace(results.settings, **change))
    with pytest.raises(ValueError, match=problem):
        nested_selection.comparable({"a": results, "b": other})


def test_a_single_experiment_and_experiments_without_a_common_fold_are_refused():
    results = candidate([0.5, 0.5], [RIGHT] * 2)
    with pytest.raises(ValueError, match="two experiments"):
        nested_selection.comparable({"a": results})
    first, second = (nested_selection.with_runs(results, [run]) for run in results.runs)
    with pytest.raises(ValueError, match="no finished fold in common"):
        nested_selection.comparable({"a": first, "b": second})


FULL = ("emodb_literal_3d_conv1", "emodb_chen2018/3d_conv1", "emodb_centered/3d_conv1", "emodb_tuned/3d_conv1")
REDUCED = ("centred-segments", "dropout", "label-smoothing", "masks-and-sixty-epochs")


@pytest.mark.parametrize(
    ("folders", "page"),
    [
        (FULL, "nested_emodb_chen2018-3d"),
        ([f"ablation/{name}" for name in REDUCED], "nested_emodb_chen2018-3d_reduced"),
    ],
    ids=["full size", "reduced"],
)
def test_the_committed_page_is_what_the_script_writes(folders, page, tmp_path, capsys):
    results = nested_selection.RESULTS
    out = tmp_path / "nested.md"
    assert nested_selection.main([*(str(results / folder) for folder in folders), "--output", str(out)]) == 0
    assert out.read_text(encoding="utf-8") == (results / page / "nested.md").read_text(encoding="utf-8")
    text = capsys.readouterr().out
    assert f"| {NESTED} | " in text and text.count("10 of 10 folds × 1 seed") == 5


def test_run_cv_trains_each_recipe_in_a_folder_of_its_own_and_then_selects(tmp_path, monkeypatch, capsys):
    trained = []
    monkeypatch.setattr(run_cv.from_options, "experiment", lambda options: options.recipe)
    monkeypatch.setattr(
        studies, "run", lambda variants, *rest, **others: trained.extend((v.name, v.experiment) for v in variants)
    )
    results = {"tuned": candidate([0.9, 0.5, 0.7], [RIGHT] * 3), "literal": candidate([0.8, 0.6, 0.6], [WRONG] * 3)}
    monkeypatch.setattr(
        nested_selection, "named", lambda folders: {folder.name: results[folder.name] for folder in folders}
    )
    command = ["--dataset", "emodb", "--output-dir", str(tmp_path), "--nested", "tuned,literal"]
    assert run_cv.main(command) == 0
    assert trained == [("literal", "literal"), ("tuned", "tuned")]
    assert f"| {NESTED} | 66.7 ± 57.7 | " in (tmp_path / "nested.md").read_text()
    assert run_cv.main([*command, "--recipe", "tuned"]) == 2
    assert "leave out --recipe" in capsys.readouterr().err
    assert run_cv.main([*command[:-1], "tuned,fast"]) == 2
    assert "--nested fast: it is unknown" in capsys.readouterr().err
