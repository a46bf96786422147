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


def fusion(hits, *titles):
    members = [{"title": title, "settings_sha256": ""} for title in titles]
    return results_with(hits, model="fusion", fusion={"rule": "probability", "members": members})


def test_networks_are_counted_against_the_baseline_with_the_same_statistics():
    baselines = {"corpus": baseline(4), "speaker": baseline(8, "speaker")}
    networks = {
        "better": results_with(8),
        "worse": results_with(0),
        "transductive": results_with(0, speaker_statistics="speaker"),
        "adapted": results_with(0, speaker_statistics="speaker+batch-norm"),
        "fused": fusion(0, "SVM", "chen2018-3d, speaker statistics (transductive)"),
        "fused-inductive": fusion(4, "SVM", "chen2018-3d"),
        "enrolled": results_with(8, speaker_statistics="enrollment:5"),
    }
    table = baseline_tables.networks_table(baselines, networks)
    assert (
        "SVM, ComParE, normalized by the training part (inductive): UAR 75.0 and SVM, ComParE, speaker statistics"
        in table
    )
    assert (
        "Of 6 networks and fusions, each compared with the baseline of the same normalization, 1 have a higher mean UAR"
        in table
    )
    assert "0 are significantly better and 3 significantly worse" in table
    rows = {line.split("`")[1]: line for line in table.splitlines() if "`" in line}
    assert list(rows) == ["better", "fused-inductive", "worse", "transductive", "adapted", "fused"]
    for name in ("transductive", "adapted", "fused"):
        assert "-50.0" in rows[name] and "| worse |" in rows[name]
    assert "+0.0" in rows["fused-inductive"]
    assert "+25.0" in rows["better"] and "p = 0.375 | no difference" in rows["better"]  # four of eight, times three


def test_the_licence_and_the_transductive_rows_are_told_where_they_apply():
    text = baseline_tables.notes({"a": baseline(4)})
    assert "research licence of audEERING" in text and "speaker's other recordings" not in text
    text = baseline_tables.notes({"a": baseline(4, "speaker", "logmel")})
    assert "audEERING" not in text and "depends on the test speaker's other recordings" in text


def test_titles_say_that_features_are_normalized_by_speaker():
    assert system_title(baseline(4).settings) == "SVM, ComParE"
    assert system_title(baseline(4, "speaker").settings) == "SVM, ComParE, speaker statistics (transductive)"
