"""Paired comparison: against SciPy and by hand."""

import numpy as np
import pytest
from support.results import results_of, run_of

from acrnn import metrics
from acrnn.reports import comparison
from acrnn.reports.comparison import Comparison


def uars(values):
    return {f"s{number}": value for number, value in enumerate(values)}


def test_ten_speakers_who_all_gain_give_the_exact_smallest_p():
    result = comparison.paired(uars(np.linspace(0.6, 0.8, 10)), uars(np.linspace(0.5, 0.6, 10)))
    assert result.p_value == pytest.approx(2 / 2**10)
    assert result.difference == pytest.approx(0.15)
    assert result.units == 10 and result.interval[0] < result.difference < result.interval[1]
    assert result.verdict == "better"


def test_the_other_way_round_is_worse_and_as_sure():
    first, second = uars(np.linspace(0.5, 0.6, 10)), uars(np.linspace(0.6, 0.8, 10))
    result = comparison.paired(first, second)
    assert (result.verdict, result.p_value) == ("worse", pytest.approx(2 / 2**10))


def test_gains_and_losses_that_cancel_are_no_difference():
    result = comparison.paired(uars([0.5, 0.7, 0.5, 0.7, 0.6]), uars([0.6, 0.6, 0.6, 0.6, 0.6]))
    assert result.difference == pytest.approx(0) and result.verdict == "no difference"


def test_three_of_four_arrangements_are_as_far_out_as_the_one_seen():
    """Differences +3, -1, 0: the sums of the sign flips are 4, 2, -2, -4, twice each; all are at least 2 away from zero."""
    assert comparison.paired(uars([0.8, 0.5, 0.5]), uars([0.5, 0.6, 0.5])).p_value == pytest.approx(1.0)


def test_four_speakers_who_all_gain_are_not_evidence_enough():
    result = comparison.paired(uars([0.6, 0.7, 0.8, 0.9]), uars([0.5, 0.6, 0.7, 0.8]))
    assert result.p_value == pytest.approx(2 / 2**4) and result.verdict == "no difference"


def test_only_units_that_both_have_count():
    result = comparison.paired({"a": 0.9, "b": 0.8, "c": 0.1, "e": 0.5}, {"a": 0.8, "b": 0.7, "d": 0.9, "e": 0.4})
    assert result.units == 3 and result.difference == pytest.approx(0.1)
    assert comparison.paired({"a": 0.9}, {"b": 0.8}) is None


def test_equal_systems_are_no_difference():
    same = comparison.paired(uars([0.5, 0.6, 0.7]), uars([0.5, 0.6, 0.7]))
    assert same.p_value == 1.0 and same.interval == (0, 0) and same.verdict == "no difference"


def test_two_shared_speakers_are_too_few_to_compare():
    assert comparison.paired(uars([0.5, 0.9]), uars([0.1, 0.2])) is None


def test_the_interval_is_students_t_over_the_speakers_differences():
    first, second = [0.6, 0.7, 0.8, 0.9], [0.5, 0.5, 0.7, 0.5]
    result = comparison.paired(uars(first), uars(second))
    assert result.interval == pytest.approx(metrics.mean_interval(np.subtract(first, second)))
    assert result.interval == pytest.approx((0.2 - 3.182446 * 0.1414214 / 2, 0.2 + 3.182446 * 0.1414214 / 2), abs=1e-6)


def comparisons_with(*p_values):
    return {f"row {p}": Comparison(0.1, (0.0, 0.2), p, 10) for p in p_values}


def test_p_is_corrected_by_holm_as_in_a_hand_example():
    """0.01 · 4, 0.02 · 3, 0.03 · 2 = 0.06 and not less than the one before, 0.04 · 1 likewise."""
    result = comparison.corrected({"none": None, **comparisons_with(0.04, 0.01, 0.03, 0.02)})
    assert {name: each.p_value for name, each in result.items()} == {
        "row 0.04": pytest.approx(0.06),
        "row 0.01": pytest.approx(0.04),
        "row 0.03": pytest.approx(0.06),
        "row 0.02": pytest.approx(0.06),
    }
    assert list(result) == ["row 0.04", "row 0.01", "row 0.03", "row 0.02"]
    assert [each.verdict for each in result.values()] == ["no difference", "better", "no difference", "no difference"]
    assert {each.tests for each in result.values()} == {4}


def test_a_corrected_p_is_at_most_one_and_a_single_one_keeps_its_value():
    assert [each.p_value for each in comparison.corrected(comparisons_with(0.7, 0.6)).values()] == [1.0, 1.0]
    assert comparison.corrected(comparisons_with(0.03))["row 0.03"].p_value == 0.03
    assert comparison.corrected({}) == {}


def test_the_caption_follows_from_the_comparisons():
    several = comparison.corrected(comparisons_with(0.01, 0.02, 0.03))
    assert comparison.caption(several.values(), "folds", is_judged=True) == (
        "Differences are paired over at least 3 shared folds; 95 % intervals: Student's t over them; "
        "p: exact two-sided sign-flip test, corrected for 3 comparisons (Holm); verdict at p ≤ 0.05."
    )
    single = comparison.caption([Comparison(0.1, (0.0, 0.2), 0.01, 17)])
    assert "p: two-sided sign-flip test." in single  # 17 speakers have more sign flips than are tried
    assert comparison.caption([]) == "Differences are paired over at least 3 shared test speakers."


def test_validation_uar_of_the_selected_epoch_is_averaged_over_seeds():
    curve = (0.1, 0.5, 0.3)
    runs = [
        run_of(fold_name="speaker a", curve=curve, best_epoch=2),
        run_of(fold_name="speaker a", curve=curve, best_epoch=3),
        run_of(fold_name="speaker b", curve=curve, best_epoch=1, fold=1),
    ]
    assert comparison.validation_uar(results_of(runs)) == {
        "speaker a": pytest.approx(0.4),
        "speaker b": pytest.approx(0.1),
    }


def test_late_validation_uar_is_the_mean_of_the_last_five_epochs_whatever_was_selected():
    results = results_of([run_of(fold_name="speaker a", curve=(0.9, 0.1, 0.2, 0.3, 0.4, 0.5))])
    assert comparison.late_validation_uar(results) == {"speaker a": pytest.approx(0.3)}
