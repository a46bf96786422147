"""Prediction at several speeds: the mean over the copies, by the networks of a finished experiment, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.sources import Feeder
from acrnn.batches.speaker_statistics import Choice, enrolment_order
from acrnn.crossval import Experiment, cross_validate
from acrnn.crossval.fusion import fuse
from acrnn.crossval.prediction.again import _check, predict_again, validation_uars
from acrnn.crossval.prediction.enrolment import ALL, ALONE, enrolment_curve
from acrnn.crossval.prediction.utterances import UtterancePrediction, check_speeds
from acrnn.crossval.results import collect_results, read_experiment
from acrnn.crossval.run import read_run, run_path, write_run
from acrnn.crossval.settings import Settings
from acrnn.errors import FieldError, UsageError
from acrnn.export.refit import refit
from acrnn.export.version_folder import estimate_of
from acrnn.frontends.statistics import average
from acrnn.models import load_network
from acrnn.recipes import Recipe
from acrnn.records import RecordSet
from acrnn.reports.html import write_report
from acrnn.reports.pictures import selection_caption
from acrnn.reports.tables import system_title
from acrnn.segments import POOLINGS
from acrnn.training.speaker_batch_norm import SpeakerBatchNorm
from data_prep.__main__ import main as prepare
from experiments import enrolment_curve as enrolment_script
from experiments import nested_selection
from experiments import several_speeds as script

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=1)
SPEEDS = (0.9, 1.0, 1.1)
ADAPTED = Choice.parse("speaker+batch-norm")


@pytest.fixture(scope="module")
def copies(tiny_corpus, tmp_path_factory):
    """Records with copies at three speeds; to be read only."""
    out = tmp_path_factory.mktemp("copies") / "records"
    command = ["manifest", "--data-dir", str(tiny_corpus), "--out", str(out), "--jobs", "1"]
    assert prepare([*command, "--speeds", "0.9,1.0,1.1"]) == 0
    return out


def trained(records, folder, statistics="corpus", folds=(0,), **fields):
    choice = Choice.parse(statistics)
    experiment = Experiment(records, "chen2018-3d", RECIPE, options=TINY_NETWORK, speaker_statistics=choice, **fields)
    cross_validate(experiment, folder, folds=folds, announce=str)
    return folder


@pytest.fixture(scope="module")
def run(copies, tmp_path_factory):
    """An experiment of adapted batch normalization with the saved networks of two folds; to be read only."""
    return trained(copies, tmp_path_factory.mktemp("speeds"), str(ADAPTED), (0, 1))


def posteriors_at(records, network_path, names, speed):
    """Posteriors of the copies of one speaker's utterances at one speed, with the batch normalization of these copies."""
    feeder = Feeder(RecordSet(records), speaker_statistics=ADAPTED)
    settings = read_experiment(network_path.parent.parent)[0]
    estimator = settings.system.estimator(settings.config, settings.recipe)
    estimator.model.set_weights(load_network(network_path).get_weights())
    rows = [row for row in feeder.records.utterances if (row.copy_of or row.id) in names and row.speed == speed]
    assert len(rows) == len(names) and len({row.speaker for row in rows}) == 1
    source = feeder.source([row.id for row in rows])
    with SpeakerBatchNorm(estimator.model, 8).adapted(source):
        posteriors = estimator.pooled(source, ("max",))[0]["max"]
    of_name = dict(zip((row.copy_of or row.id for row in rows), posteriors, strict=True))
    return np.array([of_name[name] for name in names])


def test_a_posterior_is_the_mean_over_the_copies_each_normalized_by_those_at_its_speed(copies, run, tmp_path):
    results = predict_again(run, copies, SPEEDS, tmp_path / "again", announce=str)
    again, before = (read_run(run_path(folder, 1, 0)) for folder in (tmp_path / "again", run))
    for new, old in ((again, before), (again.validation, before.validation)):
        assert new.utterances == old.utterances and new.labels == old.labels
        network = run_path(run, 1, 0).with_suffix(".keras")
        at_speeds = [posteriors_at(copies, network, old.utterances, speed) for speed in SPEEDS]
        np.testing.assert_allclose(at_speeds[1], old.probabilities, atol=1e-4)
        np.testing.assert_allclose(new.probabilities, np.mean(at_speeds, axis=0), atol=1e-4)
        assert abs(np.array(new.probabilities) - old.probabilities).max() > 1e-3
    assert again.curve == before.curve and set(again.by_pooling) == set(POOLINGS)
    assert [each.fold for each in results.runs] == [0, 1] and results.settings.test_speeds == SPEEDS


@pytest.mark.parametrize("statistics", ["corpus", "utterance", "speaker"])
def test_without_adapted_batch_normalization_the_posterior_is_the_mean_over_the_copies_too(
    copies, tmp_path, statistics
):
    folder = trained(copies, tmp_path / "run", statistics)
    predict_again(folder, copies, SPEEDS, tmp_path / "again", announce=str)
    again, before = (read_run(run_path(each, 0, 0)) for each in (tmp_path / "again", folder))
    feeder = Feeder(RecordSet(copies), speaker_statistics=Choice.parse(statistics))
    settings = read_experiment(folder)[0]
    estimator = settings.system.estimator(settings.config, settings.recipe)
    estimator.model.set_weights(load_network(run_path(folder, 0, 0).with_suffix(".keras")).get_weights())
    of_copy = {}
    for row in feeder.records.utterances:
        if row.speaker in before.test_speakers:
            ((posterior,), _) = estimator.posteriors(feeder.source([row.id]))
            of_copy.setdefault(row.copy_of or row.id, []).append(posterior)
    expected = [np.mean(of_copy[name], axis=0) for name in again.utterances]
    np.testing.assert_allclose(again.probabilities, expected, atol=1e-4)
    assert all(len(posteriors) == 3 for posteriors in of_copy.values())


def test_runs_that_exist_are_kept_and_the_settings_tell_the_experiments_apart(copies, run, tmp_path):
    predict_again(run, copies, SPEEDS, tmp_path / "again", announce=str)
    kept = run_path(tmp_path / "again", 0, 0)
    stamp = kept.stat().st_mtime_ns
    run_path(tmp_path / "again", 1, 0).unlink()
    lines = []
    predict_again(run, copies, SPEEDS, tmp_path / "again", announce=lines.append)
    assert kept.stat().st_mtime_ns == stamp and len(lines) == 1 and lines[0].startswith("fold 1")
    with pytest.raises(ValueError, match=r"holds another experiment \(test_speeds is"):
        predict_again(run, copies, (1.0, 1.1), tmp_path / "again", announce=str)


def test_the_validation_uars_are_those_of_the_validation_parts_and_nothing_is_tested(
    copies, run, tmp_path, monkeypatch
):
    predict_again(run, copies, SPEEDS, tmp_path / "again", announce=str)
    expected = [
        [result.validation.uar for result in collect_results(folder).runs] for folder in (run, tmp_path / "again")
    ]
    monkeypatch.setattr("acrnn.crossval.prediction.parts.PartPrediction.test", None)
    uars = validation_uars(run, copies, SPEEDS, announce=str)
    assert [[each.at_one_speed for each in uars], [each.at_speeds for each in uars]] == expected


def test_titles_settings_and_the_report_name_the_speeds(copies, run, tmp_path):
    settings = predict_again(run, copies, SPEEDS, tmp_path / "again", announce=str).settings
    assert Settings.from_dict(settings.to_dict()) == settings
    assert system_title(settings) == system_title(read_experiment(run)[0]) + ", predicted at the speeds 0.9, 1, 1.1"
    assert selection_caption(settings) in (report := write_report(tmp_path / "again").read_text())
    assert "copies of each utterance at the speeds 0.9, 1, 1.1" in report and "predicted at one speed" in report
    assert "and the attention weights are of the recordings alone" in report
    before = write_report(run, out=tmp_path).read_text()
    assert "test-time" not in before and "The test part is predicted once" in before


@pytest.mark.parametrize(
    ("speeds", "message"),
    [
        ((0.8, 1.0), "speeds 0.8: the networks were trained at 0.9, 1, 1.1; choose among them"),
        ((1.0,), "speeds 1: name two or more"),
        ((0.9, 1.1), "speeds 0.9, 1.1: name different speeds in ascending order, 1 among them"),
        ((1.1, 1.0), "speeds 1.1, 1: name different speeds in ascending order"),
        ((1.0, 1.0, 1.1), "speeds 1, 1, 1.1: name different speeds"),
    ],
)
def test_speeds_without_copies_are_refused(copies, run, tmp_path, speeds, message):
    with pytest.raises(ValueError, match=message):
        predict_again(run, copies, speeds, tmp_path / "again", announce=str)
    assert not (tmp_path / "again").exists()


def test_experiments_whose_copies_have_no_normalization_or_that_were_predicted_so_are_refused(copies, run, tmp_path):
    enrolled = trained(copies, tmp_path / "enrolment", "enrolment:2")
    predict_again(run, copies, SPEEDS, tmp_path / "again", announce=str)
    for folder, message in (
        (enrolled, "normalized by 2 enrolment utterances, which copies at other speeds do not have"),
        (tmp_path / "again", "predicted at several speeds already"),
    ):
        with pytest.raises(ValueError, match=message):
            predict_again(folder, copies, SPEEDS, tmp_path / "out", announce=str)


def test_speeds_of_the_records_at_which_the_networks_were_not_trained_are_refused(copies, run):
    settings = replace(read_experiment(run)[0], speeds=(1.0, 1.1))
    with pytest.raises(ValueError, match=r"speeds 0.9: the networks were trained at 1, 1.1"):
        _check(settings, run, RecordSet(copies), SPEEDS)


def test_a_recording_without_a_copy_is_named(copies):
    records = RecordSet(copies)
    records.utterances = [row for row in records.utterances if row.id != "s1_high_0@0.9"]
    with pytest.raises(ValueError, match=r"speeds 0.9: .* has no copy of s1_high_0 at this speed; leave it out"):
        check_speeds(records, SPEEDS)


def test_a_run_of_another_network_than_that_in_the_experiment_is_not_kept(copies, run, tmp_path):
    predict_again(run, copies, SPEEDS, tmp_path / "again", announce=str)
    earlier = read_run(run_path(tmp_path / "again", 0, 0))
    other = replace(earlier, curve=tuple(replace(epoch, loss=epoch.loss + 1) for epoch in earlier.curve))
    write_run(tmp_path / "again", other)
    with pytest.raises(
        ValueError, match="predicted by another network than that in .* delete it and give the command again"
    ):
        predict_again(run, copies, SPEEDS, tmp_path / "again", announce=str)


def test_an_export_a_nested_selection_a_fusion_and_a_curve_of_it_name_the_remedy(copies, run, tmp_path):
    again = tmp_path / "again"
    predict_again(run, copies, SPEEDS, again, announce=str)
    for refuse in (lambda: estimate_of(again), lambda: refit(again, copies, [0])):
        with pytest.raises(UsageError, match="an exported model predicts at one; export the experiment that trained"):
            refuse()
    with pytest.raises(UsageError, match="choose the experiment that trained them"):
        enrolment_curve(again, copies, [0], announce=str)
    results = {"one": collect_results(run), "several": collect_results(again)}
    with pytest.raises(FieldError, match="several: its validation UARs are of one speed"):
        nested_selection.comparable(results)
    with pytest.raises(FieldError, match="several: it has the same networks as one"):
        fuse(results)


def test_a_leaking_experiment_is_refused(copies, run, tmp_path):
    leaking = replace(read_experiment(run)[0], mistake="random-split")
    with pytest.raises(ValueError, match=r"leaks on purpose \(random-split\)"):
        _check(leaking, run, RecordSet(copies), SPEEDS)


def test_the_script_prints_the_validation_uar_or_writes_the_comparison(copies, run, tmp_path, capsys):
    command = ["--run", str(run), "--records", str(copies), "--speeds", "0.9,1.0,1.1"]
    assert script.main([*command, "--validation"]) == 0
    assert "validation UAR, mean over 2 runs: " in capsys.readouterr().out
    assert script.main([*command, "--output-dir", str(tmp_path / "again")]) == 0
    page = (tmp_path / "again" / script.PAGE).read_text()
    assert "| at one speed |" in page and "| at the speeds 0.9, 1, 1.1 |" in page
    assert page.count("2 of 5 folds × 1 seed") == 2 and "UAR of the validation speakers" in page
    assert (tmp_path / "again" / "report.html").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--output-dir: name a folder, or choose --validation"),
        (["--validation", "--output-dir", "x"], "--validation: nothing is written"),
    ],
)
def test_the_script_refuses_options_that_do_not_fit(copies, run, capsys, options, message):
    command = ["--run", str(run), "--records", str(copies), "--speeds", "0.9,1.0,1.1"]
    assert script.main([*command, *options]) == 2
    assert message in capsys.readouterr().err


def test_the_script_does_not_write_into_the_folder_of_the_networks(copies, run, capsys):
    command = ["--run", str(run), "--records", str(copies), "--speeds", "0.9,1.0,1.1", "--output-dir", str(run)]
    assert script.main(command) == 2
    assert "it holds the networks; choose another folder" in capsys.readouterr().err


def test_the_enrolment_curve_at_several_speeds_ends_at_the_prediction_with_all_recordings(copies, run, tmp_path):
    results = predict_again(run, copies, SPEEDS, tmp_path / "again", announce=str)
    points = enrolment_curve(run, copies, [0], announce=str, test_speeds=SPEEDS)
    assert [point.amount.enrolment for point in points] == [ALONE, 0, ALL]
    assert points[-1].by_fold.tolist() == [each.uar for each in results.runs]


def test_copies_of_the_enrolment_normalize_and_adapt_those_at_their_speed(copies, run, monkeypatch):
    calls, pooled = [], UtterancePrediction.pooled

    def spy(self, names, normalizer, poolings, adaptations=None):
        calls.append((self.feeder.statistics, normalizer, adaptations))
        return pooled(self, names, normalizer, poolings, adaptations)

    monkeypatch.setattr(UtterancePrediction, "pooled", spy)
    enrolment_curve(run, copies, [2], announce=str, test_speeds=SPEEDS)
    alone, (statistics, normalizer, adaptations), everything = calls[:3]
    assert alone[2] == {} and everything[2] is None
    first = read_run(run_path(run, 0, 0))
    enrolled = enrolment_order(first.utterances)[:2]
    rows = {row.id: number for number, row in enumerate(RecordSet(copies).utterances)}
    assert set(adaptations) == {(first.test_speakers[0], speed) for speed in SPEEDS}
    for (_, speed), adaptation in adaptations.items():
        names = [name if speed == 1 else f"{name}@{speed:g}" for name in enrolled]
        assert list(adaptation.names) == names and 0 < adaptation.share < 1
        prior = average([value for key, value in statistics.statistics.items() if key[0] in first.train_speakers])
        offset, _ = statistics.enrolled([rows[name] for name in names], prior).offset_and_scale()
        np.testing.assert_allclose(normalizer.offsets[normalizer.groups[rows[names[0]]]], offset, rtol=1e-5)


def test_the_script_of_the_curve_states_the_speeds(copies, run, tmp_path, capsys):
    command = [
        "--run",
        str(run),
        "--records",
        str(copies),
        "--counts",
        "0,2",
        "--draws",
        "1",
        "--output-dir",
        str(tmp_path),
    ]
    assert enrolment_script.main([*command, "--test-speeds", "0.9,1.0,1.1"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        f"enrolment_several_speeds.{end}" for end in ("json", "md", "png")
    }
    page = (tmp_path / "enrolment_several_speeds.md").read_text()
    assert "means over copies of each utterance at the speeds 0.9, 1, 1.1" in page
    assert "predicted at the speeds 0.9, 1, 1.1" in page.splitlines()[0]
    assert enrolment_script.main([*command, "--test-speeds", "0.8,1.0"]) == 2
    assert "--test-speeds 0.8: the networks were trained at" in capsys.readouterr().err
