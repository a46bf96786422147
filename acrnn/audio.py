"""Any sound file → waveform: mono float32 in [-1, 1] at the front end's sampling rate. Errors name the file."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

# The containers libsndfile may find behind an extension; an extension that is not listed is taken as it comes.
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
_MOST_CHANNELS = 32  # more are samples in the wrong place
_LOUDEST = 8.0  # times full scale: louder is no overshoot but another unit
_STREAMED = (0, 0xFFFFFFFF)  # the sizes a program writes into a WAV header when it cannot go back to correct it


class AudioError(ValueError):
    """A sound file that cannot be used; the message names the file, what is wrong and the remedy."""


def load_waveform(
    path: str | Path,
    sample_rate_hz: int,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
) -> np.ndarray:
    """Waveform of a sound file, mixed down to mono and resampled.

    Args:
        path: wav, flac, ogg, mp3 or whatever else libsndfile reads; any rate, any number of channels.
        sample_rate_hz: the rate wanted.
        start_seconds, end_seconds: the part wanted; None for the file's start and end.

    Returns:
        float32 [samples], in [-1, 1] but for the overshoot that resampling may add.

    Raises:
        FileNotFoundError: there is no such file.
        AudioError: the file is empty, truncated, not audio, of another format than its extension says, 8-bit,
            silent, or holds NaN or infinite samples; or the part wanted lies outside of it.
    """
    path = Path(path)
    samples, rate_hz = _decode(path, start_seconds, end_seconds)
    return resampled(check_waveform(samples.mean(axis=1), str(path)), rate_hz, sample_rate_hz)


def resampled(waveform: np.ndarray, rate_hz: int, new_rate_hz: int) -> np.ndarray:
    """A waveform [samples] at another sampling rate."""
    if rate_hz == new_rate_hz:
        return waveform
    import soxr

    return soxr.resample(waveform, rate_hz, new_rate_hz, quality="HQ")


def mono(samples: np.ndarray, name: str) -> np.ndarray:
    """Samples as a mono waveform float32 [samples] in [-1, 1].

    Args:
        samples: [samples] or [samples, channels]; float in [-1, 1], or int16.
        name: what the message calls them.

    Raises:
        AudioError: they have another shape or type, or float samples are far outside of [-1, 1].
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
    """How long a sound file says it is; 0 when it cannot be asked, which `load_waveform` will explain."""
    import soundfile

    try:
        return soundfile.info(path).duration
    except (soundfile.LibsndfileError, OSError):
        return 0.0


def sample_rate_hz(path: str | Path) -> int:
    """The rate a sound file was recorded at."""
    import soundfile

    return soundfile.info(path).samplerate


def check_waveform(waveform: np.ndarray, name: str) -> np.ndarray:
    """The waveform, if it can be analyzed at all: samples there, all finite, not all equal.

    Raises:
        AudioError: it cannot; `name` is what the message calls it.
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
    """The waveform, if all its samples are finite.

    Raises:
        AudioError: some are not.
    """
    if bad := int(waveform.size - np.isfinite(waveform).sum()):
        raise AudioError(
            f"{name}: {bad} of {waveform.size} samples are NaN or infinite; export it again or leave it out"
        )
    return waveform


def _decode(path: Path, start_seconds: float | None, end_seconds: float | None) -> tuple[np.ndarray, int]:
    import soundfile

    _check_file(path)
    try:
        with soundfile.SoundFile(path) as file:
            _check_format(path, file)
            begin, stop = _sample_range(path, file, start_seconds, end_seconds)
            file.seek(begin)
            samples = file.read(stop - begin, dtype="float32", always_2d=True)
            rate_hz = file.samplerate
    except soundfile.LibsndfileError as error:
        raise AudioError(
            f"{path}: not readable as audio ({error.error_string}); convert it to 16-bit WAV or FLAC"
        ) from error
    if len(samples) < stop - begin:
        raise AudioError(
            f"{path}: truncated, {len(samples)} of {stop - begin} samples are there; copy or export it again"
        )
    return samples, rate_hz


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
    """Bytes of the data chunk that a RIFF/WAVE file announces but does not have; libsndfile would not tell."""
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
    """Whether an Ogg file lacks the page that ends its stream; libsndfile would read what is there."""
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
    longest = 2 * file.frames / file.samplerate  # keeps a time that is far too large a number one can multiply
    begin = 0 if start_seconds is None else round(min(start_seconds, longest) * file.samplerate)
    stop = file.frames if end_seconds is None else round(min(end_seconds, longest) * file.samplerate)
    if not 0 <= begin < stop:
        raise AudioError(
            f"{path}: the part {start_seconds} s to {end_seconds} s is empty or starts before 0; correct it"
        )
    # Rounding of the times in a table may point a few milliseconds past the end; more than that is a wrong table.
    if begin >= file.frames or stop > file.frames + file.samplerate // 100:
        raise AudioError(
            f"{path}: the part {start_seconds} s to {end_seconds} s is not in it, "
            f"it ends at {file.frames / file.samplerate:.3f} s; correct it"
        )
    return begin, min(stop, file.frames)
