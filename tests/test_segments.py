"""Segments: nothing is lost or invented when an utterance is cut, and its posteriors come back as the paper says."""

import numpy as np
import pytest

from acrnn import segments
from acrnn.segments import ORIGINAL, PAPER, SegmentRule, pool_logits


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
    with pytest.raises(ValueError, match="pooling 'median' is unknown"):
        pool_logits(LOGITS, OWNERS, 2, "median")


def test_a_rule_survives_the_way_through_json_and_unknown_fields_are_refused():
    assert segments.from_dict(segments.to_dict(ORIGINAL)) == ORIGINAL
    with pytest.raises(ValueError, match="segment rule"):
        segments.from_dict({"frames": 300, "color": "red"})
