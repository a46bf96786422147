"""Keras layers with a mask of real frames: normalization, masking, pooling over time. They run on any backend."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import keras
import numpy as np
from keras import ops

from acrnn.errors import FieldError

_PACKAGE = "acrnn"
_ROUNDING = 1e-6  # relative rounding error: a few units in the last place of float32


def zero_padding(features, mask):
    """Features [batch, frames, …] set to zero where mask [batch, frames] is False."""
    real = ops.cast(mask, features.dtype)
    for _ in range(len(features.shape) - 2):
        real = ops.expand_dims(real, -1)
    return features * real


@keras.saving.register_keras_serializable(_PACKAGE)
class FeatureNormalization(keras.layers.Layer):
    """Standardizes features with mean and standard deviation of the real training frames.

    Args:
        statistics: "channel" computes one mean and deviation for each channel (static, delta, delta-delta: the "global mean
            and standard deviation" of Chen et al. 2018, Section III-A); "band" one for each band of each channel.
        padding: value of padded frames: "mean" sets them to zero, the normalized training mean; "zero" normalizes raw
            zeros like all other values.
        centered: subtract from the first channel of each segment its mean over real frames, band by band, before
            normalization (cepstral mean normalization, for log-Mels). It removes constant offsets of voice and microphone.

    Inputs: features float32 [batch, frames, bands, channels]; mask bool [batch, frames], None if all frames are real.
    Output: normalized features of the same shape.
    """

    def __init__(
        self,
        statistics: Literal["channel", "band"] = "channel",
        padding: Literal["mean", "zero"] = "mean",
        centered: bool = False,
        **kwargs,
    ):
        # In bfloat16, log-Mels of -4.6 ± 4 would lose 1 % of a standard deviation; so they stay float32 until normalized.
        super().__init__(autocast=False, **kwargs)
        self.statistics, self.padding, self.centered = statistics, padding, centered

    def build(self, input_shape, *_):
        shape = tuple(input_shape[2:])
        fixed = {"shape": shape, "trainable": False, "dtype": "float32", "autocast": False}
        self.mean = self.add_weight(name="mean", initializer="zeros", **fixed)
        self.deviation = self.add_weight(name="deviation", initializer="ones", **fixed)

    def call(self, features, mask=None):
        if self.centered:
            features = _centered(features, mask)
        normalized = (features - self.mean) / self.deviation
        normalized = ops.cast(normalized, self.compute_dtype)
        return normalized if mask is None or self.padding == "zero" else zero_padding(normalized, mask)

    def adapt(self, batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
        """Computes mean and standard deviation over the real frames of training batches, in one pass.

        The deviation of values that are constant up to rounding errors is set to 1; a tiny deviation would make any other
        value, which did not occur in training, dominate all inputs.

        Args:
            batches: pairs of features float32 [batch, frames, bands, channels] and num_frames int [batch].
        """
        count, total, squares, lowest, highest = 0, 0.0, 0.0, np.inf, -np.inf
        for features, num_frames in batches:
            mask = np.arange(features.shape[1]) < np.asarray(num_frames)[:, None]
            if self.centered:
                features = ops.convert_to_numpy(_centered(features, mask))
            real = features[mask].astype(np.float64)
            count += len(real)
            total = total + real.sum(axis=0)
            squares = squares + (real**2).sum(axis=0)
            lowest = np.minimum(lowest, real.min(axis=0, initial=np.inf))
            highest = np.maximum(highest, real.max(axis=0, initial=-np.inf))
        mean, mean_square = total / count, squares / count
        if self.statistics == "channel":
            mean, mean_square = (
                np.broadcast_to(part.mean(axis=0, keepdims=True), part.shape) for part in (mean, mean_square)
            )
            lowest, highest = lowest.min(axis=0, keepdims=True), highest.max(axis=0, keepdims=True)
        deviation = np.sqrt(np.maximum(mean_square - mean**2, 1e-12))
        constant = highest - lowest <= _ROUNDING * np.maximum(np.abs(lowest), np.abs(highest))
        self.mean.assign(mean)
        self.deviation.assign(np.where(constant, 1.0, deviation))

    def get_config(self):
        return {
            **super().get_config(),
            "statistics": self.statistics,
            "padding": self.padding,
            "centered": self.centered,
        }


def _centered(features, mask):
    """Features [batch, frames, bands, channels] with the mean over real frames subtracted from the first channel."""
    static = features[..., 0]
    real = ops.cast(ops.expand_dims(mask, -1), static.dtype)
    mean = ops.sum(static * real, axis=1, keepdims=True) / ops.maximum(ops.sum(real, axis=1, keepdims=True), 1)
    return ops.concatenate([ops.expand_dims(static - mean, -1), features[..., 1:]], axis=-1)


@keras.saving.register_keras_serializable(_PACKAGE)
class FrameMask(keras.layers.Layer):
    """Computes the mask of real frames after pooling over time; a pooled frame is real if any frame in it is.

    Args:
        frames: number of frames after pooling.
        pooled_by: pooling factor.

    Inputs: num_frames int [batch], number of real frames before pooling. Output: mask bool [batch, frames].
    """

    def __init__(self, frames: int, pooled_by: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.frames, self.pooled_by = frames, pooled_by

    def call(self, num_frames):
        pooled = (num_frames + self.pooled_by - 1) // self.pooled_by  # ONNX rounds negative quotients up
        return ops.expand_dims(ops.arange(self.frames, dtype="int32"), 0) < ops.expand_dims(pooled, 1)

    def compute_output_spec(self, num_frames):
        return keras.KerasTensor((num_frames.shape[0], self.frames), "bool")

    def get_config(self):
        return {**super().get_config(), "frames": self.frames, "pooled_by": self.pooled_by}


# Saved networks contain this registered name: the layer was part of DNN-ELM, Han et al. (2014), at first.
@keras.saving.register_keras_serializable("acrnn.han2014")
class RealFrames(keras.layers.Layer):
    """Computes the mask of real frames, or words, of inputs of any length.

    Inputs: features [batch, frames, …]; num_frames int [batch]. Output: mask bool [batch, frames].
    """

    def call(self, features, num_frames):
        positions = ops.arange(ops.shape(features)[1], dtype="int32")
        return ops.expand_dims(positions, 0) < ops.expand_dims(num_frames, 1)

    def compute_output_spec(self, features, num_frames):
        return keras.KerasTensor(features.shape[:2], "bool")


@keras.saving.register_keras_serializable(_PACKAGE)
class MaskFrames(keras.layers.Layer):
    """Sets padded frames to zero, so that a convolution's outputs there do not affect real frames.

    Inputs: features [batch, frames, …]; mask bool [batch, frames]. Output: features of the same shape.
    """

    def call(self, features, mask):
        return zero_padding(features, mask)


@keras.saving.register_keras_serializable(_PACKAGE)
class AttentionPooling(keras.layers.Layer):
    """Weighted sum over time, Chen et al. (2018), Eq. 4 and 5: α_t = softmax_t(W·h_t), c = Σ_t α_t h_t.

    Args:
        hidden: number of sigmoid units between h_t and its score; 0 scores h_t directly, as in the paper (the authors'
            code has one unit).
        kernel_initializer: initializer of the weights W.

    Inputs: h [batch, steps, units]; mask bool [batch, steps], True for real steps, or None.
    Outputs: c [batch, units]; α float32 [batch, steps], zero where masked, with sum 1.
    """

    def __init__(self, hidden: int = 0, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.hidden = hidden
        self.supports_masking = True  # it uses the mask and returns none, since time is summed over
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape, *_):
        units = input_shape[-1]
        if self.hidden:
            self.hidden_kernel = self.add_weight(
                name="hidden_kernel", shape=(units, self.hidden), initializer=self.kernel_initializer
            )
            self.hidden_bias = self.add_weight(name="hidden_bias", shape=(self.hidden,), initializer="zeros")
        self.kernel = self.add_weight(
            name="kernel", shape=(self.hidden or units, 1), initializer=self.kernel_initializer
        )

    def call(self, h, mask=None):
        scored = ops.sigmoid(ops.matmul(h, self.hidden_kernel) + self.hidden_bias) if self.hidden else h
        scores = ops.cast(ops.squeeze(ops.matmul(scored, self.kernel), -1), "float32")
        if mask is not None:
            scores = ops.where(mask, scores, -1e9)
        weights = ops.softmax(scores, axis=-1)
        context = ops.sum(ops.expand_dims(ops.cast(weights, h.dtype), -1) * h, axis=1)
        return context, weights

    def compute_mask(self, inputs, mask=None):
        return None, None

    def get_config(self):
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), "hidden": self.hidden, "kernel_initializer": initializer}


@keras.saving.register_keras_serializable(_PACKAGE)
class StatisticsPooling(keras.layers.Layer):
    """Statistics over time, the SPU of Peng et al. (2021), Eq. 3.

    Args:
        statistics: one or more of "max", "mean" and "deviation", the standard deviation √(Σ(h_t - mean)² / steps). It is at
            least 1e-4, since the square root has no gradient at zero, the deviation of a single step or of equal steps.

    Inputs: h [batch, steps, units]; mask bool [batch, steps], True for real steps, of which there is at least one.
    Output: [batch, statistics, units].

    Raises:
        FieldError: a statistic is unknown, or there is none.
    """

    def __init__(self, statistics=("max", "mean", "deviation"), **kwargs):
        super().__init__(**kwargs)
        self.statistics = tuple(statistics)
        if not self.statistics or set(self.statistics) - {"max", "mean", "deviation"}:
            raise FieldError("statistics", self.statistics, "choose one or more of max, mean, deviation")

    def call(self, h, mask):
        real = ops.expand_dims(mask, -1)
        h = ops.cast(h, "float32")  # squares of bfloat16 would lose the deviation
        count = ops.sum(ops.cast(real, "float32"), axis=1)
        mean = ops.sum(ops.where(real, h, 0.0), axis=1) / count

        def deviation():
            squares = ops.where(real, ops.square(h - ops.expand_dims(mean, 1)), 0.0)
            return ops.sqrt(ops.maximum(ops.sum(squares, axis=1) / count, 1e-8))

        functions = {
            "max": lambda: ops.max(ops.where(real, h, -1e9), axis=1),
            "mean": lambda: mean,
            "deviation": deviation,
        }
        return ops.cast(ops.stack([functions[name]() for name in self.statistics], axis=1), self.compute_dtype)

    def compute_output_shape(self, h_shape, mask_shape=None):
        return (h_shape[0], len(self.statistics), h_shape[-1])

    def get_config(self):
        return {**super().get_config(), "statistics": list(self.statistics)}
