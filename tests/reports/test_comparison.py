"""Paired comparison: against SciPy and by hand."""

import numpy as np
import pytest
from support.results import results_of, run_of

from acrnn.reports import comparison


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
    """Differences +2, -1: the sums of the sign flips are 3, 1, -1, -3; all four are at least 1 away from zero."""
    assert comparison.paired(uars([0.7, 0.5]), uars([0.5, 0.6])).p_value == pytest.approx(1.0)


def test_four_speakers_who_all_gain_are_not_evidence_enough():
    result = comparison.paired(uars([0.6, 0.7, 0.8, 0.9]), uars([0.5, 0.6, 0.7, 0.8]))
    assert result.p_value == pytest.approx(2 / 2**4) and result.verdict == "no difference"


def test_only_units_that_both_have_count():
    result = comparison.paired({"a": 0.9, "b": 0.8, "c": 0.1}, {"a": 0.8, "b": 0.7, "d": 0.9})
    assert result.units == 2 and result.difference == pytest.approx(0.1)
    assert comparison.paired({"a": 0.9}, {"b": 0.8}) is None


def test_equal_systems_and_single_units_are_no_difference():
    assert comparison.paired(uars([0.5, 0.6]), uars([0.5, 0.6])).p_value == 1.0
    single = comparison.paired(uars([0.5]), uars([0.1]))
    assert single.interval is None and single.verdict == "no difference"


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
