"""Comparison of experiments: figures and paired tests as in their results; those on unequal tests are refused."""

from pathlib import Path

import pytest

from acrnn.cli import main
from acrnn.crossval import read_results
from acrnn.reports.tables import percent

RESULTS = Path(__file__).parents[2] / "experiments" / "results"
TUNED, LITERAL = RESULTS / "emodb_tuned" / "3d_conv1", RESULTS / "emodb_literal_3d_conv1"


def test_the_page_holds_the_figures_of_each_experiment_and_their_paired_difference(tmp_path, capsys):
    out = tmp_path / "new" / "page.md"
    assert main(["compare", str(TUNED), str(LITERAL), "--out", str(out)]) == 0
    page = capsys.readouterr().out
    assert page == out.read_text()
    tuned, literal = read_results(TUNED), read_results(LITERAL)
    for folder, results in ((TUNED, tuned), (LITERAL, literal)):
        row = next(line for line in page.splitlines() if line.startswith(f"| {folder} | chen2018-3d"))
        assert f"{percent(results.overall.uar_fold_mean)} ± {percent(results.overall.uar_fold_std)}" in row
        recalls = " | ".join(percent(each.recall, 0) for each in results.overall.per_class)
        assert f"| {folder} | {recalls} |" in page
    ours, theirs = ({each.speaker: each.uar for each in results.overall.per_speaker} for results in (tuned, literal))
    mean = sum(ours[name] - theirs[name] for name in ours) / len(ours)
    assert f"| {TUNED} | {LITERAL} | {100 * mean:+.1f} (" in page
    assert main(["compare", str(TUNED), str(LITERAL), "--out", str(out)]) == 2  # never overwritten


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ([TUNED], "name at least two experiments"),
        ([TUNED, TUNED], "it is named twice"),
        (
            [TUNED, RESULTS / "emodb_sentences" / "sentence-and-speaker-open"],
            "its protocol is sentence-and-speaker-open",
        ),
        ([TUNED, RESULTS / "toy-bimodal_peng2021" / "audio"], "its corpus is toy-bimodal, and that of"),
    ],
)
def test_experiments_that_cannot_be_compared_are_refused(folders, message, capsys):
    assert main(["compare", *map(str, folders)]) == 2
    assert message in capsys.readouterr().err
