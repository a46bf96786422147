"""Augmentation: each kind changes segments as documented, within its bounds, and leaves padding and its input unchanged."""

import numpy as np
import pytest

from acrnn.errors import UsageError
from acrnn.frontends.logmel import PAPER
from acrnn.recipes.augmentation import Augmentation

BANDS, FRAMES = 40, 300


def batch(count=16, seed=0):
    generator = np.random.default_rng(seed)
    num_frames = generator.integers(40, FRAMES + 1, size=count).astype(np.int32)
    features = generator.normal(-4, 3, size=(count, FRAMES, BANDS, 3)).astype(np.float32)
    features *= (np.arange(FRAMES) < num_frames[:, None])[..., None, None]
    return features, num_frames


def changed(features, num_frames, seed=0, **parts):
    return Augmentation(**parts)(features, num_frames, np.random.default_rng(seed))


def test_all_kinds_turned_off_change_nothing():
    features, num_frames = batch()
    got, counts = changed(features, num_frames)
    np.testing.assert_array_equal(got, features)
    np.testing.assert_array_equal(counts, num_frames)


@pytest.mark.parametrize(
    "parts",
    [
        {"speed": 0.2},
        {"warp": 0.2},
        {"equalizer": 1.0},
        {"time_masks": 2},
        {"band_masks": 2},
        {"noise": 1.0},
        {"narrow": 1.0, "lowest_cutoff_hz": 2000.0},
    ],
    ids=lambda parts: next(iter(parts)),
)
def test_every_kind_changes_segments_and_leaves_padding_and_its_input_unchanged(parts):
    features, num_frames = batch()
    before = features.copy()
    got, counts = changed(features, num_frames, **parts)
    np.testing.assert_array_equal(features, before)
    assert got.shape == features.shape and got.dtype == np.float32 and counts.dtype == np.int32
    assert (np.abs(got - features).max(axis=(1, 2, 3)) > 1e-3).sum() >= 14
    assert not got[np.arange(FRAMES) >= counts[:, None]].any()


def test_the_change_depends_on_the_random_generator_alone():
    features, num_frames = batch()
    everything = {
        "speed": 0.2,
        "warp": 0.2,
        "equalizer": 0.5,
        "time_masks": 1,
        "band_masks": 1,
        "noise": 0.5,
        "narrow": 0.5,
    }
    np.testing.assert_array_equal(
        changed(features, num_frames, **everything)[0], changed(features, num_frames, **everything)[0]
    )
    assert (
        changed(features, num_frames, **everything)[0] != changed(features, num_frames, seed=1, **everything)[0]
    ).any()


def test_speed_stretches_time_and_makes_deltas_steeper():
    ramp = np.arange(FRAMES, dtype=np.float32)
    features = np.zeros((200, FRAMES, BANDS, 3), np.float32)
    features[..., 0], features[..., 1], features[..., 2] = ramp[:, None], 1.0, 1.0
    got, counts = changed(features, np.full(200, 200, np.int32), speed=0.25)
    slopes = got[:, 1, 0, 0] - got[:, 0, 0, 0]
    assert 0.8 <= slopes.min() < 0.83 and 1.2 < slopes.max() <= 1.25
    np.testing.assert_allclose(got[:, 5, 3, 1], slopes, rtol=1e-4)  # first derivative
    np.testing.assert_allclose(got[:, 5, 3, 2], slopes**2, rtol=1e-4)  # second
    np.testing.assert_allclose(counts, np.minimum(199 / slopes + 1, FRAMES), atol=1.01)


def test_a_stretched_segment_that_is_too_long_is_cut_at_a_random_place():
    features = np.zeros((300, FRAMES, BANDS, 3), np.float32)
    features[..., 0] = np.arange(FRAMES, dtype=np.float32)[:, None]
    got, counts = changed(features, np.full(300, FRAMES, np.int32), speed=0.25)
    slow = got[:, 1, 0, 0] - got[:, 0, 0, 0] < 0.95
    assert (counts[slow] == FRAMES).all()
    assert got[slow, 0, 0, 0].min() < 3 and got[slow, 0, 0, 0].max() > 30
    assert got[slow, -1, 0, 0].max() <= FRAMES - 1


def test_warp_moves_a_tone_to_the_band_of_its_new_frequency():
    """The oracle is the front end itself: a tone of another frequency peaks in the band that the warp reads from."""
    time = np.arange(16000) / 16000
    noise = np.random.default_rng(0).normal(0, 1e-3, 16000)
    segments, tones = [], (500.0, 1000.0, 2000.0, 4000.0)
    for tone in tones:
        log_mel = PAPER.extract(np.sin(2 * np.pi * tone * time) + noise)
        padded = np.zeros((FRAMES, BANDS, 3), np.float32)
        padded[: len(log_mel)] = log_mel
        segments += [padded] * 60
    features = np.stack(segments)
    got, _ = changed(features, np.full(len(features), 98, np.int32), warp=0.2)
    peaks = got[:, 50, :, 0].argmax(axis=1).reshape(len(tones), 60)
    for tone, peak_bands in zip(tones, peaks, strict=True):
        expected = [
            PAPER.extract(np.sin(2 * np.pi * tone / factor * time) + noise)[50, :, 0].argmax()
            for factor in (1.2, 1 / 1.2)
        ]
        assert abs(peak_bands.min() - expected[0]) <= 1 and abs(peak_bands.max() - expected[1]) <= 1


def test_the_equalizer_changes_all_frames_of_a_segment_alike_and_no_deltas():
    features, num_frames = batch()
    got, _ = changed(features, np.full_like(num_frames, FRAMES), equalizer=0.5)
    color = got[..., 0] - features[..., 0]
    np.testing.assert_allclose(color, np.broadcast_to(color[:, :1], color.shape), atol=1e-5)
    assert 0.3 < color[:, 0].std() < 0.7
    assert np.abs(np.diff(color[:, 0], n=2, axis=1)).max() < 0.5  # smooth: no jumps between neighboring bands
    np.testing.assert_array_equal(got[..., 1:], features[..., 1:])


def test_masks_fill_whole_frames_and_bands_with_the_mean_of_the_segment_within_their_bounds():
    features, num_frames = batch(count=200)
    mean = features.sum(axis=1, keepdims=True) / num_frames[:, None, None, None]
    real = np.arange(FRAMES) < num_frames[:, None]
    got, _ = changed(features, num_frames, time_masks=1, time_mask_frames=30)
    frames = (np.isclose(got, mean, atol=1e-4).all(axis=(2, 3)) & real).sum(axis=1)
    assert frames.max() <= 30 and frames.max() > 20 and (frames <= num_frames // 5).all()
    np.testing.assert_array_equal(got[frames == 0], features[frames == 0])
    got, _ = changed(features, num_frames, band_masks=1, band_mask_bands=6)
    masked = np.isclose(got, mean, atol=1e-4) | ~real[..., None, None]
    assert set(masked.all(axis=(1, 3)).sum(axis=1).tolist()) == set(range(7))


def test_a_mask_is_filled_with_the_mean_of_the_real_frames_after_the_equalizer():
    features, num_frames = batch()
    colored, _ = changed(features, num_frames, equalizer=2.0)
    mean = colored.sum(axis=1) / num_frames[:, None, None]
    got, _ = changed(features, num_frames, equalizer=2.0, time_masks=1)
    masked = (got != colored).any(axis=(2, 3))
    assert masked.sum() > 50
    np.testing.assert_allclose(got[masked], mean[np.nonzero(masked)[0]], atol=1e-4)


def test_a_segment_of_a_single_frame_stays_finite():
    features, num_frames = np.zeros((4, FRAMES, BANDS, 3), np.float32), np.ones(4, np.int32)
    got, counts = changed(features, num_frames, speed=0.5, warp=0.5, equalizer=1.0, time_masks=3, band_masks=3)
    assert (counts == 1).all() and np.isfinite(got).all()


@pytest.mark.parametrize("wrong", [{"speed": -0.1}, {"warp": float("nan")}, {"time_masks": -1}])
def test_values_out_of_range_are_named(wrong):
    with pytest.raises(UsageError, match=rf"augmentation\.{next(iter(wrong))} .*: it must be a number from 0 up"):
        Augmentation(**wrong)
