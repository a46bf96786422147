"""Statistics of speakers: equal to a computation by hand, without labels, and without the scored recordings of an enrolment."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.frame_statistics import utterance_moments
from acrnn.batches.sources import Feeder, in_memory
from acrnn.batches.speaker_statistics import Choice, enrolment_order
from acrnn.batches.utterances import whole_utterances
from acrnn.crossval import Experiment, Prepared, cross_validate
from acrnn.crossval.run import read_run, run_path
from acrnn.errors import FieldError
from acrnn.frontends.statistics import Moments, Statistics
from acrnn.models.zhang2021.windows import WindowSource
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


@pytest.mark.parametrize(("statistics", "matters"), [("speaker", True), ("utterance", False), ("corpus", False)])
def test_other_recordings_of_the_speaker_matter_to_speaker_statistics_alone(tiny_records, statistics, matters):
    record_set = RecordSet(tiny_records)
    first, second, *_ = short(record_set, "s1")
    choice = Choice.parse(statistics)
    frames, alone = (
        Feeder(record_set, ids=ids, speaker_statistics=choice).source([first]) for ids in (None, [first, second])
    )
    (one,), (other,) = frames.ordered(1), alone.ordered(1)
    assert np.array_equal(one.inputs["features"], other.inputs["features"]) != matters


@pytest.mark.parametrize("memory_bytes", [2**30, 0], ids=["memory", "disk"])
def test_windows_and_whole_utterances_are_cut_from_normalized_features(tiny_records, memory_bytes):
    record_set = RecordSet(tiny_records)
    ids = short(record_set, "s3")
    source = Feeder(record_set, memory_bytes, speaker_statistics=Choice.parse("speaker")).source(ids)
    (batch,) = source.ordered(99)
    (windows,) = WindowSource(source, (0,), 300).ordered(99)
    np.testing.assert_array_equal(windows.inputs["features"], batch.inputs["features"])
    np.testing.assert_array_equal(in_memory(source).features, batch.inputs["features"])
    for utterance, features, count in zip(whole_utterances(source).features, *batch.inputs.values(), strict=True):
        np.testing.assert_array_equal(utterance, features[:count])


def test_bands_of_a_single_channel_are_normalized_one_by_one():
    statistics = Statistics(np.array([[1.0], [-5.0]]), np.array([[2.0], [4.0]]), 10)
    offset, scale = statistics.offset_and_scale()
    np.testing.assert_array_equal(offset, [[1], [-5]])
    np.testing.assert_array_equal(scale, [[0.5], [0.25]])


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
    share = statistics.num_frames / (statistics.num_frames + 1000)
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


@pytest.mark.parametrize(
    "text", ["speakers", "enrolment", "enrolment:", "enrolment:-1", "enrolment:2.5", "enrolment:2:3", ""]
)
def test_an_unknown_choice_is_refused_by_name(text):
    with pytest.raises(FieldError, match=r"choose corpus, utterance, speaker, speaker\+batch-norm or enrolment:N"):
        Choice.parse(text)


def test_an_enrolment_that_leaves_nothing_to_score_is_refused(tiny_records):
    feeder = Feeder(RecordSet(tiny_records), speaker_statistics=Choice.parse("enrolment:6"))
    test = [row.id for row in feeder.records.utterances if row.speaker == "s4"]
    with pytest.raises(FieldError, match="speaker s4 has 6 test utterances, and none would be left to score"):
        feeder.test_normalizer(test, test)


def test_an_enrolment_of_seconds_ends_with_the_utterance_that_reaches_them(tiny_records):
    rows = [row for row in RecordSet(tiny_records).utterances if row.speaker == "s4"]
    seconds = {row.id: row.duration_seconds for row in rows}
    for wanted in (1, 2, 5):
        chosen = Choice.parse(f"enrolment:{wanted}s").enrolled(rows)
        assert chosen == enrolment_order(list(seconds))[: len(chosen)]
        assert sum(map(seconds.get, chosen[:-1])) < wanted <= sum(map(seconds.get, chosen))


@pytest.mark.parametrize(
    "text", ["corpus", "utterance", "speaker", "enrolment:0", "enrolment:7", "enrolment:20s", "enrolment:5:3s"]
)
def test_a_choice_is_written_as_it_is_read(text):
    assert str(Choice.parse(text)) == text


def test_sentences_say_whose_recordings_normalize():
    assert "(transductive)" in Choice.parse("speaker").sentence and "transductive" in Choice.parse("speaker").title
    assert "(inductive)" in Choice.parse("corpus").sentence and "(inductive)" in Choice.parse("utterance").sentence
    assert "1 unlabeled utterance of theirs, which are not scored" in Choice.parse("enrolment:1").sentence
    assert "as if it had 3.5 s, by the average training speaker" in Choice.parse("enrolment:1:3.5s").sentence
    assert "unlabeled utterances of at least 20 s" in Choice.parse("enrolment:20s").sentence
    titles = [Choice.parse(f"enrolment:{size}").title for size in ("1", "2", "20s")]
    assert titles == ["1 enrolment utterance", "2 enrolment utterances", "20 s of enrolment"]


def test_statistics_survive_json_and_damaged_ones_are_refused():
    statistics = Statistics(np.array([[0.1, 2.0]]), np.array([[1 / 3, 0.0]]), 7)
    values = json.loads(json.dumps(statistics.to_dict()))
    again = Statistics.from_dict(values)
    assert again.num_frames == 7
    np.testing.assert_array_equal(again.mean, statistics.mean)
    np.testing.assert_array_equal(again.deviation, statistics.deviation)
    faults = [{"mean": [[0.1]]}, {"deviation": [[1.0, -1.0]]}, {"mean": [[0.1, float("nan")]]}, {"num_frames": None}]
    for fault in [*faults, {"mean": "many"}, {"mean": [0.1, 2.0], "deviation": [1.0, 1.0]}]:
        with pytest.raises(ValueError, match="not the statistics of a speaker"):
            Statistics.from_dict({**values, **fault})


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
