"""Sound files → waveforms, in blocks, so that memory does not depend on the sampling rate or the number of channels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

import numpy as np

from acrnn.audio import media, sndfile
from acrnn.audio.containers import check_size
from acrnn.audio.kinds import CONTAINERS, DEMUXERS, kind_of
from acrnn.audio.source import Content, opened
from acrnn.audio.track import Track, check_part
from acrnn.audio.waveform import MOST_CHANNELS, AudioError, Levels, finite, mono
from acrnn.reading import foreign_errors

Source = str | Path | Content
LONGEST_SECONDS = 3600.0  # of a waveform
_RATES_HZ = (1000, 1_000_000)  # other rates in a header are errors
_MOST_VALUES = 2**32  # of all channels together, of the part that is decoded: bounds the time
_EIGHT_BIT = {"PCM_U8", "PCM_S8"}


def load_waveform(
    source: Source,
    sample_rate_hz: int,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
) -> np.ndarray:
    """Reads a sound file, mixes it down to mono and resamples it.

    Args:
        source: WAV, FLAC, Ogg, MP3 or any other file that libsndfile reads, with up to 32 channels; m4a, webm, a video and so on
            where PyAV or ffmpeg is installed: its first sound track.
        sample_rate_hz: sampling rate of the result, in Hz.
        start_seconds: start of the part to read; None reads from the start of the file.
        end_seconds: end of the part to read; None reads to the end of the file.

    Returns:
        float32 [samples] in [-1, 1], or slightly beyond where resampling overshoots.

    Raises:
        FileNotFoundError: the file does not exist.
        AudioError: the file is no regular one, empty, truncated, not audio, in another format than its extension says, 8-bit
            or silent, or has NaN or infinite samples; or the part lies outside the file, or is longer than an hour.
    """
    name = str(source)
    with _decoded(source) as track:
        _check_format(name, track)
        begin, stop = _sample_range(name, track, start_seconds, end_seconds)
        if stop is not None:
            _check_amount(name, track, stop - begin)
        return _waveform(name, track, begin, stop, sample_rate_hz)


def blocks(source: Source) -> Iterator[np.ndarray]:
    """Reads a sound file of any length in blocks, mixed down to mono; memory does not depend on the length.

    Args:
        source: see `load_waveform`.

    Yields:
        float32 [samples] in [-1, 1], at the sampling rate of the file.

    Raises:
        FileNotFoundError, AudioError: see `load_waveform`; blocks of silence are read.
    """
    name = str(source)
    with _decoded(source) as track:
        _check_format(name, track)
        for block in track.blocks(0, None):
            yield finite(mono(block, name), name)


def duration_seconds(source: Source) -> float:
    """Duration of a sound file according to its header; 0 if it states none or cannot be read, an error of `load_waveform`."""
    try:
        with _decoded(source) as track:
            return track.stated_seconds
    except (AudioError, OSError):
        return 0.0


def sample_rate_hz(source: Source) -> int:
    """Sampling rate of a sound file, in Hz; for errors see `load_waveform`."""
    with _decoded(source) as track:
        return track.sample_rate_hz


@contextmanager
def _decoded(source: Source) -> Iterator[Track]:
    """Opens a sound file whose structure is sound; errors of the block and of the decoders name the file."""
    name = str(source)
    with foreign_errors(name, "not readable as audio", sndfile.REMEDY, AudioError), opened(source) as file:
        if kind := kind_of(file):
            check_size(file, name, kind)
            with media.opened_track(source, file, kind) as track:
                yield track
        else:
            with sndfile.opened_track(name, file) as track:
                yield track


def _check_format(name: str, track: Track) -> None:
    suffix = PurePath(name).suffix
    allowed = (CONTAINERS | DEMUXERS).get(suffix.lower())
    if allowed and track.format not in allowed:
        raise AudioError(f"{name}: holds {track.format} data behind the extension {suffix}; rename it or convert it")
    if track.subtype in _EIGHT_BIT:
        raise AudioError(
            f"{name}: 8-bit samples ({track.subtype}), whose noise drowns quiet speech; "
            "use the 16-bit original (or convert it to 16 bit to accept the loss)"
        )
    if not _RATES_HZ[0] <= track.sample_rate_hz <= _RATES_HZ[1]:
        raise AudioError(f"{name}: {track.sample_rate_hz} Hz, which is no rate of speech; record or convert it again")
    if track.channels > MOST_CHANNELS:
        raise AudioError(f"{name}: {track.channels} channels; up to {MOST_CHANNELS} are read, convert it to mono")
    if track.num_samples == 0:
        raise AudioError(f"{name}: holds no samples; record it again or leave it out")


def _sample_range(
    name: str, track: Track, start_seconds: float | None, end_seconds: float | None
) -> tuple[int, int | None]:
    """First sample of the part and the first one after it; None for the end of a track without an exact length."""
    rate = track.sample_rate_hz
    # limits huge times, whose product with the rate would overflow
    longest = 1e9 if track.num_samples is None else 2 * track.num_samples / rate
    begin = 0 if start_seconds is None else round(min(start_seconds, longest) * rate)
    stop = track.num_samples if end_seconds is None else round(min(end_seconds, longest) * rate)
    if begin < 0 or (stop is not None and stop <= begin):
        raise AudioError(
            f"{name}: the part {start_seconds} s to {end_seconds} s is empty or starts before 0; correct it"
        )
    if track.num_samples is None or stop is None:
        return begin, stop
    check_part(name, rate, track.num_samples, begin, stop)
    return begin, min(stop, track.num_samples)


def _check_amount(name: str, track: Track, count: int) -> None:
    seconds = count / track.sample_rate_hz
    if seconds > LONGEST_SECONDS or count * track.channels > _MOST_VALUES:
        raise AudioError(
            f"{name}: {math.ceil(seconds)} s or more of {track.channels} channels at {track.sample_rate_hz} Hz; up to "
            f"{LONGEST_SECONDS:g} s are read at once, cut it or convert it"
        )


def _waveform(name: str, track: Track, begin: int, stop: int | None, new_rate_hz: int) -> np.ndarray:
    """Decodes the samples of a range to a mono waveform at another rate, and checks them."""
    import soxr

    levels, parts = Levels(), []
    stream = None
    if track.sample_rate_hz != new_rate_hz:
        stream = soxr.ResampleStream(track.sample_rate_hz, new_rate_hz, 1, dtype="float32", quality="HQ")
    for channels in track.blocks(begin, stop):
        mixed = channels.mean(axis=1)
        levels.add(mixed, channels)
        _check_amount(name, track, levels.count)
        parts.append(stream.resample_chunk(mixed) if stream else mixed)
    levels.check(name)
    if stream:
        parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(parts)
