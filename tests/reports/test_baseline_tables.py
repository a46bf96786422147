"""Sentences and tables about classical baselines follow from their results."""

from dataclasses import replace

from support.results import results_of, run_of

from acrnn.reports import baseline_tables
from acrnn.reports.tables import system_title

SVM = {
    "classifier": "SVM",
    "kernel": "linear",
    "class_weight": "balanced",
    "selection": "validation UAR",
    "posteriors": "softmax",
}


def results_with(hits, **settings):
    """Results of one fold of each of eight speakers: speaker s has all utterances right if s < hits, else half."""
    runs = []
    for speaker in range(8):
        second = (0, 1) if speaker < hits else (1, 0)
        run = run_of(speaker, f"speaker {speaker}", labels=(0, 1), probabilities=((1, 0), second))
        runs.append(replace(run, speakers=[str(speaker)] * 2, test_speakers=[str(speaker)]))
    results = results_of(runs)
    return replace(results, settings=replace(results.settings, **settings))


def baseline(hits, statistics="corpus", kind="opensmile"):
    return results_with(
        hits, model="svm-compare", baseline=SVM, speaker_statistics=statistics, frontend_fields={"kind": kind}
    )


def test_networks_are_counted_against_the_baseline_with_the_same_statistics():
    baselines = {"corpus": baseline(4), "speaker": baseline(8, "speaker")}
    networks = {
        "better": results_with(8),
        "equal": results_with(4),
        "worse": results_with(0),
        "transductive": results_with(0, speaker_statistics="speaker"),
        "enrolled": results_with(8, speaker_statistics="enrollment:5"),
    }
    table = baseline_tables.networks_table(baselines, networks)
    assert (
        "SVM, ComParE, normalized by the training part (inductive): UAR 75.0 and SVM, ComParE, normalized by speaker"
        in table
    )
    assert "Of 4 networks, each compared with the baseline of the same normalization, 1 have a higher mean UAR" in table
    assert "0 are significantly better and 1 significantly worse" in table
    rows = {line.split("`")[1]: line for line in table.splitlines() if "`" in line}
    assert list(rows) == ["better", "equal", "worse", "transductive"]
    assert "-50.0" in rows["transductive"] and "| worse |" in rows["transductive"]
    assert "+25.0" in rows["better"] and "p = 0.375 | no difference" in rows["better"]  # four of eight, times three


def test_the_licence_and_the_transductive_rows_are_told_where_they_apply():
    text = baseline_tables.notes({"a": baseline(4)})
    assert "research licence of audEERING" in text and "speaker's other recordings" not in text
    text = baseline_tables.notes({"a": baseline(4, "speaker", "logmel")})
    assert "audEERING" not in text and "depends on the test speaker's other recordings" in text


def test_titles_say_that_features_are_normalized_by_speaker():
    assert system_title(baseline(4).settings) == "SVM, ComParE"
    assert system_title(baseline(4, "speaker").settings) == "SVM, ComParE, normalized by speaker (transductive)"
