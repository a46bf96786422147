"""The inference of Figure 4's speakers: the test of a row, the subsets, and the committed account."""

from collections import Counter

import pytest

from experiments import chen2018_figure4 as figure4


def test_a_row_fits_the_number_of_utterances_that_made_it():
    row = tuple(round(100 * count / (5 * 34), 2) for count in (7, 8, 13, 1, 139, 2, 0))
    assert row == figure4.FIGURE_4["fear"]
    assert [number for number in range(1, 70) if figure4.fits(row, number)] == [34, 68]
    assert not figure4.fits(row, 0)


@pytest.mark.parametrize("changed", [0.02, -0.02])
def test_another_digit_fits_nothing_so_small(changed):
    row = list(figure4.FIGURE_4["fear"])
    row[0] += changed
    assert not any(figure4.fits(row, number) for number in range(1, 70))


def test_all_subsets_are_tried():
    counts = {"a": Counter(anger=3), "b": Counter(anger=5), "c": Counter(anger=50)}
    only = {"anger": figure4.FIGURE_4["anger"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure4, "FIGURE_4", only)
        assert figure4.fitting_subsets(counts) == [("b", "c")]


def test_the_committed_account_is_what_the_script_writes(tmp_path, capsys):
    out = tmp_path / "figure4.md"
    assert figure4.main(["--output", str(out)]) == 0
    committed = figure4.RESULTS / "chen2018_figure4" / "figure4.md"
    assert out.read_text(encoding="utf-8") == committed.read_text(encoding="utf-8")
    assert "1 of 1023; speakers 13, 14, 15, 16." in capsys.readouterr().out
