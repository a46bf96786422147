"""Layers that know which frames are real: normalization, masking, pooling. Keras alone, on any backend."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import keras
import numpy as np
from keras import ops

_PACKAGE = "acrnn"
_ROUNDING = 1e-6  # of a value: a few steps of float32


def zero_padding(features, mask):
    """Features [batch, frames, …] with zeros where mask [batch, frames] is False."""
    real = ops.cast(mask, features.dtype)
    for _ in range(len(features.shape) - 2):
        real = ops.expand_dims(real, -1)
    return features * real


@keras.saving.register_keras_serializable(_PACKAGE)
class FeatureNormalization(keras.layers.Layer):
    """(features - mean) / standard deviation, with statistics of real training frames; then padded frames get their value.

    Args:
        statistics: what shares a mean and a deviation: "channel" (static, delta, delta-delta each have one, the
            "global mean and standard deviation" of Chen et al. 2018, Section III-A) or "band" (each band of each channel).
        padding: "mean" sets padded frames to zero, the training mean; "zero" leaves raw zeros to be normalized.
        centered: first take from the first channel its mean over the real frames of the segment, band by band (cepstral
            mean normalization, in log-Mels): what a voice and a microphone add to every frame of a recording goes.

    Inputs: features [batch, frames, bands, channels]; mask [batch, frames], or None where all are real. Output: the shape
    of features.
    """

    def __init__(
        self,
        statistics: Literal["channel", "band"] = "channel",
        padding: Literal["mean", "zero"] = "mean",
        centered: bool = False,
        **kwargs,
    ):
        # Log-Mels of -4.6 ± 4 lose a per cent of a deviation in bfloat16, so they stay in float32 until normalized.
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
        """Takes mean and deviation from batches of (features, num_frames), over real frames only, in one pass.

        Where all values are equal but for rounding, the deviation is 1: divided by next to nothing, another value, which
        training never saw, would outweigh everything else.
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
    """Features [batch, frames, bands, channels] whose first channel has mean zero over the frames of the mask."""
    static = features[..., 0]
    real = ops.cast(ops.expand_dims(mask, -1), static.dtype)
    mean = ops.sum(static * real, axis=1, keepdims=True) / ops.maximum(ops.sum(real, axis=1, keepdims=True), 1)
    return ops.concatenate([ops.expand_dims(static - mean, -1), features[..., 1:]], axis=-1)


@keras.saving.register_keras_serializable(_PACKAGE)
class FrameMask(keras.layers.Layer):
    """Mask [batch, frames], True where a frame is real, after time has been pooled by a factor.

    Inputs: num_frames [batch], counted before pooling. A pooled frame is real when any frame in it is.
    """

    def __init__(self, frames: int, pooled_by: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.frames, self.pooled_by = frames, pooled_by

    def call(self, num_frames):
        pooled = (num_frames + self.pooled_by - 1) // self.pooled_by  # ONNX rounds quotients of negatives up
        return ops.expand_dims(ops.arange(self.frames, dtype="int32"), 0) < ops.expand_dims(pooled, 1)

    def compute_output_spec(self, num_frames):
        return keras.KerasTensor((num_frames.shape[0], self.frames), "bool")

    def get_config(self):
        return {**super().get_config(), "frames": self.frames, "pooled_by": self.pooled_by}


# Networks that were saved when DNN-ELM alone had it know it by this package.
@keras.saving.register_keras_serializable("acrnn.han2014")
class RealFrames(keras.layers.Layer):
    """Mask [batch, frames], True where a frame, or a word, is real, for any number of them.

    Inputs: features [batch, frames, …]; num_frames [batch].
    """

    def call(self, features, num_frames):
        positions = ops.arange(ops.shape(features)[1], dtype="int32")
        return ops.expand_dims(positions, 0) < ops.expand_dims(num_frames, 1)

    def compute_output_spec(self, features, num_frames):
        return keras.KerasTensor(features.shape[:2], "bool")


@keras.saving.register_keras_serializable(_PACKAGE)
class MaskFrames(keras.layers.Layer):
    """Features with padded frames set to zero, so that nothing a convolution wrote there reaches a real frame.

    Inputs: features [batch, frames, …]; mask [batch, frames]. Output: the shape of features.
    """

    def call(self, features, mask):
        return zero_padding(features, mask)


@keras.saving.register_keras_serializable(_PACKAGE)
class AttentionPooling(keras.layers.Layer):
    """Weighted sum over time, Chen et al. (2018), Eq. 4 and 5: α_t = softmax_t(W·h_t), c = Σ_t α_t h_t.

    Args:
        hidden: 0 scores h_t itself, as the paper does; n > 0 scores n sigmoid units of it (the authors' code has one).

    Inputs: h [batch, steps, units]; mask [batch, steps], True where a step is real, or None.
    Outputs: c [batch, units]; α [batch, steps] float32, zero where masked, summing to one.
    """

    def __init__(self, hidden: int = 0, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.hidden = hidden
        self.supports_masking = True  # takes the mask and, having summed over time, passes none on
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
        statistics: some of "max", "mean" and "deviation", the standard deviation Σ(h_t - mean)² / steps under a root. It is
            1e-4 at least: the root of zero, the deviation of one step or of steps that are all equal, has no slope.

    Inputs: h [batch, steps, units]; mask [batch, steps], True where a step is real, one at least.
    Output: [batch, statistics, units].
    """

    def __init__(self, statistics=("max", "mean", "deviation"), **kwargs):
        super().__init__(**kwargs)
        self.statistics = tuple(statistics)
        if not self.statistics or set(self.statistics) - {"max", "mean", "deviation"}:
            raise ValueError(f"statistics {statistics!r}: choose from max, mean, deviation, one at least")

    def call(self, h, mask):
        real = ops.expand_dims(mask, -1)
        h = ops.cast(h, "float32")  # squares of bfloat16 would lose the deviation
        count = ops.sum(ops.cast(real, "float32"), axis=1)
        mean = ops.sum(ops.where(real, h, 0.0), axis=1) / count

        def deviation():
            squares = ops.where(real, ops.square(h - ops.expand_dims(mean, 1)), 0.0)
            return ops.sqrt(ops.maximum(ops.sum(squares, axis=1) / count, 1e-8))

        made = {"max": lambda: ops.max(ops.where(real, h, -1e9), axis=1), "mean": lambda: mean, "deviation": deviation}
        return ops.cast(ops.stack([made[name]() for name in self.statistics], axis=1), self.compute_dtype)

    def compute_output_shape(self, h_shape, mask_shape=None):
        return (h_shape[0], len(self.statistics), h_shape[-1])

    def get_config(self):
        return {**super().get_config(), "statistics": list(self.statistics)}
