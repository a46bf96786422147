"""Simulated recording conditions: features of segments in noise or without high frequencies are those of altered recordings."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.speaker_statistics import Choice
from acrnn.crossval import Experiment, Prepared, cross_validate, read_results
from acrnn.crossval.cross_corpus import CrossCorpus
from acrnn.errors import UsageError
from acrnn.frontends.logmel import ORIGINAL, PAPER
from acrnn.recipes import RECIPES, channel
from acrnn.recipes.augmentation import Augmentation, check_features
from acrnn.records import RecordSet
from experiments.alterations import narrow

BANDS, FRAMES = 40, 300
FLOOR = np.log(PAPER.power_floor)


def changed(features, num_frames, seed=0, **parts):
    return Augmentation(**parts)(features, num_frames, np.random.default_rng(seed))[0]


def speech(silent_seconds=0.0):
    """A sound whose level and pitch change, two seconds long, and its features."""
    time = np.arange(32000) / 16000
    buzz = np.sign(np.sin(2 * np.pi * (120 * time + 4 * np.sin(3 * time)))) * (1.1 + np.sin(2 * np.pi * 3 * time))
    waveform = (buzz + np.random.default_rng(0).normal(0, 1e-3, len(time))).astype(np.float32)
    start = round(silent_seconds * 16000)
    waveform[:start], waveform[start:] = 0, waveform[start:] - waveform[start:].mean()
    return waveform, PAPER.extract(waveform)


def in_batch(features, count=30):
    padded = np.zeros((count, FRAMES, BANDS, 3), np.float32)
    padded[:, : len(features)] = features
    return padded, np.full(count, len(features), np.int32)


def in_noise(features, snr_db, count=30):
    given = {"noise": 1.0, "lowest_snr_db": snr_db, "highest_snr_db": snr_db}
    return changed(*in_batch(features, count), **given)[:, : len(features)]


@pytest.fixture
def white(monkeypatch):
    monkeypatch.setattr(channel, "_STEEPEST", 0.0)


@pytest.mark.parametrize("snr_db", [5.0, 20.0])
def test_noise_is_that_of_the_front_end_on_a_noisy_recording(white, snr_db):
    waveform, clean = speech()
    noise = np.random.default_rng(1).normal(0, np.sqrt(np.mean(waveform**2) * 10 ** (-snr_db / 10)), len(waveform))
    expected = PAPER.extract(waveform + noise.astype(np.float32))[1:]
    got = in_noise(clean, snr_db)[:, 1:].reshape(-1, BANDS, 3)
    assert np.abs(clean[..., 0].mean(0) - expected[..., 0].mean(0)).max() > 1
    np.testing.assert_allclose(got[:, 1:, 0].mean(0), expected[:, 1:, 0].mean(0), atol=0.25)
    assert abs(got[:, 0, 0].mean() - expected[:, 0, 0].mean()) < 0.8  # a single bin beside that of 0 Hz
    for track in range(3):
        ratio = got[..., track].std(0) / expected[..., track].std(0)
        assert ratio.min() > 0.65 and ratio.max() < 1.35 and abs(ratio.mean() - 1) < 0.12


def test_noise_alone_has_the_mean_and_the_spread_of_white_noise_in_every_band(white):
    expected = PAPER.extract(np.random.default_rng(0).normal(size=16000 * 60).astype(np.float32))
    low = np.full((FRAMES - 1, BANDS, 3), FLOOR, np.float32)  # far below the noise
    low[:, 5, 0] = 0.0
    got = in_noise(low, 0.0, count=60)
    got[..., 0] -= np.log(np.exp(got[..., 0]).sum(-1).mean()) - np.log(np.exp(expected[..., 0]).sum(-1).mean())
    bands = np.r_[3:5, 7:BANDS]  # the three lowest have a bin or two; the fifth is that of the signal
    difference = got[..., 0].mean((0, 1)) - expected[..., 0].mean(0)
    assert np.abs(difference[bands] - difference[bands].mean()).max() < 0.25
    for track, near in enumerate((0.06, 0.06, 0.1)):
        ratio = got[..., track].std((0, 1)) / expected[..., track].std(0)
        assert abs(ratio[bands].mean() - 1) < near and np.abs(ratio[bands] - 1).max() < 0.2


@pytest.mark.parametrize("steepest", [0.0, 1.0])
def test_noise_is_white_to_pink(monkeypatch, steepest):
    monkeypatch.setattr(channel, "_STEEPEST", steepest)
    noisy = in_noise(speech()[1], 0.0, count=300)
    tilt = noisy[..., 35, 0].mean(1) - noisy[..., 5, 0].mean(1)
    assert (tilt.max() - tilt.min() > 1) == (steepest == 1)


def test_a_cutoff_is_that_of_the_front_end_on_a_recording_of_8_khz():
    waveform, clean = speech()
    expected = PAPER.extract(narrow(waveform))
    log_mel, count = clean[None, ..., 0].astype(np.float32), np.array([len(clean)])
    every = np.ones(log_mel.shape[:2], bool)
    got = channel.without_high_frequencies(log_mel, every, np.array([3950.0]), np.random.default_rng(0))
    got = channel.with_slopes(got, count, 3)[0]
    assert (clean[..., 0].mean(0) - expected[..., 0].mean(0))[33:].min() > 1.5
    far = np.r_[0:27, 33:BANDS]  # bands that the edge of the filter does not touch
    np.testing.assert_allclose(got[:, far, 0].mean(0), expected[:, far, 0].mean(0), atol=0.6)
    np.testing.assert_allclose(got[:, 1:27, 0], expected[:, 1:27, 0], atol=0.1)  # at unit variance as well
    np.testing.assert_allclose(got[:, 1:27, 1], expected[:, 1:27, 1], atol=0.1)


def test_segments_without_high_frequencies_have_the_power_that_they_had():
    features, _ = in_batch(PAPER.extract(np.random.default_rng(0).normal(size=32000).astype(np.float32)), count=4)
    log_mel, every = features[:, :190, :, 0], np.ones((4, 190), bool)
    got = channel.without_high_frequencies(log_mel, every, np.full(4, 3000.0), np.random.default_rng(0))
    assert (log_mel - got)[..., 35:].min() > 5
    np.testing.assert_allclose(np.exp(got).sum(2).mean(1), np.exp(log_mel).sum(2).mean(1), rtol=0.01)


def test_no_energy_is_below_the_floor_of_the_front_end():
    clean = speech(silent_seconds=0.5)[1]
    assert clean[10, :, 0].max() == pytest.approx(FLOOR)
    for change in ({"narrow": 1.0}, {"noise": 1.0, "highest_snr_db": 6.0}):
        got = changed(*in_batch(clean), **change)[:, : len(clean), :, 0]
        assert got.min() >= np.float32(FLOOR)
    assert got[:, 10].min() > FLOOR + 10  # the noise is in the silence as well


def test_a_share_of_the_segments_is_changed_and_has_its_own_deltas():
    clean = speech()[1]
    features, num_frames = in_batch(clean, 400)
    got = changed(features, num_frames, noise=0.3)
    is_changed = (got != features).any(axis=(1, 2, 3))
    assert 0.2 < is_changed.mean() < 0.4
    count = num_frames[0]
    again = channel.with_slopes(features[:2, ..., 0], num_frames[:2], 3)
    np.testing.assert_allclose(again[:, :count], features[:2, :count], atol=1e-4)  # those of the front end
    noisy = got[is_changed][:3]
    expected = channel.with_slopes(noisy[..., 0], num_frames[:3], 3)
    np.testing.assert_allclose(noisy[:, :count], expected[:, :count], atol=1e-5)


def test_one_channel_of_log_energies_is_changed_as_well():
    features, num_frames = in_batch(speech()[1])
    got = changed(features[..., :1], num_frames, noise=1.0, narrow=1.0)
    assert got.shape == (*features.shape[:3], 1) and np.isfinite(got).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"noise": 1.1},
        {"narrow": 2.0},
        {"noise": 0.5, "lowest_snr_db": 36.0},
        {"narrow": 0.5, "lowest_cutoff_hz": 9000.0},
        {"narrow": 0.5, "lowest_cutoff_hz": 0.0},
    ],
    ids=str,
)
def test_values_out_of_range_are_named(wrong):
    with pytest.raises(UsageError, match=rf"augmentation\.{list(wrong)[-1]} .*: it must lie between "):
        Augmentation(**wrong)
    unused = {name: value for name, value in wrong.items() if name not in ("noise", "narrow")}
    assert not Augmentation(**unused, high_hz=2500.0).simulated


@pytest.mark.parametrize("change", [{"noise": 0.5}, {"narrow": 0.5}], ids=str)
def test_features_that_it_is_not_made_for_are_refused(change):
    name, augmentation = next(iter(change)), Augmentation(**change)
    check_features(augmentation, replace(PAPER, trim_db=30.0), "corpus")
    check_features(Augmentation(warp=0.1), ORIGINAL, "speaker")
    check_features(None, ORIGINAL, "speaker")
    for other in (ORIGINAL, replace(PAPER, delta_frames=3), replace(PAPER, high_hz=4000.0)):
        with pytest.raises(UsageError, match=rf"augmentation\.{name} 0\.5: it is made for the features of LogMelSpec"):
            check_features(augmentation, other, "corpus")
    with pytest.raises(UsageError, match="made for the features"):
        check_features(replace(augmentation, high_hz=4000.0), PAPER, "corpus")
    with pytest.raises(UsageError, match=rf"augmentation\.{name} 0\.5: .*normalized by speaker are not; choose"):
        check_features(augmentation, PAPER, "speaker")


def test_the_robust_recipe_trains_and_is_refused_with_statistics_of_the_speaker(tiny_records, tmp_path):
    recipe = replace(RECIPES["robust"], epochs=1, batch_size=8)
    experiment = Experiment(tiny_records, "chen2018-3d", recipe, options=TINY_NETWORK, save_models=False)
    with pytest.raises(UsageError, match="augmentation.noise"):
        Prepared.of(replace(experiment, speaker_statistics=Choice.parse("speaker")))
    records = RecordSet(tiny_records)
    with pytest.raises(UsageError, match="augmentation.noise"):
        CrossCorpus(records, records, "chen2018-3d", recipe, TINY_NETWORK, Choice.parse("speaker"))
    cross_validate(experiment, tmp_path, folds=[0], announce=lambda line: None)
    written = json.loads((tmp_path / "results.json").read_text())["settings"]["recipe"]["augmentation"]
    assert (written["noise"], written["highest_snr_db"]) == (0.5, 35.0)
    assert read_results(tmp_path).settings.recipe == recipe
