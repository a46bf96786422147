"""Segments: every frame of an utterance is kept, and posteriors and attention are pooled as the papers define."""

import numpy as np
import pytest
import tensorflow as tf

from acrnn import segments
from acrnn.segments import (
    ORIGINAL,
    PAPER,
    SegmentRule,
    attention_by_frame,
    attention_by_frame_in_graph,
    lay_out,
    pool_logits,
)


@pytest.mark.parametrize("num_frames", [1, 299, 300, 301, 600, 899])
def test_cutting_keeps_every_frame_once_and_pads_with_zeros(num_frames):
    features = np.random.default_rng(0).normal(size=(num_frames, 40, 3)).astype(np.float32)
    cut, counts = SegmentRule(tail="pad").cut(features)
    assert len(cut) == -(-num_frames // 300)
    np.testing.assert_array_equal(np.concatenate([s[:n] for s, n in zip(cut, counts, strict=True)]), features)
    assert all((s[n:] == 0).all() for s, n in zip(cut, counts, strict=True))


@pytest.mark.parametrize("num_frames", [1, 299, 300, 301, 600, 899])
def test_the_paper_pads_only_utterances_shorter_than_a_segment(num_frames):
    features = np.random.default_rng(0).normal(size=(num_frames, 40, 3)).astype(np.float32)
    cut, counts = PAPER.cut(features)
    assert len(cut) == -(-num_frames // 300)
    assert counts.tolist() == [min(num_frames, 300)] * len(cut)
    np.testing.assert_array_equal(cut[0][: counts[0]], features[:300])
    np.testing.assert_array_equal(cut[-1][: counts[-1]], features[-300:])


def test_the_original_rule_takes_the_first_and_the_last_three_seconds():
    assert ORIGINAL.starts(300) == [0]
    assert ORIGINAL.starts(450) == [0, 150]
    assert ORIGINAL.starts(1000) == [0, 700]


def test_overlapping_segments_reach_the_end():
    rule = SegmentRule(frames=100, hop_frames=50, tail="pad")
    assert rule.starts(100) == [0]
    assert rule.starts(130) == [0, 50]
    assert rule.starts(200) == [0, 50, 100]
    counts = rule.cut(np.ones((130, 2)))[1]
    assert counts.tolist() == [100, 80]


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


LOGITS = np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0], [1.0, 1.0, 5.0]])
OWNERS = np.array([0, 0, 1])


def test_max_pooling_is_the_largest_posterior_of_each_class():
    expected = softmax(LOGITS[:2]).max(axis=0)
    np.testing.assert_allclose(pool_logits(LOGITS, OWNERS, 2)[0], expected / expected.sum())
    np.testing.assert_allclose(pool_logits(LOGITS, OWNERS, 2)[1], softmax(LOGITS[2]))


def test_mean_pooling_averages_posteriors_and_max_logits_takes_the_softmax_last():
    np.testing.assert_allclose(pool_logits(LOGITS, OWNERS, 2, "mean")[0], softmax(LOGITS[:2]).mean(axis=0))
    np.testing.assert_allclose(pool_logits(LOGITS, OWNERS, 2, "max-logits")[0], softmax(LOGITS[:2].max(axis=0)))


def test_the_majority_of_segments_wins_and_the_mean_decides_between_equals():
    """Two segments hardly for the first class, one very much for the second; then one for each."""
    logits = np.log([[0.4, 0.3, 0.3], [0.4, 0.3, 0.3], [0.01, 0.98, 0.01], [0.5, 0.4, 0.1], [0.1, 0.3, 0.6]])
    pooled = pool_logits(logits, np.array([0, 0, 0, 1, 1]), 2, "majority")
    np.testing.assert_allclose(pooled[0], [(2 + 0.81 / 3) / 4, (1 + 1.58 / 3) / 4, (0.61 / 3) / 4])
    assert pooled.argmax(axis=1).tolist() == [0, 2]
    assert pool_logits(logits, np.array([0, 0, 0, 1, 1]), 2, "mean").argmax(axis=1).tolist() == [1, 2]


@pytest.mark.parametrize("pooling", segments.POOLINGS)
def test_an_utterance_does_not_depend_on_the_others_however_sure_they_are(pooling):
    far_apart = np.concatenate([LOGITS, [[1000.0, 2000.0, 0.0]]])
    pooled = pool_logits(far_apart, np.append(OWNERS, 2), 3, pooling)
    np.testing.assert_allclose(pooled[:2], pool_logits(LOGITS, OWNERS, 2, pooling))


@pytest.mark.parametrize("pooling", segments.POOLINGS)
def test_the_order_of_segments_does_not_matter(pooling):
    order = [2, 0, 1]
    np.testing.assert_allclose(
        pool_logits(LOGITS[order], OWNERS[order], 2, pooling), pool_logits(LOGITS, OWNERS, 2, pooling)
    )


def test_an_utterance_without_segments_and_an_unknown_pooling_are_refused():
    with pytest.raises(ValueError, match="utterance 1 has no segment"):
        pool_logits(LOGITS, np.array([0, 0, 2]), 3)
    with pytest.raises(ValueError, match="pooling median: choose from max, mean, max-logits, majority"):
        pool_logits(LOGITS, OWNERS, 2, "median")


def test_attention_is_one_where_it_is_even_however_short_the_segment():
    """150 steps of two frames; the second segment has 100 real frames of 300."""
    even = [np.full(150, 1 / 150), np.array([1 / 50] * 50 + [0] * 100)]
    np.testing.assert_allclose(attention_by_frame(even, [0, 300], [300, 100], 2), np.ones(400))


def test_attention_of_a_later_segment_covers_that_of_an_earlier_one_and_gaps_are_nan():
    weights = [np.array([0.5, 0.25, 0.25]), np.array([0.75, 0.25])]
    np.testing.assert_allclose(attention_by_frame(weights, [0, 2], [3, 2]), [1.5, 0.75, 1.5, 0.5])
    np.testing.assert_allclose(attention_by_frame(weights, [0, 4], [3, 2]), [1.5, 0.75, 0.75, np.nan, 1.5, 0.5])


def test_overlapping_segments_are_laid_where_they_were_cut():
    assert lay_out([np.zeros(300), np.ones(300)], [0, 150]).tolist() == [0] * 150 + [1] * 300
    gap = lay_out([np.zeros((300, 2)), np.ones((300, 2))], [0, 700])
    assert gap.shape == (1000, 2) and np.isnan(gap[300:700]).all() and (gap[700:] == 1).all()


@pytest.mark.parametrize("frames", [300, 299, 301, 38])
def test_attention_by_frame_is_the_same_in_a_graph(frames):
    steps, counts = 38, np.array([frames, frames // 2, 1])
    weights = np.random.default_rng(0).dirichlet(np.ones(steps), 3).astype(np.float32)
    starts = np.append(0, np.cumsum(counts)[:-1])
    expected = attention_by_frame(weights, starts, counts, -(-frames // steps))
    graph = attention_by_frame_in_graph(tf.constant(weights), tf.constant(counts), frames).numpy()
    assert graph.shape == (3, frames)
    shares = [row[:count] * count for row, count in zip(graph, counts, strict=True)]
    np.testing.assert_allclose(np.concatenate(shares), expected, rtol=1e-5)
    assert all((row[count:] == 0).all() for row, count in zip(graph, counts, strict=True))


def test_a_rule_survives_the_way_through_json_and_unknown_fields_are_refused():
    assert segments.from_dict(segments.to_dict(ORIGINAL)) == ORIGINAL
    with pytest.raises(ValueError, match="segment rule"):
        segments.from_dict({"frames": 300, "color": "red"})


@pytest.mark.parametrize(
    ("rule", "num_frames", "shares"),
    [
        (SegmentRule(), 200, [1]),
        (SegmentRule(), 330, [1, 0.1]),
        (SegmentRule(), 600, [1, 1]),
        (SegmentRule(tail="pad"), 330, [1, 1]),
        (SegmentRule(tail="drop"), 330, [1]),
        (SegmentRule(frames=100, hop_frames=25), 160, [1, 0.25, 0.25, 0.1]),
        (SegmentRule(max_segments=2), 1000, [1, 1]),
    ],
)
def test_the_share_of_new_frames_of_each_segment(rule, num_frames, shares):
    np.testing.assert_allclose(rule.new_shares(num_frames), shares, rtol=1e-6)
