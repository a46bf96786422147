"""Metrics agree with counts by hand and with scikit-learn, also where a class is absent."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support, recall_score

from acrnn import metrics

LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2])
PREDICTIONS = np.array([0, 0, 0, 1, 1, 0, 2, 2, 0, 1])


def test_uar_and_wa_agree_with_a_count_by_hand():
    counts = metrics.confusion(LABELS, PREDICTIONS, 3)
    assert counts.tolist() == [[3, 1, 0], [1, 1, 0], [1, 1, 2]]
    assert metrics.uar(counts) == pytest.approx((3 / 4 + 1 / 2 + 2 / 4) / 3)
    assert metrics.wa(counts) == pytest.approx(6 / 10)


def test_an_absent_class_is_left_out_of_the_average():
    counts = metrics.confusion(LABELS, PREDICTIONS, 4)
    assert metrics.uar(counts) == pytest.approx((3 / 4 + 1 / 2 + 2 / 4) / 3)
    with_zero = recall_score(LABELS, PREDICTIONS, labels=range(4), average="macro", zero_division=0)
    assert with_zero == pytest.approx((3 / 4 + 1 / 2 + 2 / 4) / 4)


def test_per_class_figures_agree_with_scikit_learn():
    rows = metrics.per_class(metrics.confusion(LABELS, PREDICTIONS, 3), ["a", "b", "c"])
    expected = precision_recall_fscore_support(LABELS, PREDICTIONS)
    for row, precision, recall, f1, support in zip(rows, *expected, strict=True):
        assert (row["precision"], row["recall"], row["f1"]) == pytest.approx((precision, recall, f1))
        assert row["support"] == support


def test_undefined_figures_are_none_and_not_zero():
    rows = metrics.per_class(metrics.confusion(LABELS, PREDICTIONS, 4), ["a", "b", "c", "d"])
    assert rows[3] == {"emotion": "d", "precision": None, "recall": None, "f1": None, "support": 0}


def test_the_interval_covers_the_mean_about_as_often_as_its_level():
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        low, high = metrics.mean_interval(generator.normal(size=30))
        covered += low <= 0 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_resampling_speakers_is_wider_than_resampling_their_utterances():
    speakers = np.repeat(np.random.default_rng(0).uniform(0.2, 1.0, 10), 50).reshape(10, 50)
    by_speaker = metrics.mean_interval(speakers.mean(axis=1))
    by_utterance = metrics.mean_interval(speakers.ravel())
    assert by_speaker[1] - by_speaker[0] > 3 * (by_utterance[1] - by_utterance[0])


def test_a_single_speaker_has_no_interval():
    assert metrics.mean_interval(np.array([0.8])) is None


def test_the_interval_of_pooled_uar_resamples_whole_speakers():
    right, wrong = np.diag([5, 5]), np.array([[0, 5], [5, 0]])
    low, high = metrics.interval(metrics.uar, np.array([right] * 9 + [wrong]))
    assert low < 0.9 < high <= 1.0
    assert metrics.interval(metrics.uar, np.array([right] * 4)) == (1.0, 1.0)
