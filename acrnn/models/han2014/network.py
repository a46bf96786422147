"""DNN-ELM of Han, Yu and Tashev (2014), Section 3: windows → DNN → statistics of the utterance → ELM.

A deep network classifies windows of 25 frames. Four statistics of its posteriors over the utterance, for each class, are the
input of an extreme learning machine (ELM): a random hidden layer, and output weights by least squares. The network takes
whole utterances of any length; `acrnn.models.han2014.training` trains it.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from acrnn.layers import FeatureNormalization, RealFrames
from acrnn.models.han2014.config import Config

_PACKAGE = "acrnn.han2014"


def build(config: Config) -> keras.Model:
    """Returns the untrained network.

    Args:
        config: sizes and options.

    Returns:
        Model from {"features": [batch, frames, bands, channels of the records], "num_frames": int32 [batch]}, utterances
        of any number of frames, to scores float32 [batch, classes]. The layer "normalization" must be adapted; the layers
        "windows", "hidden_…" and "window_logits" are the DNN; the weights of "elm_output" are solved for.
    """
    features = keras.Input((None, config.bands, config.record_channels), name="features")
    num_frames = keras.Input((), dtype="int32", name="num_frames")
    mask = RealFrames(name="mask")(features, num_frames)

    x = FeatureNormalization("band", "mean", config.centered, name="normalization")(features, mask)
    x = ContextWindows(config.context_frames, name="windows")(x)  # [batch, frames, context * bands * channels]
    for number in range(1, config.hidden_layers + 1):
        x = layers.Dense(config.hidden_units, "relu", kernel_initializer="he_uniform", name=f"hidden_{number}")(x)
    x = layers.Dense(config.num_classes, name="window_logits")(x)
    x = layers.Softmax(name="window_posteriors")(x)

    x = UtteranceStatistics(config.share_threshold, name="statistics")(x, mask)  # [batch, 4 * classes]
    random = {name: keras.initializers.RandomUniform(-1, 1) for name in ("kernel_initializer", "bias_initializer")}
    x = layers.Dense(config.elm_units, "sigmoid", trainable=False, name="elm_hidden", **random)(x)
    scores = layers.Dense(
        config.num_classes, use_bias=False, kernel_initializer="zeros", trainable=False, name="elm_output"
    )(x)
    return keras.Model({"features": features, "num_frames": num_frames}, scores, name="dnn_elm")


@keras.saving.register_keras_serializable(_PACKAGE)
class ContextWindows(layers.Layer):
    """Concatenates each frame with its neighbors in the order of time; zeros beyond the ends of the utterance.

    Args:
        frames: frames in a window, an odd number.

    Inputs: features [batch, frames, bands, channels]. Output: [batch, frames, window * bands * channels].
    """

    def __init__(self, frames: int, **kwargs):
        super().__init__(**kwargs)
        self.frames = frames

    def call(self, features):
        flat = ops.reshape(features, (ops.shape(features)[0], -1, features.shape[2] * features.shape[3]))
        reach = self.frames // 2
        padded = ops.pad(flat, ((0, 0), (reach, reach), (0, 0)))
        parts = [padded[:, start : (start - 2 * reach) or None] for start in range(self.frames)]  # None: to the end
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, shape):
        return (*shape[:2], self.frames * shape[2] * shape[3])

    def get_config(self):
        return {**super().get_config(), "frames": self.frames}


@keras.saving.register_keras_serializable(_PACKAGE)
class UtteranceStatistics(layers.Layer):
    """Maximum, minimum, mean and share above a threshold of the posteriors of each class over the real windows.

    Args:
        threshold: posteriors above it count for the fourth statistic.

    Inputs: posteriors [batch, windows, classes]; mask bool [batch, windows], True where a window is real, at least one per
    utterance. Output: [batch, 4 * classes]: the maxima of all classes, then the minima, the means and the shares.
    """

    def __init__(self, threshold: float, **kwargs):
        super().__init__(**kwargs)
        self.threshold = threshold

    def call(self, posteriors, mask):
        real = ops.expand_dims(mask, -1)
        count = ops.sum(ops.cast(real, posteriors.dtype), axis=1)
        above = ops.cast(ops.logical_and(real, posteriors > self.threshold), posteriors.dtype)
        statistics = [
            ops.max(ops.where(real, posteriors, 0.0), axis=1),
            ops.min(ops.where(real, posteriors, 1.0), axis=1),
            ops.sum(ops.where(real, posteriors, 0.0), axis=1) / count,
            ops.sum(above, axis=1) / count,
        ]
        return ops.concatenate(statistics, axis=-1)

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}
