"""DCNN-BLSTMwA: sizes counted by hand, windows, pictures and attention against numpy, and values that are refused."""

import numpy as np
import pytest

from acrnn.errors import UsageError
from acrnn.models import MODELS
from acrnn.models.zhang2021 import baseline
from acrnn.models.zhang2021 import network as zhang2021
from acrnn.models.zhang2021.config import BaselineConfig
from acrnn.models.zhang2021.layers import Pictures, WindowAttention, WindowMask, Windows
from acrnn.models.zhang2021.network import Config


def test_the_second_stage_of_the_paper_has_as_many_weights_as_counted_by_hand():
    model = zhang2021.build_sequence_network(Config(7))
    assert model.input["features"].shape == (None, 8, 4096)
    blstm = 2 * 4 * 128 * (4096 + 128 + 1)
    assert model.count_params() == blstm + 256 + (256 * 512 + 512) + (512 * 256 + 256) + (256 * 7 + 7)
    without = zhang2021.build_sequence_network(Config(7, attention=False))
    assert without.count_params() == model.count_params() - 256


def test_the_baseline_has_as_many_weights_as_counted_by_hand():
    model = baseline.build(BaselineConfig(7))
    convolutions = (25 * 3 * 16 + 16) + (25 * 16 * 32 + 32)
    lstm = 4 * 512 * (16 * 32 + 512 + 1)
    assert sum(np.prod(w.shape) for w in model.trainable_weights) == convolutions + lstm + 512 * 7 + 7
    assert model.get_layer("flatten_bands").output.shape == (None, 75, 512)


def test_windows_are_the_frames_from_their_starts_one_segment_after_the_other():
    features = np.arange(2 * 10 * 3 * 2, dtype=np.float32).reshape(2, 10, 3, 2)
    found = np.asarray(Windows((0, 3, 6), 4)(features))
    expected = [features[segment, start : start + 4] for segment in (0, 1) for start in (0, 3, 6)]
    np.testing.assert_array_equal(found, expected)
    assert Config(7).window_starts == (0, 32, 64, 96, 128, 160, 192, 224)
    assert Config(7, context_frames=128, shift_frames=64).window_starts == (0, 64, 128)


def linear(values, size):
    """Values at points in the middle of as many equal parts, straight lines between neighbors, along the first axis."""
    at = (np.arange(size) + 0.5) * len(values) / size - 0.5
    grid = np.arange(len(values))
    columns = [np.interp(at, grid, column) for column in values.reshape(len(values), -1).T]
    return np.stack(columns, axis=1).reshape(size, *values.shape[1:])


@pytest.mark.parametrize(("channels", "planes"), [(1, (0, 0, 0)), (2, (0, 1, 0)), (3, (0, 1, 2))])
def test_pictures_have_bands_as_rows_frames_as_columns_and_are_stretched_linearly(channels, planes):
    windows = np.random.default_rng(0).normal(size=(2, 16, 10, channels)).astype(np.float32)
    found = np.asarray(Pictures(37)(windows))
    for picture, window in zip(found, windows, strict=True):
        by_rows = linear(window.transpose(1, 0, 2), 37)  # [37, frames, channels]
        stretched = linear(by_rows.transpose(1, 0, 2), 37).transpose(1, 0, 2)
        np.testing.assert_allclose(picture, stretched[..., list(planes)], atol=1e-5)


def test_attention_is_that_of_the_equations_and_is_shared_by_the_real_frames_of_a_window():
    generator = np.random.default_rng(0)
    starts_, h = (0, 4, 8), generator.normal(size=(3, 3, 5)).astype(np.float32)
    layer = WindowAttention(starts_, 6, 14)
    num_frames = np.array([14, 7, 3], np.int32)
    context, by_frame = (np.asarray(part) for part in layer(h, num_frames))
    kernel = np.asarray(layer.kernel)[:, 0]
    for row, frames, found, weights in zip(h, num_frames, context, by_frame, strict=True):
        real = [min(max(frames - start, 0), 6) for start in starts_]
        scores = np.where(np.array(real) > 0, np.exp(row @ kernel), 0.0)
        alpha = scores / scores.sum()
        np.testing.assert_allclose(found, alpha @ row, rtol=1e-5)
        expected = np.zeros(14)
        for start, count, weight in zip(starts_, real, alpha, strict=True):
            expected[start : start + count] += weight / max(count, 1)
        np.testing.assert_allclose(weights, expected, atol=1e-6)
        assert weights.sum() == pytest.approx(1, rel=1e-5)


def test_a_window_is_masked_when_no_frame_of_it_is_real():
    found = np.asarray(WindowMask((0, 4, 8))(np.array([1, 4, 5, 9], np.int32)))
    assert found.tolist() == [[True, False, False], [True, False, False], [True, True, False], [True, True, True]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 4}, "^channels 4: choose from 1 to 3, as in the records"),
        ({"context_frames": 301}, "^context_frames 301: choose from 1 to 300, as in a segment"),
        ({"shift_frames": 65}, "^shift_frames 65: choose from 1 to 64 "),
        ({"image_size": 66}, "^image_size 66: AlexNet's pools need 67"),
        ({"layout": "vgg"}, "^layout vgg: choose from paper, caffe, torchvision"),
        ({"width": 0.0}, "^width 0.0: it must be a number above 0"),
        ({"window_dropout": 1.0}, "^window_dropout 1.0: it must be a number from 0"),
        ({"image_size": "big"}, "^image_size 'big': it must be a value such as 227"),
        ({"attention": 1}, "^attention 1: it must be a value such as True"),
    ],
)
def test_values_out_of_range_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        MODELS["zhang2021"].check_options(**options)
