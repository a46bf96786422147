"""Layers that cut segments into overlapping windows and process them. They use Keras only, for any backend."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from acrnn.layers import AttentionPooling

_PACKAGE = "acrnn.windows"


@keras.saving.register_keras_serializable(_PACKAGE)
class Windows(layers.Layer):
    """Cuts segments into overlapping windows; the windows of one segment follow each other.

    Args:
        starts: first frame of each window.
        frames: number of frames in a window.

    Inputs: features [batch, frames, bands, channels]. Output: [batch * windows, window, bands, channels].
    """

    def __init__(self, starts, frames: int, **kwargs):
        super().__init__(**kwargs)
        self.starts, self.frames = tuple(starts), frames

    def call(self, features):
        parts = ops.stack([features[:, start : start + self.frames] for start in self.starts], axis=1)
        return ops.reshape(parts, (-1, self.frames, *features.shape[2:]))

    def compute_output_shape(self, shape):
        return (None, self.frames, *shape[2:])

    def get_config(self):
        return {**super().get_config(), "starts": self.starts, "frames": self.frames}


@keras.saving.register_keras_serializable(_PACKAGE)
class WindowSequence(layers.Layer):
    """Groups the values of windows by segment.

    Args:
        windows: number of windows in a segment.

    Inputs: [batch * windows, units]. Output: [batch, windows, units].
    """

    def __init__(self, windows: int, **kwargs):
        super().__init__(**kwargs)
        self.windows = windows

    def call(self, x):
        return ops.reshape(x, (-1, self.windows, x.shape[-1]))

    def compute_output_shape(self, shape):
        return (None, self.windows, shape[-1])

    def get_config(self):
        return {**super().get_config(), "windows": self.windows}


@keras.saving.register_keras_serializable(_PACKAGE)
class Pictures(layers.Layer):
    """Turns windows into pictures with three planes, bands as rows and frames as columns, by bilinear interpolation.

    Args:
        size: rows and columns of a picture.

    Inputs: windows [batch, frames, bands, channels]; plane n is channel n modulo the number of channels. Output: [batch,
    size, size, 3].
    """

    def __init__(self, size: int, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, windows):
        channels = windows.shape[-1]
        pictures = ops.transpose(windows, (0, 2, 1, 3))
        if channels < 3:
            pictures = ops.concatenate([pictures[..., n % channels : n % channels + 1] for n in range(3)], axis=-1)
        return ops.image.resize(pictures, (self.size, self.size), interpolation="bilinear")

    def compute_output_shape(self, shape):
        return (shape[0], self.size, self.size, 3)

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable(_PACKAGE)
class WindowMask(layers.Layer):
    """Mask of windows.

    Args:
        starts: first frame of each window.

    Inputs: num_frames int [batch], real frames of the segments. Output: bool [batch, windows], True where a window has a
    real frame.
    """

    def __init__(self, starts, **kwargs):
        super().__init__(**kwargs)
        self.starts = tuple(starts)

    def call(self, num_frames):
        starts = ops.convert_to_tensor(np.array(self.starts, np.int32))
        return ops.expand_dims(starts, 0) < ops.expand_dims(num_frames, 1)

    def compute_output_spec(self, num_frames):
        return keras.KerasTensor((num_frames.shape[0], len(self.starts)), "bool")

    def get_config(self):
        return {**super().get_config(), "starts": self.starts}


@keras.saving.register_keras_serializable(_PACKAGE)
class WindowAttention(AttentionPooling):
    """Attention over windows, Eq. 4 and 5, with weights by frame.

    Args:
        starts: first frame of each window.
        context_frames: frames in a window.
        frames: frames in a segment.
        masked: give no weight to windows without a real frame.

    Inputs: h [batch, windows, units]; num_frames int [batch]. Outputs: Σ α_i h_i [batch, units]; weights by frame float32
    [batch, frames]: the real frames of a window share its weight, so that the weights sum to one.
    """

    def __init__(self, starts, context_frames: int, frames: int, masked: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.starts, self.context_frames, self.frames, self.masked = tuple(starts), context_frames, frames, masked
        place = np.arange(frames)
        first = np.array(self.starts)[:, None]
        self.covers = ((place >= first) & (place < first + context_frames)).astype(np.float32)  # [windows, frames]

    def call(self, h, num_frames):
        real = ops.expand_dims(ops.arange(self.frames, dtype="int32"), 0) < ops.expand_dims(num_frames, 1)
        real = ops.cast(real, "float32") if self.masked else ops.ones_like(ops.cast(real, "float32"))
        counts = ops.matmul(real, self.covers.T)  # [batch, windows]
        context, weights = super().call(h, mask=counts > 0)
        return context, ops.matmul(weights / ops.maximum(counts, 1.0), self.covers) * real

    def compute_output_spec(self, h, num_frames):
        return keras.KerasTensor((h.shape[0], h.shape[-1]), self.compute_dtype), keras.KerasTensor(
            (h.shape[0], self.frames), "float32"
        )

    def get_config(self):
        return {
            **super().get_config(),
            "starts": self.starts,
            "context_frames": self.context_frames,
            "frames": self.frames,
            "masked": self.masked,
        }
