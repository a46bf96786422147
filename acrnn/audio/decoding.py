"""Sound files → waveforms, in blocks, so that memory does not depend on the sampling rate or the number of channels."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from acrnn.audio import mpeg
from acrnn.audio.containers import repaired, whole
from acrnn.audio.folders import CONTAINERS
from acrnn.audio.source import Content, opened
from acrnn.audio.waveform import MOST_CHANNELS, AudioError, Levels, finite, mono
from acrnn.reading import foreign_errors

if TYPE_CHECKING:
    from soundfile import SoundFile

Source = str | Path | Content
LONGEST_SECONDS = 3600.0  # of a waveform
_RATES_HZ = (1000, 1_000_000)  # other rates in a header are errors
_MOST_VALUES = 2**32  # of all channels together, of the part that is decoded: bounds the time
_BLOCK_FRAMES = 4096
_UNKNOWN_FRAMES = 2**62  # and more: libsndfile's number for a stream without a length
_EIGHT_BIT = {"PCM_U8", "PCM_S8"}
_REMEDY = "convert it to 16-bit WAV or FLAC"


def load_waveform(
    source: Source,
    sample_rate_hz: int,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
) -> np.ndarray:
    """Reads a sound file, mixes it down to mono and resamples it.

    Args:
        source: WAV, FLAC, Ogg, MP3 or any other file that libsndfile reads, with up to 32 channels.
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
    with _decoded(source) as file:
        _check_format(name, file)
        begin, stop = _sample_range(name, file, start_seconds, end_seconds)
        _check_amount(name, file, stop - begin)
        return _waveform(name, file, begin, stop, sample_rate_hz)


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
    with _decoded(source) as file:
        _check_format(name, file)
        for block in _blocks(name, file, file.frames):
            yield finite(mono(block, name), name)


def duration_seconds(source: Source) -> float:
    """Duration of a sound file according to its header; 0 if it cannot be read, which `load_waveform` reports as an error."""
    try:
        with _decoded(source) as file:
            return file.frames / file.samplerate if file.frames < _UNKNOWN_FRAMES else 0.0
    except (AudioError, OSError):
        return 0.0


def sample_rate_hz(source: Source) -> int:
    """Sampling rate of a sound file, in Hz; for errors see `load_waveform`."""
    with _decoded(source) as file:
        return file.samplerate


@contextmanager
def _decoded(source: Source) -> Iterator[SoundFile]:
    """Opens a sound file whose structure is sound; errors of the block and of libsndfile name the file."""
    import soundfile

    name = str(source)
    with foreign_errors(name, "not readable as audio", _REMEDY, AudioError), opened(source) as file:
        try:
            with soundfile.SoundFile(repaired(file, name)) as sound:
                if sound.format not in CONTAINERS[".mp3"]:
                    yield sound
                    return
            with soundfile.SoundFile(io.BytesIO(mpeg.with_length(whole(file, name), name))) as sound:
                yield sound
        except soundfile.LibsndfileError as error:
            raise AudioError(f"{name}: not readable as audio ({error.error_string}); {_REMEDY}") from error


def _check_format(name: str, file: SoundFile) -> None:
    suffix = PurePath(name).suffix
    allowed = CONTAINERS.get(suffix.lower())
    if allowed and file.format not in allowed:
        raise AudioError(f"{name}: holds {file.format} data behind the extension {suffix}; rename it or convert it")
    if file.subtype in _EIGHT_BIT:
        raise AudioError(
            f"{name}: 8-bit samples ({file.subtype}), whose noise drowns quiet speech; "
            "use the 16-bit original (or convert it to 16 bit to accept the loss)"
        )
    if not _RATES_HZ[0] <= file.samplerate <= _RATES_HZ[1]:
        raise AudioError(f"{name}: {file.samplerate} Hz, which is no rate of speech; record or convert it again")
    if file.channels > MOST_CHANNELS:
        raise AudioError(f"{name}: {file.channels} channels; up to {MOST_CHANNELS} are read, convert it to mono")
    if file.frames == 0:
        raise AudioError(f"{name}: holds no samples; record it again or leave it out")
    if file.frames >= _UNKNOWN_FRAMES:
        raise AudioError(f"{name}: its header does not state its length, since it was a stream; {_REMEDY}")


def _sample_range(
    name: str, file: SoundFile, start_seconds: float | None, end_seconds: float | None
) -> tuple[int, int]:
    """First sample of the part and the first one after it."""
    longest = 2 * file.frames / file.samplerate  # limits huge times, whose product with the rate would overflow
    begin = 0 if start_seconds is None else round(min(start_seconds, longest) * file.samplerate)
    stop = file.frames if end_seconds is None else round(min(end_seconds, longest) * file.samplerate)
    if not 0 <= begin < stop:
        raise AudioError(
            f"{name}: the part {start_seconds} s to {end_seconds} s is empty or starts before 0; correct it"
        )
    # Rounded times in a table may lie a few milliseconds past the end; later ones are errors in the table.
    if begin >= file.frames or stop > file.frames + file.samplerate // 100:
        raise AudioError(
            f"{name}: the part {start_seconds} s to {end_seconds} s is not in it, "
            f"it ends at {file.frames / file.samplerate:.3f} s; correct it"
        )
    return begin, min(stop, file.frames)


def _check_amount(name: str, file: SoundFile, count: int) -> None:
    seconds = count / file.samplerate
    if seconds > LONGEST_SECONDS or count * file.channels > _MOST_VALUES:
        raise AudioError(
            f"{name}: {seconds:.0f} s of {file.channels} channels at {file.samplerate} Hz, according to its header; up to "
            f"{LONGEST_SECONDS:g} s are read at once, cut it or convert it"
        )


def _waveform(name: str, file: SoundFile, begin: int, stop: int, new_rate_hz: int) -> np.ndarray:
    """Decodes the samples of a range to a mono waveform at another rate, and checks them."""
    import soxr

    levels, parts = Levels(), []
    stream = None
    if file.samplerate != new_rate_hz:
        stream = soxr.ResampleStream(file.samplerate, new_rate_hz, 1, dtype="float32", quality="HQ")
    file.seek(begin)
    for channels in _blocks(name, file, stop - begin):
        mixed = channels.mean(axis=1)
        levels.add(mixed, channels)
        parts.append(stream.resample_chunk(mixed) if stream else mixed)
    levels.check(name)
    if stream:
        parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(parts)


def _blocks(name: str, file: SoundFile, count: int) -> Iterator[np.ndarray]:
    """Decodes samples float32 [samples, channels], block by block; a file that ends before is refused."""
    import soundfile

    file.seekable = lambda: False  # else soundfile seeks after each block, which loses sound of MP3
    done = 0
    while done < count:
        try:
            block = file.read(min(_BLOCK_FRAMES, count - done), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioError(
                f"{name}: truncated or damaged after {done / file.samplerate:.2f} s, before the {count} samples that its header "
                "states; copy or export it again"
            ) from error
        if not len(block):
            raise AudioError(f"{name}: truncated, {done} of {count} samples are there; copy or export it again")
        done += len(block)
        yield block
