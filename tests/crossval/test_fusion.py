"""Fusion of experiments: its rules, the selection by validation speakers, what it refuses, and the folder that it writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import gmean
from support.results import results_of, run_of

from acrnn.crossval.fusion import LOG, PROBABILITY, Combination, fuse, write_fusion
from acrnn.crossval.results import read_results
from acrnn.crossval.run import ValidationPart, read_run, run_path, write_run
from acrnn.errors import FieldError
from acrnn.files import sha256_of_json
from acrnn.reports import published
from acrnn.reports.tables import markdown_table, system_title
from experiments import fusion as script

RESULTS = Path(__file__).parents[2] / "experiments" / "results"
GOOD, BAD = [[0.9, 0.1], [0.2, 0.8]], [[0.4, 0.6], [0.7, 0.3]]


def member(probabilities, validation=None, seed=0, **fields):
    """Results of one fold with two test utterances; `validation` are the posteriors of two validation utterances."""
    part = None if validation is None else ValidationPart(["v0", "v1"], [0, 1], [list(row) for row in validation])
    return results_of([replace(run_of(probabilities=probabilities), seed=seed, validation=part)], **fields)


def posteriors(*members, **options):
    """Posteriors of the single run of a fusion of members with the names 0, 1 and so on."""
    (run,) = fuse({str(number): each for number, each in enumerate(members)}, **options).runs
    return np.array(run.probabilities)


def test_the_probability_rule_is_the_weighted_mean():
    fused = Combination(PROBABILITY, (0.25, 0.75)).fused([np.array(GOOD), np.array(BAD)])
    np.testing.assert_allclose(fused, 0.25 * np.array(GOOD) + 0.75 * np.array(BAD))


def test_the_log_probability_rule_is_the_normalized_weighted_geometric_mean():
    fused = Combination(LOG, (0.25, 0.75)).fused([np.array(GOOD), np.array(BAD)])
    means = gmean([GOOD, BAD], axis=0, weights=np.broadcast_to(np.array([0.25, 0.75])[:, None, None], (2, 2, 2)))
    np.testing.assert_allclose(fused, means / means.sum(axis=1, keepdims=True))


def test_a_posterior_of_zero_leaves_the_log_probability_rule_finite():
    fused = Combination(LOG, (0.5, 0.5)).fused([np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])])
    np.testing.assert_allclose(fused, [[0.5, 0.5]])


@pytest.mark.parametrize("rule", [PROBABILITY, LOG])
def test_the_fusion_of_equal_networks_is_the_network(rule):
    np.testing.assert_allclose(posteriors(member(GOOD), member(GOOD), rule=rule), GOOD, atol=1e-6)


def test_members_without_validation_posteriors_have_equal_weights():
    fusion = fuse({"a": member(GOOD, validation=GOOD), "b": member(BAD)})
    assert not fusion.is_selected and fusion.combinations[0, 0] == Combination(PROBABILITY, (0.5, 0.5))
    np.testing.assert_allclose(fusion.runs[0].probabilities, (np.array(GOOD) + BAD) / 2, atol=1e-6)


def test_the_validation_speakers_select_the_weights_and_the_test_labels_do_not():
    members = {"a": member(BAD, validation=GOOD), "b": member(GOOD, validation=BAD)}
    fusion = fuse(members)
    assert fusion.is_selected and fusion.combinations[0, 0].weights == (1.0, 0.0)
    np.testing.assert_allclose(fusion.runs[0].probabilities, BAD, atol=1e-6)
    assert fusion.runs[0].validation_uar == 1.0


def test_equal_weights_are_selected_where_no_candidate_is_better():
    fusion = fuse({"a": member(GOOD, validation=GOOD), "b": member(BAD, validation=GOOD)}, rule=LOG)
    assert fusion.combinations[0, 0] == Combination(LOG, (0.5, 0.5))


def test_the_seeds_of_one_experiment_are_an_ensemble():
    runs = [*member(GOOD).runs, *member(BAD, seed=3).runs]
    ensemble = fuse({"a": results_of(runs)}, across_seeds=True)
    (run,) = ensemble.runs
    assert run.seed == 0 and ensemble.settings.num_models == 2
    np.testing.assert_allclose(run.probabilities, (np.array(GOOD) + BAD) / 2, atol=1e-6)


def test_without_the_option_equal_seeds_are_fused():
    first, second = (results_of([*member(part).runs, *member(part, seed=1).runs]) for part in (GOOD, BAD))
    assert [run.seed for run in fuse({"a": first, "b": second}).runs] == [0, 1]


def test_a_fold_that_one_member_lacks_is_left_out():
    first = results_of([run_of(), run_of(fold=1)], planned_folds=2)
    assert [run.fold for run in fuse({"a": first, "b": results_of([run_of(fold=1)], planned_folds=2)}).runs] == [1]


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (member(GOOD, split_sha256="f"), "one and other cannot be fused: their split_sha256 are  and f"),
        (member(GOOD, labels=("a", "c")), "one and other cannot be fused: their labels"),
        (results_of([run_of(labels=(1, 1))]), "one and other cannot be fused: the test labels of fold 0 differ"),
        (member(GOOD, mistake="test-selected-epoch"), "other leaks on purpose"),
    ],
)
def test_experiments_that_do_not_fit_are_refused_by_name(other, problem):
    with pytest.raises(ValueError, match=problem):
        fuse({"one": member(GOOD), "other": other})


def test_a_single_network_an_unknown_rule_and_members_without_a_common_fold_are_refused():
    with pytest.raises(FieldError, match="a fusion needs two networks"):
        fuse({"a": member(GOOD)}, across_seeds=True)
    with pytest.raises(FieldError, match="rule median: it is unknown; choose from"):
        fuse({"a": member(GOOD), "b": member(BAD)}, rule="median")
    with pytest.raises(FieldError, match="no finished fold in common"):
        fuse({"a": member(GOOD), "b": member(BAD, seed=1)})


def test_a_fusion_is_written_as_an_experiment_that_tables_accept(tmp_path):
    results = write_fusion(tmp_path, fuse({"x": member(GOOD), "y": member(BAD)}))
    assert read_results(tmp_path).to_dict() == results.to_dict()
    assert system_title(results.settings) == "fusion of 2 models (x + y)"
    assert published.uar(results.settings) is None
    assert "| fusion of 2 models (x + y), leave-one-speaker-out | – |" in markdown_table([tmp_path])
    with pytest.raises(ValueError, match="holds another experiment .*choose another output folder"):
        write_fusion(tmp_path, fuse({"x": member(GOOD), "y": member(BAD, recipe={"epochs": 3})}))
    with pytest.raises(ValueError, match="no network of its own"):
        _ = results.settings.system


def test_a_fusion_whose_members_have_other_titles_is_written_again(tmp_path):
    write_fusion(tmp_path, fuse({"x": member(GOOD), "y": member(BAD)}))
    renamed = write_fusion(tmp_path, fuse({"x": member(GOOD), "y, as titled later": member(BAD)}))
    assert system_title(read_results(tmp_path).settings) == "fusion of 2 models (x + y, as titled later)"
    assert [run.settings_sha256 for run in renamed.runs] == [sha256_of_json(renamed.settings.to_dict())]


def test_a_fusion_states_the_other_corpora_of_every_member():
    joint = {"corpus": "ravdess", "title": "RAVDESS", "licence": "CC BY-NC-SA 4.0", "citation": ""}
    settings = fuse({"x": member(BAD, joint=joint), "y": member(GOOD)}).settings
    assert settings.other_corpora == {"joint training": joint} and settings.joint is None
    assert fuse({"x": member(GOOD), "y": member(BAD)}).settings.other_corpora == {}


def test_validation_posteriors_are_kept_by_the_file_of_a_run(tmp_path):
    (run,) = member(GOOD, validation=BAD).runs
    (tmp_path / "runs").mkdir()
    write_run(tmp_path, run)
    assert read_run(run_path(tmp_path, 0, 0)) == run


def test_the_committed_fusion_follows_from_the_committed_members(tmp_path, capsys):
    folders = [str(RESULTS / name / "3d_conv1") for name in ("emodb_tuned", "emodb_tuned_reduced")]
    assert script.main([*folders, "--output-dir", str(tmp_path / "out")]) == 0
    committed = RESULTS / "fusion_emodb_tuned"
    assert capsys.readouterr().out.strip() == (committed / "fusion.md").read_text().strip()
    assert read_results(tmp_path / "out").to_dict() == read_results(committed).to_dict()
    assert "fusion of 2 models" in (tmp_path / "out" / "report.html").read_text()


def test_an_experiment_named_twice_and_a_fusion_of_fusions_are_refused(capsys, tmp_path):
    one = str(RESULTS / "emodb_tuned" / "3d_conv1")
    assert script.main([one, one, "--output-dir", str(tmp_path)]) == 2
    assert "is among them already" in capsys.readouterr().err
    assert script.main([one, str(RESULTS / "fusion_emodb_tuned"), "--output-dir", str(tmp_path)]) == 2
    assert "it is a fusion" in capsys.readouterr().err


def test_a_classical_baseline_is_fused_under_its_title_and_the_fusion_is_no_baseline():
    baseline = RESULTS / "emodb_baselines" / "svm-compare"
    members = script.titled([baseline, RESULTS / "emodb_tuned_reduced" / "3d_conv1"])
    assert list(members) == ["SVM, ComParE", "chen2018-3d, 1 conv, reduced network, recipe tuned"]
    fusion = fuse(members)
    assert fusion.settings.baseline is None and "fusion of 2 models" in system_title(fusion.settings)


def test_a_title_names_the_number_of_seeds_of_a_member_that_has_several():
    two = results_of([*member(GOOD).runs, *member(GOOD, seed=1).runs])
    fusion = fuse({"network": two, "machine": member(BAD)}, across_seeds=True)
    assert system_title(fusion.settings) == "fusion of 3 models (2 seeds of network + machine)"


def test_a_member_with_copies_at_other_speeds_is_fused_if_the_speakers_of_its_parts_are_the_same():
    speeds = {"speeds": [0.9, 1.0], "split_sha256": "of other training utterances"}
    assert fuse({"plain": member(GOOD), "copies": member(BAD, **speeds)}).runs
    with pytest.raises(ValueError, match="their split_sha256 are"):
        fuse({"plain": member(GOOD), "other": member(BAD, split_sha256="other")})
    other = results_of([replace(run_of(probabilities=BAD), train_speakers=["x"])], **speeds)
    with pytest.raises(ValueError, match="the training speakers of fold 0 differ"):
        fuse({"plain": member(GOOD), "copies": other})
