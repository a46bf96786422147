"""Statistics of utterances: functionals of frames, and normalization by speaker."""

import numpy as np
import pytest

from acrnn.baselines import statistics
from acrnn.frontends import FRONTENDS
from acrnn.records import RecordSet
from acrnn.segments import RULES, SegmentRule


def test_functionals_are_those_of_numpy_by_hand():
    frames = np.array([[1.0, 10.0], [2.0, 30.0], [4.0, 20.0], [9.0, 40.0]])
    means, deviations = [4.0, 25.0], [np.sqrt((9 + 4 + 0 + 25) / 4), np.sqrt(125.0)]
    tenths, quarters, medians = [1.3, 13.0], [1.75, 17.5], [3.0, 25.0]
    three_quarters, nine_tenths = [5.25, 32.5], [7.5, 37.0]
    expected = np.concatenate([means, deviations, tenths, quarters, medians, three_quarters, nine_tenths])
    np.testing.assert_allclose(statistics.functionals(frames), expected)
    np.testing.assert_allclose(statistics.functionals(frames[:, :, None]), expected)  # a channel axis changes nothing
    assert len(expected) == len(statistics.FUNCTIONALS) * 2


@pytest.mark.parametrize("num_frames", [3, 10, 11, 25, 30, 34])
@pytest.mark.parametrize("rule", [SegmentRule(10, 10), SegmentRule(10, 4), SegmentRule(10, 10, "pad")])
def test_frames_of_overlapping_and_padded_segments_count_once(num_frames, rule):
    frames = np.arange(2.0 * num_frames).reshape(num_frames, 2) + 1
    segments, counts = rule.cut(frames)
    np.testing.assert_array_equal(statistics.joined_frames(segments, counts, num_frames, rule), frames)


def test_frames_that_a_rule_leaves_out_are_no_zeros():
    frames = np.ones((34, 2))
    for rule in (SegmentRule(10, 10, "drop"), SegmentRule(10, 10, max_segments=2)):
        joined = statistics.joined_frames(*rule.cut(frames), 34, rule)
        assert 0 < len(joined) < 34 and joined.all()


def test_statistics_of_records_are_those_of_the_whole_utterances(tiny_records):
    records = RecordSet(tiny_records)
    assert any(row.num_segments > 1 for row in records.utterances)
    assert records.manifest.rule == RULES["chen2018"] and records.manifest.frontend == FRONTENDS["chen2018"]
    values = statistics.record_statistics(records)
    assert values.shape == (len(records.utterances), len(statistics.FUNCTIONALS) * 40 * 3)
    data = records.load()
    for position in (0, next(i for i, row in enumerate(records.utterances) if row.num_segments > 1)):
        row, mine = records.utterances[position], data.utterances == position
        frames = np.zeros((row.num_frames, 40, 3))
        for start, segment in zip(records.manifest.rule.starts(row.num_frames), data.features[mine], strict=True):
            frames[start : start + 300] = segment[: min(300, row.num_frames)]
        np.testing.assert_allclose(values[position], statistics.functionals(frames), rtol=1e-5)


def test_each_speaker_is_normalized_by_its_own_recordings():
    features = np.array([[1.0, 5.0], [3.0, 5.0], [100.0, 0.0], [300.0, 1.0]])
    normalized = statistics.normalized_by_speaker(features, ["a", "a", "b", "b"])
    np.testing.assert_allclose(normalized, [[-1, 0], [1, 0], [-1, -1], [1, 1]])  # 5 is constant for speaker a


def test_another_speaker_changes_nothing_in_the_normalization_of_a_speaker():
    features = np.random.default_rng(0).normal(size=(8, 3))
    speakers = ["a", "b"] * 4
    before = statistics.normalized_by_speaker(features, speakers)
    features[1::2] *= 7
    after = statistics.normalized_by_speaker(features, speakers)
    np.testing.assert_array_equal(after[::2], before[::2])
