"""Metrics agree with counts by hand and with scikit-learn, also where a class is absent."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, recall_score

from acrnn import metrics

LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2])
PREDICTIONS = np.array([0, 0, 0, 1, 1, 0, 2, 2, 0, 1])


def test_uar_and_wa_agree_with_a_count_by_hand():
    counts = metrics.confusion(LABELS, PREDICTIONS, 3)
    assert counts.tolist() == [[3, 1, 0], [1, 1, 0], [1, 1, 2]] == confusion_matrix(LABELS, PREDICTIONS).tolist()
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


def covered(interval, repetitions=2000, units=10):
    """Share of the intervals of the mean of ten normal values that hold the true mean."""
    bounds = [interval(values) for values in np.random.default_rng(0).normal(0.7, 0.1, (repetitions, units))]
    return sum(low <= 0.7 <= high for low, high in bounds) / repetitions


def percentile_bootstrap(values):
    drawn = np.random.default_rng(1).choice(values, (500, len(values))).mean(axis=1)
    return np.quantile(drawn, [0.025, 0.975])


def jackknife_of_the_mean(values):
    return metrics.jackknife_interval(lambda means: means, values)


@pytest.mark.parametrize("interval", [metrics.mean_interval, jackknife_of_the_mean])
def test_the_intervals_of_ten_speakers_hold_the_true_value_as_often_as_their_level(interval):
    assert 0.94 <= covered(interval) <= 0.96
    assert covered(percentile_bootstrap, 500) < 0.92


def test_the_interval_of_the_mean_agrees_with_scipy():
    values = np.random.default_rng(0).normal(0.7, 0.1, 10)
    for level in (0.9, 0.95):
        expected = stats.t.interval(level, 9, loc=values.mean(), scale=stats.sem(values))
        assert metrics.mean_interval(values, level) == pytest.approx(expected)


def test_the_jackknife_of_a_mean_is_the_t_interval():
    values = np.random.default_rng(0).normal(0.7, 0.1, 10)
    assert jackknife_of_the_mean(values) == pytest.approx(metrics.mean_interval(values))


def test_the_jackknife_leaves_out_every_speaker_once():
    """Standard error by hand: the pseudo-values of the UAR of three speakers."""
    speakers = np.array([[[4, 1], [2, 3]], [[5, 0], [1, 4]], [[2, 2], [0, 6]]])
    value = metrics.uar(speakers.sum(axis=0))
    left_out = [metrics.uar(speakers[[1, 2]].sum(axis=0)), metrics.uar(speakers[[0, 2]].sum(axis=0))]
    left_out.append(metrics.uar(speakers[[0, 1]].sum(axis=0)))
    half = 4.302653 * np.std(3 * value - 2 * np.array(left_out), ddof=1) / np.sqrt(3)
    assert metrics.jackknife_interval(metrics.uar, speakers) == pytest.approx((value - half, value + half))


def test_a_class_of_the_left_out_speaker_alone_is_absent():
    """The third class is spoken by one of seven speakers: without that speaker the UAR is that of the other classes."""
    speakers = np.array([np.diag([5, 5, 0])] * 6 + [np.diag([5, 5, 7])]) / 3
    assert metrics.jackknife_interval(metrics.uar, speakers) == pytest.approx((1.0, 1.0))


def test_speakers_give_a_wider_interval_than_their_utterances():
    speakers = np.repeat(np.random.default_rng(0).uniform(0.2, 1.0, 10), 50).reshape(10, 50)
    by_speaker = metrics.mean_interval(speakers.mean(axis=1))
    by_utterance = metrics.mean_interval(speakers.ravel())
    assert by_speaker[1] - by_speaker[0] > 3 * (by_utterance[1] - by_utterance[0])


def test_fewer_than_three_speakers_have_no_interval():
    assert metrics.mean_interval(np.array([0.8, 0.9])) is None
    assert metrics.jackknife_interval(metrics.uar, np.array([np.diag([5, 5])] * 2)) is None
    assert metrics.mean_interval(np.array([0.8, 0.8, 0.8])) == pytest.approx((0.8, 0.8))


def test_the_interval_of_pooled_uar_is_over_whole_speakers():
    right, wrong = np.diag([5, 5]), np.array([[0, 5], [5, 0]])
    low, high = metrics.jackknife_interval(metrics.uar, np.array([right] * 9 + [wrong]))
    assert low < 0.9 < high and high - low > 0.4
    assert metrics.jackknife_interval(metrics.uar, np.array([right] * 4)) == pytest.approx((1.0, 1.0))


def test_a_label_that_is_no_class_is_refused():
    with pytest.raises(IndexError, match="out of bounds"):
        metrics.confusion(LABELS, PREDICTIONS + 1, 3)
