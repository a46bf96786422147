"""Functionals of openSMILE: its extra, its worker processes and its cache."""

import importlib.util

import numpy as np
import pytest
import soundfile
from support.tiny_corpus import tiny_sound

from acrnn import files
from acrnn.baselines import opensmile_features
from acrnn.baselines.opensmile_features import Sound

has_opensmile = pytest.mark.skipif(
    importlib.util.find_spec("opensmile") is None,
    reason='openSMILE is not installed: pip install "acrnn[opensmile]"',
)
FEATURE_SET = "eGeMAPSv02"


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    paths = []
    for number, emotion in enumerate(("high", "low", "noisy")):
        path = folder / f"{emotion}.wav"
        soundfile.write(path, tiny_sound(emotion, 0.8, number), 16000)
        paths.append(path)
    whole = [Sound(path, files.sha256_of_file(path)) for path in paths]
    return [*whole, Sound(paths[0], whole[0].sha256, 0.1, 0.6)]


def test_a_missing_extra_is_named_with_its_licence(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"research licence.* needs the extra \[opensmile\].*acrnn\[opensmile\]"):
        opensmile_features.version()


@has_opensmile
def test_features_keep_the_order_of_the_sounds_in_any_number_of_processes(sounds):
    single = opensmile_features.compute(sounds, FEATURE_SET)
    assert single.shape == (4, 88) and np.isfinite(single).all()
    assert len(np.unique(single, axis=0)) == 4  # the part of a file is no copy of the file
    np.testing.assert_array_equal(opensmile_features.compute(sounds[::-1], FEATURE_SET, jobs=3), single[::-1])


@has_opensmile
def test_the_features_are_those_of_opensmile_and_its_pitch_is_that_of_the_tone(sounds):
    import opensmile

    names = list(opensmile.Smile(opensmile.FeatureSet[FEATURE_SET]).feature_names)
    values = opensmile_features.compute(sounds[:2], FEATURE_SET, jobs=2)
    high, low = 27.5 * 2 ** (values[:, names.index("F0semitoneFrom27.5Hz_sma3nz_amean")] / 12)
    assert low == pytest.approx(250, rel=0.06) and high > 400


@has_opensmile
def test_features_are_computed_once_and_anew_for_other_sounds(sounds, tmp_path, monkeypatch):
    path = tmp_path / "features" / "set.npz"
    first = opensmile_features.cached_features(path, sounds, FEATURE_SET)
    calls = []
    monkeypatch.setattr(opensmile_features, "compute", lambda *arguments: calls.append(arguments) or first[:2])
    np.testing.assert_array_equal(opensmile_features.cached_features(path, sounds, FEATURE_SET), first)
    assert not calls
    assert len(opensmile_features.cached_features(path, sounds[:2], FEATURE_SET)) == 2 and len(calls) == 1
    path.write_bytes(b"PK damaged")
    with pytest.raises(ValueError, match=r"set\.npz: damaged .*delete the file"):
        opensmile_features.cached_features(path, sounds, FEATURE_SET)


@has_opensmile
def test_a_sound_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "text.wav"
    path.write_text("no sound")
    with pytest.raises(ValueError, match=r"text\.wav"):
        opensmile_features.compute([Sound(path, "")], FEATURE_SET)
