"""Windows, spectra and slopes to the last bit: records that were prepared earlier keep their identity."""

import librosa
import numpy as np
import pytest
from python_speech_features import get_filterbanks, sigproc

from acrnn.frontends import waveform as functions

SAMPLES = np.random.default_rng(0).normal(size=16123)


@pytest.mark.parametrize("samples", [400, 401, 559, 560, 561, 16123])
def test_windows_are_those_of_python_speech_features(samples):
    windows = functions.analysis_windows(SAMPLES[:samples], 400, 160, np.hamming(400))
    assert np.array_equal(windows, sigproc.framesig(SAMPLES[:samples], 400, 160, np.hamming))
    equal = functions.analysis_windows(SAMPLES[:samples], 400, 160)
    assert np.array_equal(equal, sigproc.framesig(SAMPLES[:samples], 400, 160))


def test_power_and_filters_are_those_of_python_speech_features():
    windows = sigproc.framesig(SAMPLES, 400, 160, np.hamming)
    before = windows.copy()
    assert np.array_equal(functions.power_spectrum(windows, 512), sigproc.powspec(windows, 512))
    assert np.array_equal(windows, before)
    for arguments in [(40, 512, 16000), (26, 512, 16000, 300.0, 4000.0)]:
        assert np.array_equal(functions.mel_filters(*arguments), get_filterbanks(*arguments))
    with pytest.raises(ValueError, match="read-only"):
        functions.mel_filters(40, 512, 16000)[0] = 1


def test_unit_variance_and_preemphasis():
    assert np.array_equal(functions.unit_variance(SAMPLES), (SAMPLES - SAMPLES.mean()) / SAMPLES.std())
    assert np.array_equal(functions.preemphasis(SAMPLES, 0.97), sigproc.preemphasis(SAMPLES, 0.97))
    assert np.array_equal(functions.preemphasis(SAMPLES, 0.0), SAMPLES)


@pytest.mark.parametrize("delta_frames", [1, 2, 4])
def test_slopes_are_those_of_librosa(delta_frames):
    tracks = SAMPLES[:4000].reshape(100, 40)
    expected = librosa.feature.delta(tracks, width=2 * delta_frames + 1, axis=0, mode="nearest")
    assert np.array_equal(functions.regression_slope(tracks, delta_frames), expected)
