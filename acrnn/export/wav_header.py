"""Headers of WAV files inside a graph: format, rate and place of the samples, without an error for a file that is none.

`tf.audio.decode_wav` fails on such a file, and with it the batch that the file is part of.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

_PCM, _EXTENSIBLE = 1, 0xFFFE
_MOST_CHUNKS = 100  # before the samples; bounds the time for a file of empty chunks
_LONGEST_READ = 64  # bytes beyond the end that may be read as zeros


class Header(NamedTuple):
    """Header of a WAV file, all scalars.

    Attributes:
        content: string, the file, followed by zeros.
        is_wav: bool, whether the file is a WAV file with a format and samples.
        is_pcm16: bool, whether the samples are 16-bit integers.
        is_whole: bool, whether the file holds as many samples as it states.
        channels: int32.
        rate_hz: int32; the greatest int32 for larger ones.
        start: int32, first byte of the samples.
        num_frames: int32, number of samples of each channel.
    """

    content: tf.Tensor
    is_wav: tf.Tensor
    is_pcm16: tf.Tensor
    is_whole: tf.Tensor
    channels: tf.Tensor
    rate_hz: tf.Tensor
    start: tf.Tensor
    num_frames: tf.Tensor

    def samples(self) -> tf.Tensor:
        """Returns the samples, float32 [frames, channels] in [-1, 1]; the header must be that of a whole file of 16 bits."""
        raw = tf.strings.substr(self.content, self.start, 2 * self.num_frames * self.channels)
        return tf.reshape(tf.cast(tf.io.decode_raw(raw, tf.int16), tf.float32) / 32768, [-1, self.channels])


def read(content: tf.Tensor) -> Header:
    """Returns the header of a file.

    Args:
        content: string, the whole file.
    """
    length = tf.cast(tf.strings.length(content), tf.int64)
    content = tf.strings.join([content, tf.constant(bytes(_LONGEST_READ))])
    is_riff = (tf.strings.substr(content, 0, 4) == "RIFF") & (tf.strings.substr(content, 8, 4) == "WAVE")
    form, data, size = _chunks(content, length)
    kind, channels, rate = (_number(content, form + place, count) for place, count in ((0, 2), (2, 2), (4, 4)))
    kind = tf.where(kind == _EXTENSIBLE, _number(content, form + 24, 2), kind)
    is_pcm16 = (kind == _PCM) & (_number(content, form + 14, 2) == 16)
    return Header(
        content,
        is_riff & (form > 0) & (data > 0) & (channels > 0),
        is_pcm16,
        data + size <= length,
        tf.cast(channels, tf.int32),
        tf.cast(tf.minimum(rate, tf.int32.max), tf.int32),
        tf.cast(data, tf.int32),
        tf.cast(tf.minimum(size // (2 * tf.maximum(channels, 1)), tf.int32.max), tf.int32),
    )


def _chunks(content: tf.Tensor, length: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the first bytes of the format and of the samples, and the bytes of the samples, int64; 0 for a missing part."""

    def is_before_samples(place: tf.Tensor, form: tf.Tensor, data: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        return (data == 0) & (place + 8 <= length)

    def next_chunk(place: tf.Tensor, form: tf.Tensor, data: tf.Tensor, size: tf.Tensor) -> tuple[tf.Tensor, ...]:
        name, count = tf.strings.substr(content, place, 4), _number(content, place + 4, 4)
        is_data = name == "data"
        return (
            place + 8 + count + count % 2,
            tf.where(name == "fmt ", place + 8, form),
            tf.where(is_data, place + 8, data),
            tf.where(is_data, count, size),
        )

    none = tf.constant(0, tf.int64)
    state = (tf.constant(12, tf.int64), none, none, none)
    return tf.while_loop(is_before_samples, next_chunk, state, maximum_iterations=_MOST_CHUNKS)[1:]


def _number(content: tf.Tensor, place: tf.Tensor, count: int) -> tf.Tensor:
    """Returns `count` bytes at a place as a number without sign, the lowest byte first, int64."""
    values = tf.cast(tf.io.decode_raw(tf.strings.substr(content, place, count), tf.uint8), tf.int64)
    return tf.reduce_sum(values * tf.constant([256**power for power in range(count)], tf.int64))
