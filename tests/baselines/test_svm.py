"""The support vector machine, its selection, and its cross-validation without leaks."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.baselines import GRID, features_of_clusters

from acrnn.baselines import svm
from acrnn.baselines.evaluation import BaselineExperiment, cross_validate, run_fold
from acrnn.baselines.svm import Grid, Part
from acrnn.crossval.results import read_results

RBF = Grid("rbf", costs=(1.0,), gammas=(0.5,))


def part(seed=0, classes=3):
    generator = np.random.default_rng(seed)
    labels = np.arange(30) % classes
    return Part(generator.normal(size=(30, 4)) + labels[:, None], labels)


@pytest.mark.parametrize("grid", [GRID, RBF])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_largest_posterior_is_the_prediction_of_scikit_learn(grid, classes):
    machine = svm.fit(part(0, classes), grid, classes, 1.0, 0.5)
    test = part(1, classes)
    posteriors = machine.posteriors(test.features)
    np.testing.assert_allclose(posteriors.sum(axis=1), 1)
    machine.pipeline[-1].set_params(break_ties=classes > 2)
    np.testing.assert_array_equal(posteriors.argmax(axis=1), machine.pipeline.predict(test.features))


def test_the_machine_is_that_of_scikit_learn_on_standardized_features():
    from sklearn.svm import SVC

    whole, test = part(0), part(1)
    train = Part(whole.features[:12], np.repeat([0, 1, 2], [7, 3, 2]))  # not the same number of each class
    machine = svm.fit(train, RBF, 3, 2.0, 0.5)
    mean, deviation = train.features.mean(axis=0), train.features.std(axis=0)
    by_hand = SVC(C=2.0, gamma=0.5 / 4, class_weight="balanced").fit((train.features - mean) / deviation, train.labels)
    expected = by_hand.decision_function((test.features - mean) / deviation)
    np.testing.assert_allclose(
        np.log(machine.posteriors(test.features)) - expected, _constant_rows(expected), atol=1e-9
    )


def _constant_rows(values):
    return np.repeat(-np.log(np.exp(values).sum(axis=1, keepdims=True)), values.shape[1], axis=1)


def test_a_class_without_training_utterances_has_no_posterior():
    posteriors = svm.fit(part(0, 2), GRID, 4, 1.0).posteriors(part(1, 2).features)
    assert posteriors.shape == (30, 4) and not posteriors[:, 2:].any()


def test_the_validation_part_chooses_the_hyper_parameters():
    generator = np.random.default_rng(0)
    labels = np.arange(40) % 2
    train = Part(generator.normal(size=(40, 3)) + 3 * labels[:, None], labels)
    grid = Grid("rbf", costs=(1.0,), gammas=(1e-3, 1e3))  # the second memorizes the training part
    chosen = svm.select(train, Part(train.features + 0.5, labels), grid, 2)
    assert chosen.machine.gamma == 1e-3 and chosen.validation_uar > 0.9
    single = svm.select(train, Part(train.features + 0.5, labels), Grid("rbf", (1.0,), (1e3,)), 2)
    assert single.validation_uar < chosen.validation_uar and single.loss <= chosen.loss


def test_of_equal_machines_the_first_is_chosen():
    train = part()
    chosen = svm.select(train, train, Grid("linear", costs=(5.0, 5.0 + 1e-13)), 3)
    assert chosen.machine.cost == 5.0


@pytest.mark.parametrize("statistics", ["corpus", "speaker"])
def test_values_of_the_test_speaker_change_nothing_in_the_fitted_machine(statistics, monkeypatch):
    machines = []
    select = svm.select
    monkeypatch.setattr(svm, "select", lambda *arguments: machines.append(select(*arguments)) or machines[-1])
    features = features_of_clusters()
    is_test = np.array([row.speaker == "s0" for row in features.rows])
    moved = np.where(is_test[:, None], 100 - 7 * features.values, features.values)
    for values in (features.values, moved):
        experiment = BaselineExperiment(
            "svm-compare", GRID, replace(features, values=values), speaker_statistics=statistics
        )
        run = run_fold(experiment, experiment.values(), 0, experiment.folds()[0])
        assert run.test_speakers == ["s0"]
    first, second = (each.machine for each in machines)
    np.testing.assert_array_equal(first.pipeline[0].mean_, second.pipeline[0].mean_)
    np.testing.assert_array_equal(first.pipeline[-1].dual_coef_, second.pipeline[-1].dual_coef_)
    assert machines[0].validation_uar == machines[1].validation_uar


def test_labels_of_the_test_speaker_change_no_posterior():
    features = features_of_clusters()
    rows = [
        replace(row, label=(row.label + 1) % 3, emotion="abc"[(row.label + 1) % 3]) if row.speaker == "s0" else row
        for row in features.rows
    ]
    runs = []
    for labeled in (features.rows, rows):
        experiment = BaselineExperiment("svm-compare", GRID, replace(features, rows=labeled))
        runs.append(run_fold(experiment, experiment.values(), 0, experiment.folds()[0]))
    assert runs[0].probabilities == runs[1].probabilities and runs[0].labels != runs[1].labels


def test_other_recordings_of_the_test_speaker_matter_only_with_speaker_statistics():
    features = features_of_clusters()
    last = max(i for i, row in enumerate(features.rows) if row.speaker == "s0")
    moved = features.values.copy()
    moved[last] += 50
    changed = {}
    for statistics in ("corpus", "speaker"):
        posteriors = []
        for values in (features.values, moved):
            experiment = BaselineExperiment(
                "svm-compare", GRID, replace(features, values=values), speaker_statistics=statistics
            )
            run = run_fold(experiment, experiment.values(), 0, experiment.folds()[0])
            posteriors.append(run.probabilities[:-1])  # without the recording that was moved
        changed[statistics] = posteriors[0] != posteriors[1]
    assert changed == {"corpus": False, "speaker": True}


def test_a_finished_fold_is_kept_and_another_experiment_refused(tmp_path):
    experiment = BaselineExperiment("svm-compare", GRID, features_of_clusters())
    lines = []
    cross_validate(experiment, tmp_path, [0, 2], lines.append)
    kept = (tmp_path / "runs" / "fold00_seed0.json").read_bytes()
    results = cross_validate(experiment, tmp_path, None, lines.append)
    assert [line.partition(" (")[0] for line in lines] == ["fold 0", "fold 2", "fold 1", "fold 3"]
    assert (tmp_path / "runs" / "fold00_seed0.json").read_bytes() == kept
    assert results == read_results(tmp_path)
    assert results.overall.coverage.runs == results.planned_folds == 4
    assert results.runs[0].hyperparameters in ({"cost": 0.01}, {"cost": 1.0})
    with pytest.raises(ValueError, match=r"speaker_statistics is None there, 'speaker' here"):
        cross_validate(replace(experiment, speaker_statistics="speaker"), tmp_path)


def test_settings_of_a_baseline_name_what_decides_its_results():
    experiment = BaselineExperiment("svm-compare", GRID, features_of_clusters())
    settings = json.loads(json.dumps(experiment.settings().to_dict()))
    assert settings["baseline"]["costs"] == [0.01, 1.0] and "gammas" not in settings["baseline"]
    assert "speaker_statistics" not in settings  # the default is not written
    with pytest.raises(ValueError, match="'svm-compare' is a classical baseline without a network"):
        _ = experiment.settings().system
