"""WAV files → waveforms inside a graph: decoding, mixing down, resampling, for a server that receives whole files."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from acrnn.export import row_checks, wav_header

# A resampler has a row of weights for each phase: the number of output samples after which both rates coincide again.
MOST_PHASES = 640
RATES_HZ = (4000, 192000)  # other rates in a header are errors, or attacks on the memory of a server
_BLOCK = 128  # least number of output samples per window of input, so that windows overlap little
_ZEROS = 24  # zero crossings of the sinc on each side
_PASSBAND = 0.95  # of the lower Nyquist rate


def decode(contents: tf.Tensor, sample_rate_hz: int, max_seconds: float) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Decodes WAV files of 16 bits with any number of channels to mono waveforms.

    Args:
        contents: string [batch], whole files.
        sample_rate_hz: sampling rate of the waveforms. Files of other rates are resampled if the ratio of the rates is
            one of small numbers, as for all usual rates.
        max_seconds: longest file that is accepted.

    Returns:
        waveform float32 [batch, samples], zero beyond the end of each file; num_samples int32 [batch]; int32 [batch], for
        each file that cannot be used the code of its error, a key in `model_card.ROW_ERRORS`, and 0 for the others. A file
        with an error has no samples.
    """

    def decode_row(content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        header = wav_header.read(content)
        code = _code(header, sample_rate_hz, max_seconds)

        def decoded() -> tf.Tensor:
            mono, rate = tf.reduce_mean(header.samples(), axis=1), header.rate_hz
            return tf.cond(rate == sample_rate_hz, lambda: mono, lambda: resample(mono, rate, sample_rate_hz))

        return tf.cond(code > 0, lambda: tf.zeros([0], tf.float32), decoded), code

    signature = (tf.RaggedTensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32))
    ragged, codes = tf.map_fn(decode_row, contents, fn_output_signature=signature)
    return ragged.to_tensor(), tf.cast(ragged.row_lengths(), tf.int32), codes


def _code(header: wav_header.Header, sample_rate_hz: int, max_seconds: float) -> tf.Tensor:
    """Returns the code of the error of a file, int32 []."""
    seconds = tf.cast(header.num_frames, tf.float64) / tf.cast(header.rate_hz, tf.float64)
    return row_checks.first_code(
        [
            (10, ~header.is_wav),
            (11, ~header.is_pcm16),
            (12, ~header.is_whole),
            (13, ~_can_resample(header.rate_hz, sample_rate_hz)),
            (3, seconds > max_seconds),
        ]
    )


def resample(waveform: tf.Tensor, rate_hz: tf.Tensor, new_rate_hz: int) -> tf.Tensor:
    """Resamples a waveform by band-limited interpolation with a windowed sinc, with one row of weights for each phase.

    Args:
        waveform: float32 [samples].
        rate_hz: int32, sampling rate of the waveform, see `_can_resample`.
        new_rate_hz: sampling rate of the result.

    Returns:
        float32 [round(samples · new rate / rate)].
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


def _can_resample(rate_hz: tf.Tensor, new_rate_hz: int) -> tf.Tensor:
    """Returns whether a rate is within RATES_HZ, and new_rate_hz / rate_hz is up / down with up at most MOST_PHASES."""
    is_usual = (rate_hz >= RATES_HZ[0]) & (rate_hz <= RATES_HZ[1])
    return is_usual & (new_rate_hz // _greatest_common_divisor(rate_hz, tf.constant(new_rate_hz)) <= MOST_PHASES)


def _ratio(rate_hz: tf.Tensor, new_rate_hz: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns up and down: a window of `down` input samples gives `up` output samples."""
    shared = _greatest_common_divisor(rate_hz, tf.constant(new_rate_hz))
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
