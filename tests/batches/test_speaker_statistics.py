"""Statistics of speakers: equal to a computation by hand, without labels, and without the scored recordings of an enrolment."""

from dataclasses import replace

import numpy as np
import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.sources import Feeder
from acrnn.batches.speaker_statistics import Choice, Moments, Statistics, enrolment_order, utterance_moments
from acrnn.crossval import Experiment, Prepared, cross_validate
from acrnn.crossval.run import read_run, run_path
from acrnn.errors import FieldError
from acrnn.recipes import Recipe
from acrnn.records import RecordSet, Segments

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=1)


def frames_of(record_set, ids, statistics=Choice()):
    """All real frames of utterances as the network gets them; the tiny corpus' one long utterance has overlapping segments."""
    source = Feeder(record_set, speaker_statistics=statistics).source(ids)
    return [
        segment[:count]
        for batch in source.ordered(7)
        for segment, count in zip(batch.inputs["features"], batch.inputs["num_frames"], strict=True)
    ]


def short(record_set, speaker):
    return [row.id for row in record_set.utterances if row.speaker == speaker and row.num_segments == 1]


@pytest.mark.parametrize("memory_bytes", [2**30, 0], ids=["memory", "disk"])
def test_every_speaker_has_static_bands_of_mean_zero_and_deviation_one(tiny_records, memory_bytes):
    record_set = RecordSet(tiny_records)
    feeder = Feeder(record_set, memory_bytes, speaker_statistics=Choice.parse("speaker"))
    for speaker in ("s0", "s4"):
        ids = [row.id for row in record_set.utterances if row.speaker == speaker]
        segments = [
            (row, segment, count)
            for batch in feeder.source(ids).ordered(4)
            for row, segment, count in zip(
                batch.utterances, batch.inputs["features"], batch.inputs["num_frames"], strict=True
            )
        ]
        total = sum(utterance_moments(record_set, segments).values(), Moments())
        assert total.count == sum(record_set.utterances[row].num_frames for row in {row for row, *_ in segments})
        statistics = Statistics.of_moments(total)
        np.testing.assert_allclose(statistics.mean[:, 0], 0, atol=1e-4)
        np.testing.assert_allclose(statistics.deviation[:, 0], 1, atol=1e-4)
        assert all((segment[count:] == 0).all() for _, segment, count in segments)


def test_deltas_are_scaled_like_their_statics_and_not_shifted(tiny_records):
    record_set = RecordSet(tiny_records)
    ids = short(record_set, "s2")
    raw, normalized = (
        np.concatenate(frames_of(record_set, ids, choice)) for choice in (Choice(), Choice.parse("speaker"))
    )
    everything = [row.id for row in record_set.utterances if row.speaker == "s2"]
    moments = utterance_moments(record_set, _segments(record_set, everything))
    deviation = Statistics.of_moments(sum(moments.values(), Moments())).deviation[:, 0]
    for channel in (1, 2):
        np.testing.assert_allclose(normalized[..., channel], raw[..., channel] / deviation, rtol=1e-4, atol=1e-5)


def _segments(record_set, ids):
    batches = Feeder(record_set).source(ids).ordered(8)
    return [
        (row, features, count)
        for batch in batches
        for row, features, count in zip(batch.utterances, *batch.inputs.values(), strict=True)
    ]


def test_an_utterance_of_its_own_statistics_does_not_depend_on_others(tiny_records):
    record_set = RecordSet(tiny_records)
    first, *_ = short(record_set, "s1")
    frames = frames_of(record_set, [first], Choice.parse("utterance"))[0]
    np.testing.assert_allclose(frames[..., 0].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(frames[..., 0].std(axis=0), 1, atol=1e-3)


def test_no_label_enters_the_statistics(tiny_records, monkeypatch):
    record_set = RecordSet(tiny_records)
    ids = [row.id for row in record_set.utterances]
    honest = frames_of(record_set, ids, Choice.parse("enrolment:2"))
    original = RecordSet.load

    def relabeled(self, rows=None):
        data = original(self, rows)
        return Segments(data.features, data.num_frames, (data.labels + 1) % 3, data.utterances)

    monkeypatch.setattr(RecordSet, "load", relabeled)
    other = RecordSet(tiny_records)
    other.__dict__["utterances"] = tuple(replace(row, label=2, emotion="low") for row in record_set.utterances)
    for one, two in zip(honest, frames_of(other, ids, Choice.parse("enrolment:2")), strict=True):
        np.testing.assert_array_equal(one, two)


def test_an_enrolment_is_not_scored_and_is_all_that_is_known_of_a_test_speaker(tiny_records):
    record_set = RecordSet(tiny_records)
    train = [row.id for row in record_set.utterances if row.speaker in ("s0", "s1", "s2")]
    test = [row.id for row in record_set.utterances if row.speaker == "s4"]
    feeder = Feeder(record_set, speaker_statistics=Choice.parse("enrolment:2"))
    normalizer, scored = feeder.test_normalizer(train, test)
    enrolled = enrolment_order(test)[:2]
    assert sorted(scored + enrolled) == sorted(test) and len(scored) == 4
    rows = [feeder.rows[name] for name in enrolled]
    statistics = Statistics.of_moments(feeder.statistics.moments[rows[0]] + feeder.statistics.moments[rows[1]])
    prior = [feeder.statistics.statistics[speaker, 1.0] for speaker in ("s0", "s1", "s2")]
    share = statistics.num_frames / (statistics.num_frames + 300)
    expected = share * statistics.mean + (1 - share) * np.mean([part.mean for part in prior], axis=0)
    group = normalizer.groups[feeder.rows[scored[0]]]
    np.testing.assert_allclose(normalizer.offsets[group][:, 0], expected[:, 0], rtol=1e-5)
    training = normalizer.groups[feeder.rows[train[0]]]
    np.testing.assert_array_equal(normalizer.offsets[training], feeder.normalizer.offsets[training])


def test_few_recordings_are_shrunk_towards_the_prior_and_many_are_not():
    prior = Statistics(np.full((2, 1), -4.0), np.full((2, 1), 3.0), 1000)
    for frames, share in ((300, 0.5), (900, 0.75), (300_000, 0.999)):
        shrunk = Statistics(np.zeros((2, 1)), np.ones((2, 1)), frames).shrunk(prior, 300)
        np.testing.assert_allclose(shrunk.mean, -4 * (1 - share), atol=1e-3)
        np.testing.assert_allclose(shrunk.deviation**2, share + 9 * (1 - share), atol=1e-2)


@pytest.mark.parametrize("text", ["speakers", "enrolment", "enrolment:", "enrolment:-1", "enrolment:2.5", ""])
def test_an_unknown_choice_is_refused_by_name(text):
    with pytest.raises(FieldError, match=r"choose corpus, utterance, speaker or enrolment:N"):
        Choice.parse(text)


def test_an_enrolment_that_leaves_nothing_to_score_is_refused(tiny_records):
    feeder = Feeder(RecordSet(tiny_records), speaker_statistics=Choice.parse("enrolment:6"))
    test = [row.id for row in feeder.records.utterances if row.speaker == "s4"]
    with pytest.raises(FieldError, match="speaker s4 has 6 test utterances, and none would be left to score"):
        feeder.test_normalizer(test, test)


def test_a_cross_validation_scores_what_is_left_and_says_whose_statistics_it_used(tiny_records, tmp_path):
    experiment = Experiment(tiny_records, "chen2018-3d", RECIPE, options=TINY_NETWORK, save_models=False)
    enrolled = replace(experiment, speaker_statistics=Choice.parse("enrolment:3"))
    results = cross_validate(enrolled, tmp_path / "out", folds=[0], announce=lambda line: None)
    run = read_run(run_path(tmp_path / "out", 0, 0))
    assert len(run.utterances) == 3 and results.settings.speaker_statistics == "enrolment:3"
    assert "3 unlabeled utterances" in results.settings.normalized_by.sentence
    with pytest.raises(ValueError, match="holds another experiment"):
        cross_validate(experiment, tmp_path / "out", folds=[0], announce=lambda line: None)
    assert "speaker_statistics" not in Prepared.of(experiment).settings()
