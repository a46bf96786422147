"""WAV files → waveforms inside a graph: decoding, mixing down, resampling, for a server that receives whole files."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

# A resampler has a row of weights for each phase: the number of output samples after which both rates coincide again.
MOST_PHASES = 640
RATES_HZ = (4000, 192000)  # other rates in a header are errors, or attacks on the memory of a server
_SHORTEST = 44  # bytes of a WAV file without samples
_BLOCK = 128  # least number of output samples per window of input, so that windows overlap little
_ZEROS = 24  # zero crossings of the sinc on each side
_PASSBAND = 0.95  # of the lower Nyquist rate


def decode(contents: tf.Tensor, sample_rate_hz: int, max_seconds: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes WAV files of 16 bits with any number of channels to mono waveforms.

    Args:
        contents: string [batch], whole files.
        sample_rate_hz: sampling rate of the waveforms. Files of other rates are resampled if the ratio of the rates is
            one of small numbers, as for all usual rates.
        max_seconds: longest file that is accepted.

    Returns:
        waveform float32 [batch, samples], zero beyond the end of each file; num_samples int32 [batch].

    Raises:
        tf.errors.InvalidArgumentError: a file is not a WAV file of 16 bits, is too long, or has an unusual rate.
    """

    def decode_row(entry: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        content, row = entry
        with tf.control_dependencies([_check_wav(content, row)]):
            samples, rate = tf.audio.decode_wav(content)
        with tf.control_dependencies([_check_length(samples, rate, max_seconds, row)]):
            mono = tf.reduce_mean(samples, axis=1)
        return tf.cond(rate == sample_rate_hz, lambda: mono, lambda: resample(mono, rate, sample_rate_hz))

    rows = tf.range(tf.shape(contents)[0])
    ragged = tf.map_fn(decode_row, (contents, rows), fn_output_signature=tf.RaggedTensorSpec([None], tf.float32))
    return ragged.to_tensor(), tf.cast(ragged.row_lengths(), tf.int32)


def _check_wav(content: tf.Tensor, row: tf.Tensor) -> tf.Operation:
    starts = tf.logical_and(tf.strings.length(content) >= _SHORTEST, tf.strings.substr(content, 0, 4) == "RIFF")
    return tf.debugging.Assert(starts, ["not a WAV file, in row", row])


def _check_length(samples: tf.Tensor, rate: tf.Tensor, max_seconds: float, row: tf.Tensor) -> tf.Operation:
    length = tf.cast(tf.shape(samples)[0], tf.float64) / tf.cast(rate, tf.float64)
    message = [f"a WAV longer than {max_seconds:g} s; cut it, in row", row, "it has", length]
    return tf.debugging.Assert(length <= max_seconds, message)


def resample(waveform: tf.Tensor, rate_hz: tf.Tensor, new_rate_hz: int) -> tf.Tensor:
    """Resamples a waveform by band-limited interpolation with a windowed sinc, with one row of weights for each phase.

    Args:
        waveform: float32 [samples].
        rate_hz: int32, sampling rate of the waveform, within RATES_HZ; new_rate_hz / rate_hz must be up / down with up
            at most MOST_PHASES.
        new_rate_hz: sampling rate of the result.

    Returns:
        float32 [round(samples · new rate / rate)].

    Raises:
        tf.errors.InvalidArgumentError: the rate is outside of these bounds.
    """
    up, down = _ratio(rate_hz, new_rate_hz)
    ratio = tf.cast(up, tf.float64) / tf.cast(down, tf.float64)
    cutoff = tf.minimum(ratio, 1.0) * _PASSBAND
    reach = tf.cast(tf.math.ceil(_ZEROS / cutoff), tf.int32)
    taps = down + 2 * reach
    count = tf.cast(tf.round(tf.cast(tf.shape(waveform)[0], tf.float64) * ratio), tf.int32)
    blocks = (count + up - 1) // up
    padding = [[reach, tf.maximum(0, (blocks - 1) * down + taps - reach - tf.shape(waveform)[0])]]
    framed = tf.signal.frame(tf.pad(waveform, padding), taps, down)[:blocks]
    moments = tf.cast(reach, tf.float64) + tf.cast(tf.range(up), tf.float64) / ratio
    distance = tf.cast(tf.range(taps), tf.float64)[:, None] - moments[None]
    weights = tf.cast(_windowed_sinc(distance, cutoff, tf.cast(reach, tf.float64)), tf.float32)
    return tf.reshape(tf.matmul(framed, weights), [-1])[:count]


def _ratio(rate_hz: tf.Tensor, new_rate_hz: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns up and down: a window of `down` input samples gives `up` output samples. Refuses unusual rates first."""
    shared = _greatest_common_divisor(rate_hz, tf.constant(new_rate_hz))
    usual = tf.logical_and(rate_hz >= RATES_HZ[0], rate_hz <= RATES_HZ[1])
    possible = tf.logical_and(usual, new_rate_hz // shared <= MOST_PHASES)
    message = [f"a rate that cannot be resampled to {new_rate_hz} Hz in the graph; convert the file:", rate_hz]
    with tf.control_dependencies([tf.debugging.Assert(possible, message)]):
        up, down = new_rate_hz // shared, rate_hz // shared
        windows = (_BLOCK + up - 1) // up
        return up * windows, down * windows


def _windowed_sinc(distance: tf.Tensor, cutoff: tf.Tensor, reach: tf.Tensor) -> tf.Tensor:
    angle = np.pi * cutoff * distance
    sinc = tf.where(angle == 0, tf.ones_like(angle), tf.sin(angle) / tf.where(angle == 0, tf.ones_like(angle), angle))
    window = tf.where(tf.abs(distance) < reach, tf.cos(np.pi / 2 * distance / reach) ** 2, tf.zeros_like(distance))
    return cutoff * sinc * window


def _greatest_common_divisor(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    return tf.while_loop(lambda a, b: b > 0, lambda a, b: (b, a % b), (first, second))[0]
