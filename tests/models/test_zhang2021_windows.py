"""Windows of segments as a source of batches, as they are and reversed."""

from dataclasses import replace

import numpy as np

from acrnn.batches.sources import MemorySource
from acrnn.models.zhang2021.windows import ReversedWindows, WindowSource
from acrnn.records import Segments


def some_segments():
    features = np.random.default_rng(0).normal(size=(3, 20, 4, 3)).astype(np.float32)
    return Segments(
        features, np.array([20, 9, 3], np.int32), np.array([0, 1, 2], np.int32), np.array([5, 7, 9], np.int32)
    )


def test_the_first_stage_sees_every_window_with_a_real_frame_and_its_utterances_label():
    data = some_segments()
    windows = WindowSource(MemorySource(data, [5, 7, 9]), (0, 8), 12)
    (batch,) = windows.ordered(99)
    assert batch.utterances.tolist() == [5, 5, 7, 7, 9] and batch.labels.tolist() == [0, 0, 1, 1, 2]
    assert batch.inputs["num_frames"].tolist() == [12, 12, 9, 1, 3]
    for features, segment, start in zip(batch.inputs["features"], (0, 0, 1, 1, 2), (0, 8, 0, 8, 0), strict=True):
        np.testing.assert_array_equal(features, data.features[segment, start : start + 12])
    assert len(WindowSource(MemorySource(data, [5, 9]), (0, 8), 12, masked=False)) == 4


def test_windows_are_oversampled_by_utterance():
    data = some_segments()
    filled = WindowSource(MemorySource(data, [5, 7, 9]), (0, 8), 12).oversampled(np.random.default_rng(0))
    assert len(filled) == 5
    more = WindowSource(MemorySource(replace(data, labels=np.array([0, 0, 2])), [5, 7, 9]), (0, 8), 12)
    labels = np.concatenate([batch.labels for batch in more.oversampled(np.random.default_rng(0)).ordered(4)])
    assert np.bincount(labels).tolist() == [4, 0, 2]


def test_windows_turned_round_rise_where_they_fell_and_keep_their_padding_behind():
    data = some_segments()
    windows = WindowSource(MemorySource(data, [5, 7, 9]), (0, 8), 12)
    both = ReversedWindows(windows)
    (batch,), (forwards,) = both.ordered(99), windows.ordered(99)
    assert len(both) == 10 and batch.labels.tolist() == [0] * 5 + [1] * 5
    assert len(set(zip(batch.utterances, batch.labels, strict=True))) == len(set(batch.utterances)) == 6
    np.testing.assert_array_equal(batch.inputs["features"][:5], forwards.inputs["features"])
    pairs = zip(batch.inputs["features"][5:], forwards.inputs["features"], forwards.inputs["num_frames"], strict=True)
    for turned, before, real in pairs:
        np.testing.assert_array_equal(turned[:real], before[:real][::-1] * np.array([1, -1, 1], np.float32))
        np.testing.assert_array_equal(turned[real:], before[real:])
