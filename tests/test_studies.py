"""Studies of several experiments: the ablation's rows, the paper's tables, the comparisons in them."""

from dataclasses import replace

import numpy as np
import pytest
from support.long_tests import long_test
from support.results import results_of, run_of

from acrnn import reports
from acrnn.crossval.results import read_results
from acrnn.models.lim2016.published import PROTOCOL as LIM2016_PROTOCOL
from acrnn.recipes import CHEN2018, DEPARTURES, TUNED, departed
from acrnn.reports import study_tables
from acrnn.reports.comparison import Comparison
from acrnn.segments import POOLINGS
from experiments import ablation, chen2018_tables, lim2016_tables

QUICK = ["--epochs", "1", "--batch-size", "8", "--no-models", "--folds", "0-1", "--reduced"]


@pytest.fixture(scope="module")
def corpus(tiny_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # where records go by default: those of an earlier tiny corpus would be in the way
        yield folder, ["--dataset", "manifest", "--data-dir", str(tiny_corpus), *QUICK]


def test_every_row_of_the_ablation_is_compared_with_what_was_kept_before_it():
    rows = {step.name: (step.recipe, step.reference) for step in ablation.ladder()}
    assert rows["chen2018"] == (CHEN2018, "literal") and rows["literal"][1] is None
    for number, (name, (recipe, before)) in enumerate(list(rows.items())[2:]):
        changed, reference = departed(CHEN2018, DEPARTURES[:number]), rows[before][0]
        assert reference == changed, name
        assert recipe != reference
    kept = [row for row, departure in zip(list(rows.values())[2:], DEPARTURES, strict=True) if departure.kept]
    assert kept[-1][0] == TUNED


def test_the_literal_row_is_what_the_paper_says_and_nothing_else():
    literal = ablation.ladder()[0].recipe
    assert literal.averaging == 0 and literal.network["normalization"] == "channel"
    assert (literal.optimizer, literal.learning_rate, literal.batch_size) == ("nadam", 1e-4, 40)


@long_test  # its parts are tested above, and the command of a study below
def test_the_ablation_writes_a_row_for_each_finished_recipe_with_its_gain(corpus, capsys):
    folder, command = corpus
    out = folder / "ablation"
    command = [*command, "--records", str(folder / "records"), "--output-dir", str(out)]
    assert ablation.main([*command, "--only", "literal,chen2018"]) == 0
    text = (out / "ablation.md").read_text()
    assert text in capsys.readouterr().out
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows[2:]] == [
        "| the paper to the letter",
        "| weights averaged, normalized by band",
    ]
    assert "| literal |" in rows[3] and rows[3].endswith(
        "| – | 2 of 5 folds × 1 seed |"
    )  # two folds are too few to compare
    assert "ablation.png" not in text and "![learning curves](curves.png)" in text
    results = read_results(out / "chen2018")
    mean = sum(run.curve[run.best_epoch - 1].validation_uar for run in results.runs) / 2
    assert (
        f"| {100 * mean:.1f} | {100 * mean:.1f} |" in rows[3]
    )  # with a single epoch, the last one is the selected one
    assert ablation.main([*command, "--tables-only"]) == 0
    assert (out / "ablation.md").read_text() == text
    assert ablation.main([*command, "--tables-only", "--output-dir", str(folder / "none")]) == 1
    assert {path.name for path in out.glob("*.png")} == {"curves.png"}
    assert results.settings.network_fields["first_filters"] == 32


def test_the_tables_hold_every_system_with_its_coverage_and_the_comparisons(corpus, capsys):
    folder, command = corpus
    out = folder / "tables"
    assert chen2018_tables.main([*command, "--depths", "1", "--output-dir", str(out)]) == 0
    text = (out / "tables.md").read_text()
    assert text in capsys.readouterr().out
    one, two = text.split("## Table II")
    assert [line.split(" | ")[0] for line in one.splitlines() if line.startswith("| ")][2:] == ["| 3d_conv1"]
    systems = [line.split(" | ")[0] for line in two.split("| first |")[0].splitlines() if line.startswith("| ")][2:]
    assert systems == ["| dnn-elm", "| 2d_conv1", "| 3d_conv1"]
    assert "| 3d_conv1 | 2d_conv1 |" in two and "| 2d_conv1 | dnn-elm |" in two
    assert two.count("2 of 5 folds × 1 seed") == 3
    assert {"depth.png", "confusion.png"} <= {path.name for path in out.iterdir()}
    assert read_results(out / "2d_conv1").settings.network_fields["channels"] == 1


def test_the_best_depth_is_selected_by_the_validation_speakers():
    def results_with(depth, validation, test):
        results = results_of([run_of(curve=[validation])], network={"conv_layers": depth})
        return replace(results, overall=replace(results.overall, uar_fold_mean=test))

    assert chen2018_tables.best_depth({"a": results_with(1, 0.5, 0.9), "b": results_with(3, 0.6, 0.1)}) == 3


def test_a_difference_is_shown_with_its_interval_and_p():
    assert study_tables.difference(Comparison(0.051, (-0.02, 0.12), 0.21, 10)) == "+5.1 (-2.0 to +12.0), p = 0.210"
    assert study_tables.difference(None) == "–"
    assert study_tables.compared({"a": {}}, "a", "b", dict) is None


def test_the_tables_of_lim_hold_both_splits_of_a_system_and_what_the_paper_split_is_worth(corpus, capsys):
    folder, command = corpus
    out = folder / "lim2016"
    options = ["--systems", "lim2016-cnn", "--repetitions", "1", "--output-dir", str(out)]
    assert lim2016_tables.main([*command, *options]) == 0
    text = (out / "tables.md").read_text()
    assert text in capsys.readouterr().out
    rows = {line.split(" | ")[0].strip("| "): line.strip("| ").split(" | ") for line in text.splitlines()}
    assert rows["high"][1:4] == rows["average"][1:4] == ["–"] * 3  # the paper's figures are of Emo-DB
    paper, independent = (read_results(out / f"cnn_{name}") for name in ("paper", "independent"))
    assert "2 of 50 folds × 1 seed" in rows["paper"][-1] and "2 of 5 folds × 1 seed" in rows["independent"][-1]
    for results, first in ((paper, 4), (independent, 7)):
        recalls = [row.recall for row in results.overall.per_class]
        assert rows["average"][first + 1] == reports.percent(sum(recalls) / 3)
    assert "| lim2016-cnn | – |" in text.split("## Points added")[1]  # two speakers are too few to compare
    assert "split.png" not in text and not (out / "split.png").exists()
    run = paper.runs[0]
    named = zip(run.utterances, run.probabilities, strict=True)
    short = [max(row) for utterance, row in named if "low_1" not in utterance]
    assert min(short) > (1 + 1 / 3) / 2  # an utterance with one image: its vote, and the posterior of three emotions
    assert paper.settings.recipe.pooling == "majority" and set(paper.runs[0].by_pooling) == set(POOLINGS)


def test_the_figures_of_lim_are_averaged_over_repetitions_and_not_over_folds():
    """Two repetitions of ten folds of one utterance each; the precision of a class that is never predicted counts as zero."""
    runs = [
        run_of(fold=fold, labels=[fold % 2], probabilities=[[1, 0] if fold < 10 or fold % 2 == 0 else [0, 1]])
        for fold in range(20)
    ]
    results = results_of(runs, planned_folds=50, labels=("a", "b"), protocol=LIM2016_PROTOCOL)
    of = lim2016_tables.scores_by_emotion(results)
    assert of["a"].tolist() == pytest.approx([(0.5 + 1) / 2, 1, (2 / 3 + 1) / 2])
    assert of["b"].tolist() == pytest.approx([0.5, 0.5, 0.5])
    assert of["average"].tolist() == pytest.approx([0.625, 0.75, (5 / 6 + 0.5) / 2])
    # twenty speakers make one repetition; the F1 of a fold leaves out a class without utterances
    results = results_of(runs, planned_folds=20, labels=("a", "b"))
    of = lim2016_tables.scores_by_emotion(results)
    assert of["a"].tolist() == pytest.approx([10 / 15, 1, 0.8]) and of["b"].tolist() == pytest.approx([1, 0.5, 2 / 3])
    assert (
        lim2016_tables.f1_cell(results) == f"{50 * (0.8 + 2 / 3):.1f} ± {100 * np.std([1] * 15 + [0] * 5, ddof=1):.1f}"
    )


def test_the_tables_of_lim_refuse_other_systems_and_more_repetitions_than_the_paper_has(corpus, capsys):
    _, command = corpus
    for wrong, message in (
        (["--systems", "chen2018-3d"], "it is unknown"),
        (["--repetitions", "6"], "the paper deals 5"),
        (["--protocol", "grouped-3-fold"], "--protocol grouped-3-fold: the tables have both of theirs"),
    ):
        assert lim2016_tables.main([*command, *wrong]) == 2
        assert message in capsys.readouterr().err
