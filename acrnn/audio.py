"""Reads sound files as mono float32 waveforms in [-1, 1] at the sampling rate of a front end. Errors name the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from soundfile import SoundFile

# Containers that libsndfile may report for an extension; files with other extensions are not checked.
_CONTAINERS = {
    ".wav": {"WAV", "WAVEX", "RF64", "W64", "NIST"},
    ".flac": {"FLAC"},
    ".ogg": {"OGG"},
    ".oga": {"OGG"},
    ".opus": {"OGG"},
    ".mp3": {"MP3", "MPEG"},
}
_EIGHT_BIT = {"PCM_U8", "PCM_S8"}
_LARGEST_OGG_PAGE = 65307
_MOST_CHANNELS = 32  # more are a transposed array
_LOUDEST = 8.0  # times full scale; louder samples are in another unit
_STREAMED = (0, 0xFFFFFFFF)  # data sizes in the WAV headers of streams, whose length was unknown at first


class AudioError(ValueError):
    """An unusable sound file; the message names the file, the problem and the remedy."""


def load_waveform(
    path: str | Path,
    sample_rate_hz: int,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
) -> np.ndarray:
    """Reads a sound file, mixes it down to mono and resamples it.

    Args:
        path: WAV, FLAC, Ogg, MP3 or any other file that libsndfile reads, with any rate and number of channels.
        sample_rate_hz: sampling rate of the result, in Hz.
        start_seconds: start of the part to read; None reads from the start of the file.
        end_seconds: end of the part to read; None reads to the end of the file.

    Returns:
        float32 [samples] in [-1, 1], or slightly beyond where resampling overshoots.

    Raises:
        FileNotFoundError: the file does not exist.
        AudioError: the file is empty, truncated, not audio, in another format than its extension says, 8-bit or silent,
            or has NaN or infinite samples; or the part lies outside the file.
    """
    path = Path(path)
    samples, rate_hz = _decode(path, start_seconds, end_seconds)
    return resampled(check_waveform(samples.mean(axis=1), str(path)), rate_hz, sample_rate_hz)


def blocks(path: str | Path, seconds: float = 10.0) -> Iterator[np.ndarray]:
    """Reads a sound file of any length in blocks, mixed down to mono; memory does not depend on the length.

    Args:
        path: see `load_waveform`.
        seconds: length of a block.

    Yields:
        float32 [samples] in [-1, 1], at the sampling rate of the file.

    Raises:
        FileNotFoundError, AudioError: see `load_waveform`; blocks of silence are read.
    """
    path = Path(path)
    with _opened(path) as file:
        file.seekable = lambda: False  # else soundfile seeks after each block, which can lose sound of MP3
        size, count = round(seconds * file.samplerate), 0
        while len(block := file.read(size, dtype="float32", always_2d=True)):
            count += len(block)
            yield finite(mono(block, str(path)), str(path))
        _check_complete(path, count, file.frames)


def resampled(waveform: np.ndarray, rate_hz: int, new_rate_hz: int) -> np.ndarray:
    """Resamples a waveform float32 [samples] from one sampling rate to another, in Hz."""
    if rate_hz == new_rate_hz:
        return waveform
    import soxr

    return soxr.resample(waveform, rate_hz, new_rate_hz, quality="HQ")


def mono(samples: np.ndarray, name: str) -> np.ndarray:
    """Converts samples into a mono waveform float32 [samples] in [-1, 1].

    Args:
        samples: [samples] or [samples, channels]; float in [-1, 1], or int16.
        name: name of the samples in error messages.

    Raises:
        AudioError: the samples have another shape or type, or floats are far outside [-1, 1].
    """
    samples = np.asarray(samples)
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and not 1 <= samples.shape[1] <= _MOST_CHANNELS):
        raise AudioError(f"{name}: an array of shape {samples.shape}; pass [samples] or [samples, channels]")
    if samples.dtype == np.int16:
        samples = samples / np.float32(32768)
    elif not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(f"{name}: samples of type {samples.dtype}; pass floats in [-1, 1] or int16")
    elif samples.size and np.nanmax(np.abs(samples)) > _LOUDEST and np.isfinite(samples).all():
        raise AudioError(f"{name}: samples up to {np.abs(samples).max():g}; pass floats in [-1, 1] or int16")
    samples = samples.astype(np.float32)
    return samples.mean(axis=1) if samples.ndim == 2 else samples


def duration_seconds(path: str | Path) -> float:
    """Duration of a sound file according to its header; 0 if it cannot be read, which `load_waveform` reports as an error."""
    import soundfile

    try:
        return soundfile.info(path).duration
    except (soundfile.LibsndfileError, OSError):
        return 0.0


def sample_rate_hz(path: str | Path) -> int:
    """Sampling rate of a sound file, in Hz; for errors see `load_waveform`."""
    with _opened(Path(path)) as file:
        return file.samplerate


def check_waveform(waveform: np.ndarray, name: str) -> np.ndarray:
    """Returns a waveform [samples] unchanged if it can be analyzed.

    Args:
        waveform: float [samples].
        name: name of the waveform in error messages.

    Raises:
        AudioError: there are no samples, some are not finite, or all are equal.
    """
    if waveform.size == 0:
        raise AudioError(f"{name}: holds no samples; record it again or leave it out")
    finite(waveform, name)
    if waveform.min() == waveform.max():
        raise AudioError(
            f"{name}: all {waveform.size} samples are {waveform[0]:g}, silence; record it again or leave it out"
        )
    return waveform


def finite(waveform: np.ndarray, name: str) -> np.ndarray:
    """Returns a waveform [samples] unchanged if all samples are finite.

    Args:
        waveform: float [samples].
        name: name of the waveform in error messages.

    Raises:
        AudioError: some samples are NaN or infinite.
    """
    if count := int(waveform.size - np.isfinite(waveform).sum()):
        raise AudioError(
            f"{name}: {count} of {waveform.size} samples are NaN or infinite; export it again or leave it out"
        )
    return waveform


def _decode(path: Path, start_seconds: float | None, end_seconds: float | None) -> tuple[np.ndarray, int]:
    """Reads samples float32 [samples, channels] and the sampling rate in Hz."""
    with _opened(path) as file:
        begin, stop = _sample_range(path, file, start_seconds, end_seconds)
        file.seek(begin)
        samples = file.read(stop - begin, dtype="float32", always_2d=True)
        _check_complete(path, len(samples), stop - begin)
        return samples, file.samplerate


@contextmanager
def _opened(path: Path) -> Iterator[SoundFile]:
    """Opens a sound file that passes the checks; errors of libsndfile in the block name the file."""
    import soundfile

    _check_file(path)
    try:
        with soundfile.SoundFile(path) as file:
            _check_format(path, file)
            yield file
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{path}: not readable as audio ({error.error_string}); convert it to 16-bit WAV or FLAC"
        ) from error


def _check_complete(path: Path, count: int, expected: int) -> None:
    if count < expected:
        raise AudioError(f"{path}: truncated, {count} of {expected} samples are there; copy or export it again")


def _check_file(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such sound file; check the path or the corpus folder")
    if not path.is_file():
        raise AudioError(f"{path}: a folder, not a sound file")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: empty, 0 bytes; copy it again or leave it out")
    if missing := _missing_wav_bytes(path):
        raise AudioError(f"{path}: truncated, {missing} bytes less than its header says; copy or export it again")
    if _ogg_has_no_end(path):
        raise AudioError(f"{path}: truncated, the end of its Ogg stream is missing; copy or export it again")


def _missing_wav_bytes(path: Path) -> int:
    """Number of bytes missing from the data chunk of a RIFF/WAVE file, which libsndfile would not report."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(12)
        if len(header) < 12 or header[:4] != b"RIFF" or header[8:] != b"WAVE":
            return 0
        while len(chunk := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            if name == b"data":
                return 0 if length in _STREAMED else max(0, file.tell() + length - size)
            file.seek(length + length % 2, 1)
    return 0


def _ogg_has_no_end(path: Path) -> bool:
    """True if an Ogg file lacks its last page, which libsndfile would not report."""
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return False
        file.seek(max(0, path.stat().st_size - 2 * _LARGEST_OGG_PAGE))
        tail = file.read()
    last_page = tail.rfind(b"OggS")
    return last_page < 0 or not tail[last_page + 5] & 4


def _check_format(path: Path, file) -> None:
    allowed = _CONTAINERS.get(path.suffix.lower())
    if allowed and file.format not in allowed:
        raise AudioError(
            f"{path}: holds {file.format} data behind the extension {path.suffix}; rename it or convert it"
        )
    if file.subtype in _EIGHT_BIT:
        raise AudioError(
            f"{path}: 8-bit samples ({file.subtype}), whose noise drowns quiet speech; "
            "use the 16-bit original (or convert it to 16 bit to accept the loss)"
        )
    if file.frames == 0:
        raise AudioError(f"{path}: holds no samples; record it again or leave it out")


def _sample_range(path: Path, file, start_seconds: float | None, end_seconds: float | None) -> tuple[int, int]:
    """First sample of the part and the first one after it."""
    longest = 2 * file.frames / file.samplerate  # limits huge times, whose product with the rate would overflow
    begin = 0 if start_seconds is None else round(min(start_seconds, longest) * file.samplerate)
    stop = file.frames if end_seconds is None else round(min(end_seconds, longest) * file.samplerate)
    if not 0 <= begin < stop:
        raise AudioError(
            f"{path}: the part {start_seconds} s to {end_seconds} s is empty or starts before 0; correct it"
        )
    # Rounded times in a table may lie a few milliseconds past the end; later ones are errors in the table.
    if begin >= file.frames or stop > file.frames + file.samplerate // 100:
        raise AudioError(
            f"{path}: the part {start_seconds} s to {end_seconds} s is not in it, "
            f"it ends at {file.frames / file.samplerate:.3f} s; correct it"
        )
    return begin, min(stop, file.frames)


def sound_files(folder: str | Path) -> list[Path]:
    """Returns the sound files in a folder and its subfolders, sorted by path.

    Raises:
        FileNotFoundError: the folder does not exist or holds no sound file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; check the path")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _CONTAINERS and path.is_file())
    if not paths:
        raise FileNotFoundError(f"{folder}: no sound file in it ({', '.join(_CONTAINERS)}); check the path")
    return paths
