"""Exports of a front end that removes silence: equal in all formats, and positions are those of the whole recording."""

import numpy as np
import pytest
from support.exports import sharp, sounds

from acrnn.export import version_folder
from acrnn.inference import Recognizer


def between(sound, seconds):
    """A sound with silence before and after it."""
    silence = np.zeros(round(seconds * 16000), np.float32)
    return np.concatenate([silence, sound, silence[: len(silence) // 2]])


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    trained = sharp("chen2018-3d", trim_db=30.0)
    out = tmp_path_factory.mktemp("trimmed") / "model" / "1"
    version_folder.export(trained, out, ("saved-model", "onnx", "litert"))
    return out, trained, sounds()[2:-1]


@pytest.mark.parametrize("runtime", ["saved-model", "onnx", "litert"])
def test_more_silence_at_the_ends_changes_no_answer_and_moves_the_positions(exported, runtime):
    folder, trained, waveforms = exported
    recognizer = Recognizer.load(folder, runtime, check_speech=False)
    some, more = ([between(sound, seconds) for sound in waveforms] for seconds in (1.0, 2.0))
    expected = trained.posteriors(some)
    assert np.ptp(expected, axis=0).max() > 0.2  # otherwise the comparison would show nothing
    predictions = [recognizer.predict_batch(each, 16000) for each in (some, more)]
    for first, second, posteriors, waveform in zip(*predictions, expected, some, strict=True):
        for prediction in (first, second):
            np.testing.assert_allclose(list(prediction.probabilities.values()), posteriors, atol=1e-4)
        start, _ = trained.frontend.bounds(waveform)
        assert start > 0.85 * 16000
        assert first.segments[0].start_seconds == pytest.approx(start / 16000, abs=1e-6)
        assert second.segments[0].start_seconds == pytest.approx(1 + start / 16000, abs=1e-6)
        assert not any(first.attention[:85]) and any(first.attention)
        assert first.attention_seconds[-1] < first.segments[-1].end_seconds <= first.duration_seconds
