"""Layers agree with the papers' equations in numpy, and padding does not change their outputs."""

import keras
import numpy as np
import pytest

from acrnn.layers import AttentionPooling, FeatureNormalization, FrameMask, MaskFrames

RNG = np.random.default_rng(0)


def attention_by_the_paper(h, w):
    """Eq. 4 and 5, step by step."""
    scores = np.array([np.exp(w @ step) for step in h])
    alpha = scores / scores.sum()
    return sum(a * step for a, step in zip(alpha, h, strict=True)), alpha


def test_attention_is_equations_4_and_5():
    h = RNG.normal(size=(3, 7, 5)).astype(np.float32)
    layer = AttentionPooling()
    context, weights = layer(h)
    for item in range(3):
        expected = attention_by_the_paper(h[item], np.asarray(layer.kernel)[:, 0])
        np.testing.assert_allclose(context[item], expected[0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(weights[item], expected[1], rtol=1e-4)


def test_masked_steps_have_no_weight_and_no_effect():
    h = RNG.normal(size=(1, 7, 5)).astype(np.float32)
    layer = AttentionPooling(hidden=2)
    mask = np.array([[True] * 4 + [False] * 3])
    context, weights = layer(h, mask=mask)
    short_context, short_weights = layer(h[:, :4])
    np.testing.assert_array_equal(np.asarray(weights)[0, 4:], 0)
    np.testing.assert_allclose(np.asarray(weights)[0, :4], np.asarray(short_weights)[0], rtol=1e-6)
    np.testing.assert_allclose(np.asarray(context), np.asarray(short_context), rtol=1e-5)


def test_a_mask_is_true_for_real_frames():
    mask = np.asarray(FrameMask(6)(np.array([0, 1, 6], np.int32)))
    assert mask.sum(axis=1).tolist() == [0, 1, 6]
    assert mask[1].tolist() == [True] + [False] * 5


def test_a_pooled_frame_is_real_if_any_frame_in_it_is():
    mask = np.asarray(FrameMask(4, pooled_by=2)(np.array([3, 4, 5, 8], np.int32)))
    assert mask.sum(axis=1).tolist() == [2, 2, 3, 4]


def test_masking_sets_padded_frames_to_zero_and_no_others():
    features = np.ones((2, 3, 2, 2), np.float32)
    masked = np.asarray(MaskFrames()(features, np.array([[True, False, False], [True, True, True]])))
    assert masked.sum(axis=(2, 3)).tolist() == [[4, 0, 0], [4, 4, 4]]


FEATURES = RNG.normal(3.0, 2.0, size=(20, 10, 4, 3)).astype(np.float32)
FEATURES[..., 1] *= 10
NUM_FRAMES = RNG.integers(1, 11, size=20)


def real_frames():
    return np.concatenate([segment[:count] for segment, count in zip(FEATURES, NUM_FRAMES, strict=True)])


@pytest.mark.parametrize(("statistics", "axes"), [("band", (0,)), ("channel", (0, 1))])
def test_normalization_uses_the_statistics_of_real_frames_only(statistics, axes):
    layer = FeatureNormalization(statistics)
    layer.build(FEATURES.shape)
    with_loud_padding = FEATURES.copy()
    for segment, count in zip(with_loud_padding, NUM_FRAMES, strict=True):
        segment[count:] = 1e6
    halves = [(with_loud_padding[part], NUM_FRAMES[part]) for part in (slice(7), slice(7, None))]
    layer.adapt(halves)
    expected = real_frames().astype(np.float64)
    np.testing.assert_allclose(
        np.asarray(layer.mean), np.broadcast_to(expected.mean(axis=axes, keepdims=True)[0], (4, 3)), rtol=1e-5
    )
    np.testing.assert_allclose(
        np.asarray(layer.deviation), np.broadcast_to(expected.std(axis=axes, keepdims=True)[0], (4, 3)), rtol=1e-4
    )


@pytest.mark.parametrize("value", [0.0, 0.1, -23.02585, 1e3])
def test_values_constant_in_training_have_deviation_one(value):
    features = FEATURES.copy()
    features[:, :, 1, 2] = value
    features[0, 0, 1, 2] *= 1 + 2e-7  # a rounding error
    features[..., 0] *= 1e-5
    layer = FeatureNormalization("band")
    layer.build(features.shape)
    layer.adapt([(features[:7], NUM_FRAMES[:7]), (features[7:], NUM_FRAMES[7:])])
    real = features[np.arange(10) < NUM_FRAMES[:, None]].astype(np.float64)
    expected = real.std(axis=0)
    expected[1, 2] = 1
    np.testing.assert_allclose(np.asarray(layer.deviation), expected, rtol=1e-5)
    unseen = np.full((1, 1, 4, 3), value + 0.5, np.float32)
    assert np.asarray(layer(unseen))[0, 0, 1, 2] == pytest.approx(0.5, abs=1e-3)


def test_a_constant_band_does_not_change_the_deviation_of_its_channel():
    features = FEATURES.copy()
    features[:, :, 1, 2], features[..., 1] = 3.0, 7.0
    layer = FeatureNormalization("channel")
    layer.build(features.shape)
    layer.adapt([(features, NUM_FRAMES)])
    real = features[np.arange(10) < NUM_FRAMES[:, None]].astype(np.float64)
    expected = real.std(axis=(0, 1))
    expected[1] = 1
    np.testing.assert_allclose(np.asarray(layer.deviation), np.broadcast_to(expected, (4, 3)), rtol=1e-5)


def test_padding_is_the_mean_or_a_normalized_zero():
    mask = np.arange(10) < NUM_FRAMES[:, None]
    for padding in ("mean", "zero"):
        layer = FeatureNormalization("band", padding)
        layer.build(FEATURES.shape)
        layer.adapt([(FEATURES, NUM_FRAMES)])
        padded = FEATURES * mask[..., None, None]
        normalized = np.asarray(layer(padded, mask))
        np.testing.assert_allclose(normalized[mask].mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(normalized[mask].std(axis=0), 1, atol=1e-3)
        raw_zero = -np.asarray(layer.mean) / np.asarray(layer.deviation)
        expected = np.zeros((4, 3)) if padding == "mean" else raw_zero
        np.testing.assert_allclose(normalized[~mask], np.broadcast_to(expected, normalized[~mask].shape), atol=1e-5)


def test_centering_subtracts_the_segment_mean_from_the_static_channel_only():
    mask = np.arange(10) < NUM_FRAMES[:, None]
    layer = FeatureNormalization("band", centered=True)
    layer.build(FEATURES.shape)
    layer.adapt([(FEATURES, NUM_FRAMES)])
    centered = FEATURES.astype(np.float64)
    for segment, count in zip(centered, NUM_FRAMES, strict=True):
        segment[:, :, 0] -= segment[:count, :, 0].mean(axis=0)
    real = centered[mask]
    expected = (centered - real.mean(axis=0)) / real.std(axis=0)
    np.testing.assert_allclose(np.asarray(layer(FEATURES, mask))[mask], expected[mask], atol=2e-4)


def test_centering_removes_an_offset_of_all_frames():
    mask = np.arange(10) < NUM_FRAMES[:, None]
    layer = FeatureNormalization("band", centered=True)
    layer.build(FEATURES.shape)
    layer.adapt([(FEATURES, NUM_FRAMES)])
    colored = FEATURES.copy()
    colored[..., 0] += RNG.normal(0, 3, size=(20, 1, 4)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(layer(colored, mask)), np.asarray(layer(FEATURES, mask)), atol=1e-3)


@pytest.mark.parametrize(
    "layer", [AttentionPooling(3), FrameMask(8, 2), MaskFrames(), FeatureNormalization("band", "zero", True)]
)
def test_layers_survive_serialization(layer):
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert copy.get_config() == layer.get_config()
