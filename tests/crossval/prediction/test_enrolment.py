"""Enrolment: what is refused before training, and the curve over the number of enrolment utterances."""

from dataclasses import replace

import numpy as np
import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.speaker_statistics import Choice, enrolment_order
from acrnn.crossval import Experiment, Prepared, cross_validate
from acrnn.crossval.prediction import enrolment
from acrnn.crossval.prediction.enrolment import ALL, ALONE, Amount, enrolment_curve
from acrnn.crossval.run import read_run, run_path
from acrnn.errors import FieldError, UsageError
from acrnn.export.refit import refit
from acrnn.export.trained_model import TrainedModel
from acrnn.recipes import Recipe
from acrnn.records import RecordSet, Segments
from acrnn.training.speaker_batch_norm import SpeakerBatchNorm
from experiments import enrolment_curve as script

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=1)


def experiment(records, statistics, **fields):
    return Experiment(
        records, "chen2018-3d", RECIPE, options=TINY_NETWORK, speaker_statistics=Choice.parse(statistics), **fields
    )


def run_of(experiment, folder, fold=0):
    cross_validate(experiment, folder, folds=[fold], announce=lambda line: None)
    return read_run(run_path(folder, fold, 0))


@pytest.fixture(scope="module")
def speaker_run(tiny_records, tmp_path_factory):
    """An experiment of speaker statistics with the saved networks of two folds; to be read only."""
    folder = tmp_path_factory.mktemp("speaker")
    cross_validate(experiment(tiny_records, "speaker"), folder, folds=[0, 1], announce=lambda line: None)
    return folder


def test_the_curve_at_a_number_is_an_experiment_with_that_enrolment(tiny_records, speaker_run, tmp_path):
    points = {point.amount: point for point in enrolment_curve(speaker_run, tiny_records, [3], announce=str)}
    for fold in (0, 1):
        run = run_of(experiment(tiny_records, "enrolment:3"), tmp_path / str(fold), fold)
        assert len(run.utterances) == 3
        assert points[Amount(3, 10.0)].by_fold[fold] == run.uar
    assert points[Amount(3, 10.0)].seconds == pytest.approx(_mean_seconds(tiny_records, speaker_run, 3))


def _mean_seconds(records, folder, count):
    seconds = {row.id: row.duration_seconds for row in RecordSet(records).utterances}
    runs = [read_run(run_path(folder, fold, 0)) for fold in (0, 1)]
    return np.mean([sum(seconds[name] for name in enrolment_order(run.utterances)[:count]) for run in runs])


def test_all_recordings_give_the_posteriors_of_the_experiment_and_nothing_enrolled_gives_those_of_the_prior(
    tiny_records, speaker_run
):
    points = enrolment_curve(speaker_run, tiny_records, [0], announce=str)
    assert [point.amount for point in points] == [Amount(ALONE, 10.0), Amount(0, 10.0), Amount(ALL, None)]
    for fold in (0, 1):
        assert points[-1].by_fold[fold] == read_run(run_path(speaker_run, fold, 0)).uar
    assert points[1].seconds == 0


def test_draws_enroll_other_utterances():
    names = [f"u{number}" for number in range(20)]
    orders = {tuple(enrolment_order(names, draw)) for draw in range(5)}
    assert len(orders) == 5 and all(sorted(order) == sorted(names) for order in orders)
    assert enrolment_order(names[::-1]) == enrolment_order(names)


def test_the_validation_part_compares_priors_and_the_test_part_does_not(tiny_records, speaker_run):
    priors = {"counts": [2], "prior_seconds": [0.5, 30.0], "announce": str}
    points = enrolment_curve(speaker_run, tiny_records, part="validation", **priors)
    assert {point.amount for point in points if point.amount.enrolment == 2} == {Amount(2, 0.5), Amount(2, 30.0)}
    assert points[0].uars.shape == (2, 1)
    with pytest.raises(FieldError, match="prior_seconds 0.5,30.0: choose one, or compare them on the validation part"):
        enrolment_curve(speaker_run, tiny_records, **priors)


@pytest.mark.parametrize("part", ["test", "validation"])
def test_the_other_utterances_of_the_speakers_of_the_part_are_scored(tiny_records, speaker_run, monkeypatch, part):
    scored = []
    monkeypatch.setattr(enrolment._Tester, "_uar", lambda self, names, *_: scored.append(names) or 0.0)
    enrolment_curve(speaker_run, tiny_records, [0, 2], part=part, announce=str)
    assert len(scored) == 2 * 4  # for either fold the utterance alone, two numbers, and all recordings
    for fold, names in ((0, scored[0]), (1, scored[4])):
        speakers = getattr(read_run(run_path(speaker_run, fold, 0)), f"{part}_speakers")
        rows = [row.id for row in RecordSet(tiny_records).utterances if row.speaker in speakers]
        assert names == enrolment_order(rows)[2:]


def test_enrolments_adapt_the_batch_normalization_where_the_experiment_does(tiny_records, tmp_path, monkeypatch):
    run = run_of(experiment(tiny_records, "speaker+batch-norm"), tmp_path)
    adapted, original = [], SpeakerBatchNorm.adapted

    def recorded(self, source, share):
        adapted.append((source.used_rows, share))
        return original(self, source, share)

    monkeypatch.setattr(SpeakerBatchNorm, "adapted", recorded)
    points = enrolment_curve(tmp_path, tiny_records, [0, 3], prior_seconds=[5.0], announce=str)
    assert [point.amount.enrolment for point in points] == [ALONE, 0, 3, ALL]
    rows = {row.id: number for number, row in enumerate(RecordSet(tiny_records).utterances)}
    enrolled = [rows[name] for name in enrolment_order(run.utterances)[:3]]
    seconds = points[2].seconds
    assert adapted == [
        (sorted(enrolled), pytest.approx(seconds / (seconds + 5))),
        (sorted(rows[name] for name in run.utterances), 1.0),
    ]


def test_a_curve_needs_speaker_statistics_networks_and_enough_utterances(tiny_records, speaker_run, tmp_path):
    run_of(experiment(tiny_records, "utterance"), tmp_path / "utterance")
    with pytest.raises(UsageError, match="trained with utterance statistics; choose a run of speaker statistics"):
        enrolment_curve(tmp_path / "utterance", tiny_records, [1])
    run_of(experiment(tiny_records, "speaker", save_models=False), tmp_path / "no-networks")
    with pytest.raises(FileNotFoundError, match=r"fold00_seed0.keras: no such file"):
        enrolment_curve(tmp_path / "no-networks", tiny_records, [1], announce=str)
    with pytest.raises(FieldError, match="speaker s0 has 6 utterances; choose an enrolment of fewer than that"):
        enrolment_curve(speaker_run, tiny_records, [1, 6], announce=str)


def test_a_run_without_validation_speakers_has_no_curve_of_them(tiny_records, tmp_path):
    recipe = replace(RECIPE, epoch_choice="last")
    run_of(replace(experiment(tiny_records, "speaker", train_on_validation=True), recipe=recipe), tmp_path)
    with pytest.raises(FieldError, match="part validation: .* trained on its validation speakers too; choose test"):
        enrolment_curve(tmp_path, tiny_records, [1], part="validation", announce=str)


def test_the_script_writes_table_figure_and_values(tiny_records, speaker_run, tmp_path, capsys):
    options = ["--run", str(speaker_run), "--records", str(tiny_records), "--counts", "0,2", "--draws", "2"]
    assert script.main([*options, "--output-dir", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"enrolment.json", "enrolment.md", "enrolment.png"}
    table = (tmp_path / "enrolment.md").read_text()
    assert table in capsys.readouterr().out and "| 2 |" in table and "| all recordings | – | – |" in table
    assert "Test speakers" in table and "mean over 2 draws" in table
    assert script.main([*options, "--prior-seconds", "1,2"]) == 2
    assert "--prior-seconds 1.0,2.0: choose one" in capsys.readouterr().err


def test_labels_of_test_speakers_change_no_posterior(tiny_records, tmp_path, monkeypatch):
    honest = run_of(experiment(tiny_records, "speaker"), tmp_path / "honest")
    original, rows = RecordSet.load, RecordSet(tiny_records).utterances
    test = [number for number, row in enumerate(rows) if row.speaker in honest.test_speakers]

    def relabeled(self, chosen=None):
        data = original(self, chosen)
        labels = np.where(np.isin(data.utterances, test), (data.labels + 1) % 3, data.labels)
        return Segments(data.features, data.num_frames, labels, data.utterances)

    monkeypatch.setattr(RecordSet, "load", relabeled)
    permuted = run_of(experiment(tiny_records, "speaker"), tmp_path / "permuted")
    assert permuted.labels != honest.labels and permuted.probabilities == honest.probabilities


@pytest.mark.parametrize(
    ("statistics", "fields", "message"),
    [
        ("enrolment:6", {}, "enrolment:6: speaker s0 has 6 test utterances, and none would be left to score"),
        ("enrolment:600s", {}, "enrolment:600s: speaker s0 has 6 test utterances, and none would be left to score"),
        (
            "enrolment:1",
            {"protocol": "speaker-dependent-random-10-fold"},
            r"speaker s\d of .* is in its training or validation part too; choose a protocol that tests new speakers",
        ),
        ("enrolment:1", {"mistake": "test-selected-epoch"}, "is in its training or validation part too"),
    ],
)
def test_an_impossible_enrolment_is_refused_before_training(tiny_records, statistics, fields, message):
    Prepared.of(experiment(tiny_records, "speaker", **fields))
    with pytest.raises(FieldError, match=message):
        Prepared.of(experiment(tiny_records, statistics, **fields))


@pytest.mark.parametrize("statistics", ["utterance", "speaker+batch-norm"])
def test_a_network_of_statistics_that_exports_do_not_compute_is_not_exported(tiny_records, tmp_path, statistics):
    run_of(experiment(tiny_records, statistics), tmp_path)
    message = r"features normalized by .*, which a model of waveforms does not do"
    with pytest.raises(UsageError, match=message):
        TrainedModel.of_run(tmp_path, 0)
    with pytest.raises(UsageError, match=message):
        refit(tmp_path, tiny_records)


def test_the_hash_of_settings_without_speaker_statistics_is_unchanged(tiny_records):
    assert "speaker_statistics" not in Prepared.of(experiment(tiny_records, "corpus")).settings()
    assert Prepared.of(experiment(tiny_records, "enrolment:2s")).settings()["speaker_statistics"] == "enrolment:2s"
    changed = replace(experiment(tiny_records, "corpus"), speaker_statistics=Choice())
    assert changed == Experiment(tiny_records, "chen2018-3d", RECIPE, options=TINY_NETWORK)
