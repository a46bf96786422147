"""CNN, LSTM and time-distributed CNN of Lim, Jang and Lee (2016), Section III, Fig. 2, 4 and 5, on STFT images.

The input is an image of 128 frames by 128 bins. The time-distributed CNN applies one CNN to four images, 8 frames apart;
two LSTM layers take its four outputs in order. The convolutions have no padding and the pooling in time divides the 8
frames, so the CNN runs once over the 152 frames that the images cover and is read at four places: a third of the time and
the same predictions (tested against four passes). In training, overlapping images share their dropout masks, which four
passes would draw one by one.
"""

from __future__ import annotations

import keras
from keras import layers

from acrnn.layers import FeatureNormalization, FrameMask, MaskFrames
from acrnn.models.lim2016.config import Config
from acrnn.recurrent import LSTM


def build(config: Config) -> keras.Model:
    """Returns the untrained network.

    Args:
        config: which of the three networks, and its sizes.

    Returns:
        Model from {"features": [batch, frames, bins, channels of the records], "num_frames": int32 [batch]} to logits
        float32 [batch, classes]. The layer "normalization" must be adapted.
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
    """Fig. 2: convolutions and a dense layer."""
    x = layers.Flatten(name="flatten")(_convolutions(config, x, num_frames))
    return layers.Dense(config.dense_units, "relu", name="dense")(x)


def _lstm(config: Config, x, mask):
    """Fig. 4: stacked LSTM layers; the output at the last real frame."""
    x = layers.Reshape((config.frames, config.bands * config.record_channels), name="flatten_bins")(x)
    return _stacked(x, mask, config.lstm_layers, config.lstm_units)


def _time_distributed_cnn(config: Config, x, num_frames):
    """Fig. 5: the CNN on each image, and LSTM layers over the images."""
    x = _convolutions(config, x, num_frames)  # [batch, steps, bins, maps]
    hop, steps = config.image_hop_steps, config.image_steps
    images = [layers.Flatten()(x[:, start * hop : start * hop + steps]) for start in range(config.images)]
    x = layers.Reshape((config.images, -1), name="series")(layers.Concatenate(name="images")(images))
    # an image counts when its first frame is real
    mask = FrameMask(config.images, config.image_hop, name="image_mask")(num_frames)
    return _stacked(x, mask, config.series_layers, config.series_units)


def _convolutions(config: Config, x, num_frames):
    """Two convolutions with pools; steps without a real frame are set to zero."""
    pooled_by = 1
    for number, (filters, pool) in enumerate(zip(config.filters, config.pool_sizes, strict=True), start=1):
        x = layers.Conv2D(filters, config.kernel_size, name=f"conv_{number}")(x)
        # ReLU and maximum commute; pooling first saves work
        x = layers.MaxPooling2D(pool, name=f"pool_{number}")(x)
        x = layers.ReLU(name=f"conv_{number}_activation")(x)
        pooled_by *= pool[0]
        x = MaskFrames(name=f"conv_{number}_masked")(
            x, FrameMask(x.shape[1], pooled_by, name=f"mask_{number}")(num_frames)
        )
        x = layers.Dropout(config.dropout, name=f"conv_{number}_dropout")(x)
    return x


def _stacked(x, mask, count: int, units: int):
    """Stacked LSTM layers; returns the output of the last one at the last real step [batch, units]."""
    for number in range(1, count + 1):
        x = LSTM(units, return_sequences=number < count, name=f"lstm_{number}")(x, mask=mask)
    return x
