"""CNN, LSTM and time-distributed CNN of Lim, Jang and Lee (2016), Section III, Fig. 2, 4 and 5, on STFT images.

The input is an image of 128 frames by 128 bins. The time-distributed CNN sees four of them, 8 frames apart, through one
and the same CNN, whose four outputs two LSTM layers read in order. Because the convolutions add no edge of their own
and the pools divide the 8 frames, the CNN of the four images is the CNN of the 152 frames they cover, read at four places:
computed once, it takes a third of the time, and gives the same (tested against four passes).
"""

from __future__ import annotations

import keras
from keras import layers

from acrnn.errors import UsageError
from acrnn.layers import FeatureNormalization, FrameMask, MaskFrames
from acrnn.models.lim2016.config import Config


def build(config: Config) -> keras.Model:
    """The network, untrained.

    Args:
        config: which, and its sizes.

    Returns:
        Model from {"features": [batch, frames, bins, channels of the records], "num_frames": int32 [batch]} to logits
        float32 [batch, classes]. `normalization` is to be adapted.
    """
    features = keras.Input((config.frames, config.bands, config.record_channels), name="features")
    num_frames = keras.Input((), dtype="int32", name="num_frames")
    mask = FrameMask(config.frames, name="mask")(num_frames)
    x = FeatureNormalization(config.normalization, config.padding, name="normalization")(features, mask)
    match config.network:
        case "cnn":
            x = _cnn(config, x, num_frames)
        case "lstm":
            x = _lstm(config, x, mask)
        case "tdcnn":
            x = _time_distributed_cnn(config, x, num_frames)
    x = layers.Dropout(config.dropout, name="last_dropout")(x)
    logits = layers.Dense(config.num_classes, dtype="float32", name="logits")(x)
    return keras.Model({"features": features, "num_frames": num_frames}, logits, name=f"lim2016_{config.network}")


def _cnn(config: Config, x, num_frames):
    """Fig. 2: the convolutions, flattened, and a dense layer."""
    x = layers.Flatten(name="flatten")(_convolutions(config, x, num_frames))
    return layers.Dense(config.dense_units, "relu", name="dense")(x)


def _lstm(config: Config, x, mask):
    """Fig. 4: stacked LSTM layers; the last output of the last one."""
    x = layers.Reshape((config.frames, config.bands * config.record_channels), name="flatten_bins")(x)
    return _stacked(x, mask, config.lstm_layers, config.lstm_units)


def _time_distributed_cnn(config: Config, x, num_frames):
    """Fig. 5: the CNN of each image, and LSTM layers over the images."""
    x = _convolutions(config, x, num_frames)  # [batch, steps, bins, maps]
    hop = config.image_hop // config.pooled_by
    steps = x.shape[1] - (config.images - 1) * hop
    if steps < 1:
        raise UsageError(f"--images {config.images}: {config.frames} frames are too few for so many")
    images = [layers.Flatten()(x[:, start * hop : start * hop + steps]) for start in range(config.images)]
    x = layers.Reshape((config.images, -1), name="series")(layers.Concatenate(name="images")(images))
    begun = FrameMask(config.images, config.image_hop, name="image_mask")(num_frames)  # whose first frames are real
    return _stacked(x, begun, config.series_layers, config.series_units)


def _convolutions(config: Config, x, num_frames):
    """Two convolutions with their pools; what holds no real frame is zero."""
    pooled_by = 1
    for number, (filters, pool) in enumerate(zip(config.filters, config.pool_sizes, strict=True), start=1):
        x = layers.Conv2D(filters, config.kernel_size, name=f"conv_{number}")(x)
        # a rising activation and the maximum commute; pooled first, it has less to do
        x = layers.MaxPooling2D(pool, name=f"pool_{number}")(x)
        x = layers.ReLU(name=f"conv_{number}_activation")(x)
        pooled_by *= pool[0]
        x = MaskFrames(name=f"conv_{number}_masked")(
            x, FrameMask(x.shape[1], pooled_by, name=f"mask_{number}")(num_frames)
        )
        x = layers.Dropout(config.dropout, name=f"conv_{number}_dropout")(x)
    return x


def _stacked(x, mask, count: int, units: int):
    """LSTM layers; the output of the last one at the last real step."""
    for number in range(1, count + 1):
        x = layers.LSTM(units, return_sequences=number < count, name=f"lstm_{number}")(x, mask=mask)
    return x
