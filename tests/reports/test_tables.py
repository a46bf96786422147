"""Tables: the second average over the speakers of Figure 4, and captions that name the methods."""

from dataclasses import replace

import pytest
from support.results import results_of, run_of

from acrnn import metrics
from acrnn.crossval.results import RESULTS
from acrnn.files import write_sealed_json
from acrnn.reports import html, tables

RIGHT, HALF, WRONG = (
    [[1, 0], [0, 1]],
    [[1, 0], [1, 0]],
    [[0, 1], [1, 0]],
)  # posteriors of two utterances with the labels 0 and 1


def experiment(posteriors, train_speakers=("c",), corpus="emodb", seeds=(0,)):
    """Results with a fold for each test speaker; its posteriors are the same with every seed."""
    runs = []
    for fold, (speaker, probabilities) in enumerate(posteriors.items()):
        run = run_of(fold=fold, fold_name=f"speaker {speaker}", probabilities=probabilities)
        speakers = {"speakers": [speaker] * 2, "test_speakers": [speaker], "train_speakers": list(train_speakers)}
        runs += [replace(run, seed=seed, **speakers) for seed in seeds]
    recipe = {"epochs": 1, "precision": "float32"}
    return results_of(runs, len(posteriors), recipe=recipe, corpus={"name": corpus, "subset": "all", "complete": True})


FOUR = {"13": RIGHT, "14": HALF, "15": WRONG, "16": HALF}


def test_the_second_average_is_over_the_four_folds_alone():
    assert tables.figure_4(experiment({"03": WRONG, **FOUR})) == "50.0 ± 40.8"
    assert tables.figure_4(experiment({"03": WRONG, **FOUR}, seeds=(0, 1))) == "50.0 ± 40.8"


def test_the_second_average_needs_all_four_speakers_and_none_of_them_in_training():
    assert tables.figure_4(experiment({"13": RIGHT, "14": HALF, "15": WRONG})) == "–"
    assert tables.figure_4(experiment(FOUR, train_speakers=("13",))) == "–"
    assert tables.figure_4(experiment(FOUR, corpus="iemocap")) is None


def test_the_second_average_is_not_over_folds_with_a_part_of_a_speaker():
    results = experiment(FOUR)
    other_half = replace(results.runs[0], fold=4, fold_name="speaker 13, sentences 2 of 2")
    assert tables.figure_4(replace(results, runs=(*results.runs, other_half))) == "–"


def written(results, folder):
    folder.mkdir()
    write_sealed_json(folder / RESULTS, results.to_dict())
    return folder


def test_the_caption_of_a_table_names_the_methods_and_the_column_of_the_four_speakers(tmp_path):
    emodb, other = experiment(FOUR), experiment(FOUR, corpus="iemocap")
    folders = [written(results, tmp_path / name) for name, results in (("emodb", emodb), ("other", other))]
    text = tables.markdown_table(folders)
    assert "± is the sample standard deviation over folds" in text and metrics.INTERVALS in text
    assert "| speakers 13–16 |" in text and text.count("| 50.0 ± 40.8 | 50.0 ± 40.8 |") == 1
    assert "13–16" not in tables.markdown_table(folders[1:])


@pytest.mark.parametrize(("seeds", "shown"), [((0,), False), ((0, 1), True)])
def test_a_report_names_the_method_of_its_intervals_and_the_deviation_between_seeds(seeds, shown, tmp_path):
    results = experiment(FOUR, seeds=seeds)
    headline = html._headlines(results)[0]
    assert ("± 0.0 over seeds" in headline.spread) == shown
    low, high = results.overall.uar_fold_mean_interval
    assert f"interval {tables.percent(low)} to {tables.percent(high)}" in headline.spread


def test_a_summary_names_the_method_of_its_intervals():
    assert metrics.INTERVALS in tables.summary(experiment(FOUR))
