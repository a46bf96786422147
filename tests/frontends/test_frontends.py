"""Front ends of the papers against python_speech_features, librosa, numpy and properties of sound."""

import json

import numpy as np
import pytest
import python_speech_features as psf

from acrnn import files, frontends
from acrnn.frontends import FRONTENDS
from acrnn.frontends.librosa_logmel import ZHANG2021
from acrnn.frontends.logmel import ORIGINAL, PAPER, LogMelSpec
from acrnn.frontends.mfcc import PENG2021
from acrnn.frontends.mfcc_pitch import HAN2014
from acrnn.frontends.stft import LIM2016, LIM2016_LOG
from acrnn.frontends.waveform import regression_slope as slope_of_tracks

RATE = 16000


def noise(samples=RATE, seed=0):
    """Returns uniform noise, float32 [samples] within ±0.5."""
    return np.random.default_rng(seed).uniform(-0.5, 0.5, samples).astype(np.float32)


def regression_slope(features, n=2):
    """Returns the slope by Eq. 2, written as sums over the neighbors, with the edges repeated."""
    padded = np.pad(features, ((n, n), (0, 0)), mode="edge")
    count = len(features)
    top = sum(k * (padded[n + k : n + k + count] - padded[n - k : n - k + count]) for k in range(1, n + 1))
    return top / (2 * sum(k**2 for k in range(1, n + 1)))


def test_the_paper_variant_is_the_filterbank_of_python_speech_features_on_a_unit_variance_waveform():
    waveform = noise().astype(np.float64)
    scaled = (waveform - waveform.mean()) / waveform.std()
    energies, _ = psf.fbank(scaled, RATE, 0.025, 0.01, 40, 512, 0, 8000, 0.0, np.hamming)
    np.testing.assert_allclose(PAPER.extract(waveform)[..., 0], np.log(energies), rtol=1e-5, atol=1e-5)


def test_the_original_variant_is_logfbank_of_int16_samples():
    samples = (noise() * 32768).astype(np.int16)
    expected = psf.logfbank(samples.astype(np.float64), RATE, nfilt=40)
    np.testing.assert_allclose(ORIGINAL.extract(samples / 32768.0)[..., 0], expected, rtol=1e-5, atol=1e-5)


def test_deltas_are_the_regression_of_equations_2_and_3():
    features = PAPER.extract(noise())
    delta = regression_slope(features[..., 0])
    np.testing.assert_allclose(features[..., 1], delta, atol=1e-4)
    np.testing.assert_allclose(features[..., 2], regression_slope(delta), atol=1e-4)
    np.testing.assert_allclose(features[..., 1], psf.delta(features[..., 0], 2), atol=1e-4)


def test_the_delta_of_a_ramp_is_its_slope():
    ramp = 0.7 * np.arange(50.0)[:, None].repeat(40, axis=1)
    np.testing.assert_allclose(slope_of_tracks(ramp, PAPER.delta_frames)[4:-4], 0.7)


@pytest.mark.parametrize("frequency_hz", [300, 1000, 3000, 6000])
def test_a_tone_peaks_in_the_band_that_holds_its_frequency(frequency_hz):
    features = PAPER.extract(np.sin(2 * np.pi * frequency_hz * np.arange(RATE) / RATE))
    edges = psf.base.mel2hz(np.linspace(0, psf.base.hz2mel(8000), 42))
    band = int(features[10:-10, :, 0].mean(axis=0).argmax())
    assert edges[band] - 32 <= frequency_hz <= edges[band + 2] + 32


def test_loudness_and_offset_do_not_matter_to_the_paper_variant():
    np.testing.assert_allclose(PAPER.extract(noise()), PAPER.extract(0.1 * noise() + 0.05), atol=2e-3)
    assert np.abs(ORIGINAL.extract(noise()) - ORIGINAL.extract(0.1 * noise())).max() > 1


@pytest.mark.parametrize(("samples", "frames"), [(400, 1), (401, 2), (560, 2), (561, 3), (16000, 99)])
def test_frames_are_counted_as_documented(samples, frames):
    assert PAPER.extract(noise(samples)).shape == (frames, 40, 3)
    assert HAN2014.extract(noise(samples)).shape == (frames, 30, 1)
    assert PENG2021.extract(noise(samples)).shape == (frames, 96, 1)


@pytest.mark.parametrize("spec", [PAPER, HAN2014, PENG2021], ids=["log-mel", "mfcc-pitch", "mfcc"])
def test_a_waveform_shorter_than_one_window_is_refused(spec):
    with pytest.raises(ValueError, match="24.9 ms long, shorter than one analysis window"):
        spec.extract(noise(399))


def test_digital_silence_inside_an_utterance_stays_at_the_floor():
    silent = np.concatenate([noise(6000), np.zeros(3000), -noise(6000)])  # of mean zero, so zeros stay zeros
    assert PAPER.extract(silent)[..., 0].min() == pytest.approx(np.log(1e-10), abs=1e-3)


def test_the_bands_of_zhang_are_those_of_librosa_on_an_emphasized_waveform_of_unit_variance():
    from librosa.feature import melspectrogram

    waveform = noise(RATE + 240).astype(np.float64)  # whole windows: librosa leaves the rest out
    scaled = (waveform - waveform.mean()) / waveform.std()
    emphasized = np.append(scaled[0], scaled[1:] - 0.97 * scaled[:-1])
    windowed = np.pad(emphasized, 56)  # librosa puts 400 samples into the middle of 512
    energies = melspectrogram(
        y=windowed, sr=RATE, n_fft=512, hop_length=160, win_length=400, window=np.hamming(400), center=False,
        n_mels=64, fmin=20, fmax=8000,
    )  # fmt: skip
    features = ZHANG2021.extract(waveform)
    assert features.shape == (100, 64, 3)
    np.testing.assert_allclose(features[..., 0], np.log(energies).T, rtol=1e-5, atol=1e-5)
    delta = regression_slope(features[..., 0])
    np.testing.assert_allclose(features[..., 1], delta, atol=1e-4)
    np.testing.assert_allclose(features[..., 2], regression_slope(delta), atol=1e-4)


def test_no_band_of_zhang_is_empty_and_silence_lies_at_the_floor():
    assert (ZHANG2021.mel_filters().sum(axis=1) > 0).all()
    silent = np.concatenate([noise(6000), np.zeros(3000), -noise(6000)])
    assert ZHANG2021.extract(silent)[..., 0].min() == pytest.approx(np.log(1e-10), abs=1e-3)


def test_the_cepstrum_is_that_of_python_speech_features_with_the_log_energy_first():
    waveform = noise().astype(np.float64)
    scaled = (waveform - waveform.mean()) / waveform.std()
    expected = psf.mfcc(scaled, RATE, nfft=512, preemph=0, appendEnergy=True, winfunc=np.hamming)
    np.testing.assert_allclose(HAN2014.extract(waveform)[:, :13, 0], expected, rtol=1e-5, atol=1e-5)


def test_the_second_half_of_the_tracks_are_the_deltas_of_the_first():
    tracks = HAN2014.extract(noise())[..., 0]
    np.testing.assert_allclose(tracks[:, 15:], regression_slope(tracks[:, :15]), atol=1e-4)


def test_the_mfcc_of_peng_2021_are_those_of_a_frame_by_itself_in_numpy_and_librosa():
    """Computes the third frame step by step: Hamming window, power, Mel filters, decibels, cosine transform."""
    import librosa
    import scipy

    waveform = noise(4000).astype(np.float64)

    def level(start):
        frame = waveform[start : start + 400] * scipy.signal.get_window("hamming", 400)
        bands = librosa.filters.mel(sr=RATE, n_fft=512, n_mels=64) @ np.abs(np.fft.rfft(frame, 512)) ** 2
        return 10 * np.log10(np.maximum(bands, 1e-10))

    expected = scipy.fft.dct(level(320), norm="ortho")[:32]
    np.testing.assert_allclose(PENG2021.extract(waveform)[2, :32, 0], expected, rtol=1e-4, atol=1e-4)


def test_the_deltas_of_the_mfcc_are_regressions_over_four_frames_on_either_side():
    tracks = PENG2021.extract(noise())[..., 0]
    delta = regression_slope(tracks[:, :32], 4)
    np.testing.assert_allclose(tracks[:, 32:64], delta, atol=1e-4)
    np.testing.assert_allclose(tracks[:, 64:], regression_slope(delta, 4), atol=1e-4)


def buzz(pitch_hz, harmonics, noise_deviation=0.0, samples=RATE):
    """Returns equally strong harmonics of a pitch, with different phases, in white noise."""
    time = np.arange(samples) / RATE
    tone = sum(np.sin(2 * np.pi * n * pitch_hz * time + n**2) for n in range(1, harmonics + 1))
    return tone + noise_deviation * np.random.default_rng(0).normal(size=samples)


@pytest.mark.parametrize("harmonics", [1, 4], ids=["tone", "buzz"])
@pytest.mark.parametrize("pitch_hz", [85, 120, 213, 330, 480])
def test_the_period_of_a_periodic_sound_is_found_and_not_a_multiple_or_part_of_it(pitch_hz, harmonics):
    period = HAN2014.extract(buzz(pitch_hz, harmonics))[2:-2, 13, 0]
    np.testing.assert_allclose(period, 1000 / pitch_hz, rtol=0.02)


def test_the_harmonics_to_noise_ratio_is_the_one_that_was_mixed():
    """At 100 Hz a period is 160 samples; the autocorrelation gives the ratio of the powers on average."""
    for ratio_db in (0, 10, 20):
        deviation = np.sqrt(4 * 0.5 / 10 ** (ratio_db / 10))
        measured_db = np.median(HAN2014.extract(buzz(100, 4, deviation))[2:-2, 14, 0])
        assert measured_db == pytest.approx(ratio_db, abs=1.5)
    assert np.median(HAN2014.extract(noise())[2:-2, 14, 0]) < -4
    np.testing.assert_array_equal(HAN2014.extract(buzz(200, 1))[2:-2, 14, 0], 30)  # pure: at the limit


def test_loudness_and_offset_do_not_matter_to_cepstrum_and_pitch():
    np.testing.assert_allclose(
        HAN2014.extract(buzz(120, 4, 0.1)), HAN2014.extract(0.1 * buzz(120, 4, 0.1) + 0.05), atol=2e-3
    )


def test_digital_silence_is_finite_quiet_and_without_harmonics():
    silent = np.concatenate([noise(6000), np.zeros(3000), -noise(6000)]) + 0.1  # a constant after scaling, not zero
    features = HAN2014.extract(silent)
    assert np.isfinite(features).all()
    inside = features[40:52, :, 0]  # frames that lie in it whole, with the neighbors of their deltas
    assert (inside[:, 14] == -30).all()
    np.testing.assert_allclose(inside[:, 15:], 0, atol=1e-6)
    zeros = HAN2014.extract(np.concatenate([noise(6000), np.zeros(3000), -noise(6000)]))[45, 0, 0]
    assert zeros == pytest.approx(np.log(1e-10), abs=1e-3)


def test_magnitudes_are_those_of_librosa_without_the_highest_bin_and_with_nothing_mirrored_at_the_edges():
    import librosa

    waveform = noise(6400).astype(np.float64)
    scaled = (waveform - waveform.mean()) / waveform.std()
    expected = np.abs(librosa.stft(scaled, n_fft=256, hop_length=128, window="hann", center=False)).T[:, :128]
    magnitudes = LIM2016.extract(waveform)[..., 0]
    assert magnitudes.shape == expected.shape == (49, 128)
    np.testing.assert_allclose(magnitudes, expected, atol=1e-4)
    np.testing.assert_allclose(LIM2016_LOG.extract(waveform)[..., 0], np.log(magnitudes), atol=1e-3)


def test_a_tone_peaks_in_its_bin_of_an_stft_image_and_silence_is_at_the_floor_of_its_logarithm():
    tone = np.sin(2 * np.pi * 1500 * np.arange(RATE) / RATE)
    assert (LIM2016.extract(tone)[:-1, :, 0].argmax(axis=1) == 1500 * 256 // RATE).all()
    silent = np.concatenate([noise(6000), np.zeros(3000), -noise(6000)])
    assert LIM2016_LOG.extract(silent).min() == pytest.approx(np.log(1e-4))
    assert LIM2016.extract(noise(257)).shape == (2, 128, 1)


@pytest.mark.parametrize("name", FRONTENDS)
def test_a_spec_survives_the_way_through_json(name):
    fields = json.loads(json.dumps(frontends.to_dict(FRONTENDS[name])))
    assert frontends.from_dict(fields) == FRONTENDS[name]


# first digits of the SHA-256 of the fields, as records and results written so far have them
DIGESTS = {
    "chen2018": "a025f7572e68",
    "chen2018-original": "9201bb04cb38",
    "han2014": "8f7980059741",
    "lim2016": "08b6a98209ef",
    "lim2016-log": "df57a4a5b69a",
    "zhang2021": "0c6663660356",
    "peng2021": "2a857356001e",
}


def test_the_fields_of_the_front_ends_are_those_of_records_on_disk():
    digests = {name: files.sha256_of_json(frontends.to_dict(spec))[:12] for name, spec in FRONTENDS.items()}
    assert digests == DIGESTS


def test_an_unknown_front_end_or_field_is_refused():
    with pytest.raises(ValueError, match="front end 'wavelet' is unknown"):
        frontends.from_dict({"kind": "wavelet"})
    with pytest.raises(ValueError, match="num_wavelets"):
        frontends.from_dict({**frontends.to_dict(LogMelSpec()), "num_wavelets": 3})


def twin_sounds():
    """Returns noise, a tone, a sound with digital silence, and sounds of one to three windows."""
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(3 * RATE) / RATE).astype(np.float32) + 0.01 * noise(3 * RATE)
    gap = noise(20000, seed=3)
    gap[3000:12000] = 0
    return [noise(), tone, gap, noise(400, seed=4), noise(401, seed=5), noise(560, seed=6), noise(561, seed=7)]


@pytest.mark.parametrize("fft", [True, False], ids=["fft", "matrices"])
@pytest.mark.parametrize("name", FRONTENDS)
def test_the_graph_computes_the_same_features_whatever_follows_an_utterance(name, fft):
    import tensorflow as tf

    spec, sounds = FRONTENDS[name], twin_sounds()
    lengths = np.array([len(sound) for sound in sounds], np.int32)
    batch = np.random.default_rng(9).normal(0, 9, (len(sounds), lengths.max() + 99))
    for row, sound in zip(batch, sounds, strict=True):
        row[: len(sound)] = sound
    features, num_frames = spec.in_graph(tf.constant(batch), tf.constant(lengths), fft)
    for computed, count, sound in zip(features.numpy(), num_frames.numpy(), sounds, strict=True):
        expected = spec.extract(sound)
        assert count == len(expected) == spec.num_frames(len(sound))
        np.testing.assert_allclose(computed[:count], expected, atol=2e-5)
