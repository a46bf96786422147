"""Pages about several experiments: columns, paired comparisons, figures."""

from dataclasses import replace

import pytest
from support.results import results_of, run_of

from acrnn.reports import comparison, study_tables
from acrnn.reports.study_tables import COVERAGE, UAR_BY_FOLD, UAR_POOLED, WA, Column, column, results_table

RIGHT, WRONG = [[1, 0], [0, 1]], [[1, 0], [1, 0]]  # posteriors of two utterances with the labels 0 and 1


def experiment(*posteriors):
    """Results with a fold and a test speaker for each of the posteriors."""
    runs = [
        replace(run_of(fold=fold, labels=[0, 1], probabilities=each), speakers=[f"s{fold}"] * 2)
        for fold, each in enumerate(posteriors)
    ]
    return results_of(runs, planned_folds=len(runs) + 1, labels=("anger", "fear"), network={"conv_layers": 1})


@pytest.fixture
def results():
    return {"good": experiment(*[RIGHT] * 6), "bad": experiment(*[WRONG] * 6)}


def test_a_table_has_a_row_for_each_experiment_and_its_columns(results):
    named = Column("name", lambda name, _: name.upper())
    table = results_table(
        results,
        (named, WA, UAR_BY_FOLD.named("UA"), COVERAGE),
        {"good": "the good one"},
        "system",
        [["paper", *"abcd"]],
    )
    assert [line.strip("| ").split(" | ") for line in table.splitlines()] == [
        ["system", "name", "WA", "UA", "coverage"],
        ["---"] * 5,
        ["the good one", "GOOD", "100.0", "100.0 ± 0.0", "6 of 7 folds × 1 seed"],
        ["bad", "BAD", "50.0", "50.0 ± 0.0", "6 of 7 folds × 1 seed"],
        ["paper", *"abcd"],
    ]


def test_the_columns_of_the_uar_have_the_mean_over_folds_and_the_pooled_value():
    results = experiment(RIGHT, WRONG)
    assert UAR_BY_FOLD.cell("", results).startswith("75.0 ± 35.4")
    assert UAR_POOLED.cell("", results).startswith("75.0 (")
    assert column("runs", lambda each: str(len(each.runs))).cell("", results) == "2"
    assert study_tables.mean_uar(results, lambda each: {"a": 0.5, "b": 0.7}) == "60.0"


def test_gains_are_against_the_reference_of_each_and_missing_ones_are_left_out(results):
    references = {"good": "bad", "bad": None, "other": "bad"}
    gains = study_tables.gains(results, references)
    assert list(gains) == ["good"]
    assert gains["good"].difference == pytest.approx(0.5) and gains["good"].units == 6
    doubled = study_tables.gains(
        results, references, lambda each: {k: 2 * v for k, v in comparison.tested_uar(each).items()}
    )
    assert doubled["good"].difference == pytest.approx(1.0)
    cells = study_tables.difference_column("gain", gains)
    assert cells.cell("good", results["good"]) == "+50.0 (+50.0 to +50.0), p = 0.031"
    assert cells.cell("bad", results["bad"]) == "–"


def test_pairs_are_compared_below_a_caption_with_a_verdict_on_request(results):
    pairs = [("good", "bad"), ("bad", "good"), ("good", "missing")]
    lines = study_tables.comparison_table(results, pairs, "UA", has_verdict=True).splitlines()
    assert lines[0].startswith("First minus second. Differences are paired over at least 3 shared test speakers")
    assert lines[0].endswith("corrected for 2 comparisons (Holm); verdict at p ≤ 0.05.")
    assert lines[2] == "| first | second | difference in UA points | verdict |"
    assert [line.strip("| ").split(" | ")[::3] for line in lines[4:]] == [
        ["good", "no difference"],
        ["bad", "no difference"],
    ]
    assert "+50.0 (+50.0 to +50.0), p = 0.062" in lines[4]  # twice 2 / 2^6: of two comparisons neither is significant
    one = study_tables.comparison_table(results, pairs[:1], "UA", has_verdict=True)
    assert one.endswith("| good | bad | +50.0 (+50.0 to +50.0), p = 0.031 | better |") and "Holm" not in one
    assert "verdict" not in study_tables.comparison_table(results, pairs)


def test_experiments_without_a_common_speaker_are_not_compared(results):
    other = replace(results["good"], overall=replace(results["good"].overall, per_speaker=()))
    assert study_tables.compared({"a": other, "b": results["bad"]}, "a", "b") is None
    assert "| a | b | – | – |" in study_tables.comparison_table(
        {"a": other, "b": results["bad"]}, [("a", "b")], "UAR", True
    )


def test_figures_are_written_and_no_figure_of_nothing(results, tmp_path):
    study_tables.write_differences({}, "points", tmp_path / "none.png")
    study_tables.write_differences(study_tables.gains(results, {"good": "bad"}), "points", tmp_path / "gains.png")
    study_tables.write_sweep({1: results["good"], 2: results["bad"]}, tmp_path / "sweep.png", along="layers")
    study_tables.write_confusion(results["good"], tmp_path / "confusion.png")
    study_tables.write_mean_curves(results, tmp_path / "curves.png")
    assert {path.name for path in tmp_path.iterdir()} == {"gains.png", "sweep.png", "confusion.png", "curves.png"}
